"""What moving averages do to the figures of batch-dependent methods: sentences that are computed.

After k steps a moving average of momentum m still holds m^k of its initial value.  Until that has faded, figures in
inference mode speak against a method for a reason that is not the method.
"""

import math
from collections.abc import Sequence

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.records.plan import StoredPlan
from bnexp.reporting.numbers import fixed
from bnexp.reporting.part import Context, Part
from bnexp.reporting.phrases import enumerated, named, span

FADED = 0.01
"""A moving average has settled once it holds less than this share of its initial value."""


def settled(momentum: float) -> int:
    """Steps after which a moving average holds less than `FADED` of its initial value: ⌈ln 0.01 / ln m⌉."""
    return math.floor(math.log(FADED) / math.log(momentum)) + 1 if momentum else 1


def moving_averages(evidence: Evidence, _: Context) -> Part | None:
    """How long they lag, and what recalibration changes."""
    plan, conditions = evidence.plan, evidence.conditions
    recalibrated = (_recalibrated(c) for c in conditions if c.recalibration.n > 1)
    said = (*_lags(plan), *_short(conditions, plan), *recalibrated)
    return Part("Moving averages", sentences=said) if said else None


def caveat(condition: Condition) -> str:
    """What a sentence on the test accuracy must add where moving averages are to blame; empty where they are not.

    They are where recalibration gains, with its whole 95 % interval above zero.
    """
    if not condition.recalibration.low > 0:  # NaN where there is no interval
        return ""
    reached, mean = _mean(condition.recalibrated.mean), _mean(condition.accuracy.mean)
    return (
        f" Lagging moving averages of {condition.variant} explain (part of) this: with recalibrated statistics the "
        f"same weights reach {reached} % instead of {mean} %."
    )


def _momentum(plan: StoredPlan, point: int) -> float | None:
    value = plan.points[point].spec["norm"].get("momentum")
    return None if value is None else float(value)


def _lags(plan: StoredPlan) -> list[str]:
    """One sentence per momentum on the early part of the curves."""
    by_momentum: dict[float, list[str]] = {}
    for k, point in enumerate(plan.points):
        if (momentum := _momentum(plan, k)) is not None:
            names = by_momentum.setdefault(momentum, [])
            names.extend([point.variant] if point.variant not in names else [])
    return [
        f"Validation and test figures of {enumerated(names)} use moving averages (momentum {momentum:g}), which hold "
        f"more than 1 % of their initial value until step {settled(momentum)}: earlier points of these curves say "
        "little about the method."
        for momentum, names in by_momentum.items()
    ]


def _short(conditions: Sequence[Condition], plan: StoredPlan) -> list[str]:
    """Trainings that end before their moving averages have settled."""
    found = []
    for c in conditions:
        momentum, steps = _momentum(plan, c.point), c.length
        if momentum is not None and steps is not None and steps < settled(momentum):
            left = 100 * momentum**steps
            share = fixed(left, 0 if left >= 10 else 1)
            found.append(
                f"{named(c)}: training ends after {steps} steps, when the moving averages "
                f"still hold {share} % of their initial value; look at recalibrated statistics there."
            )
    return found


def _recalibrated(c: Condition) -> str:
    """How the same weights do with statistics recomputed over training images."""
    change, place = c.recalibration, named(c)
    figures = f"{_mean(c.accuracy.mean)} % with moving averages, {_mean(c.recalibrated.mean)} % recalibrated"
    figures += f", {_mean(c.batch_statistics.mean)} % with each batch's own statistics"
    does = "makes no detectable difference" if change.contains_zero else "gains" if change.mean > 0 else "costs"
    return f"{place}: {figures}; recalibration {does} ({span(change)} pp, n = {change.n})."


def _mean(value: float) -> str:
    return fixed(value, 2)
