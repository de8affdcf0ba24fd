"""What moving averages do to the figures of batch-dependent methods: sentences that are computed.

After k steps a moving average of momentum m still holds m^k of its initial value.  Until that has faded, figures in
inference mode speak against a method for a reason that is not the method.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.records.plan import StoredPlan
from bnexp.reporting.numbers import fixed, significant
from bnexp.reporting.part import Context, Part
from bnexp.reporting.phrases import named, span
from bnexp.specs.wording import every

FADED = 0.01  # a moving average has settled once it holds less than this share of its initial value


def settled(momentum: float) -> int:
    """Steps after which a moving average holds less than `FADED` of its initial value: ⌈ln 0.01 / ln m⌉."""
    return math.floor(math.log(FADED) / math.log(momentum)) + 1 if momentum else 1


def moving_averages(evidence: Evidence, _: Context) -> Part | None:
    """How long they lag, and what recalibration changes."""
    plan, conditions = evidence.plan, evidence.conditions
    momenta = {k: m for k, point in enumerate(plan.points) if (m := point.spec["norm"].get("momentum")) is not None}
    recalibrated = (_recalibrated(c) for c in conditions if c.recalibration.n > 1)
    said = (*_lags(momenta, plan), *_short(momenta, conditions), *recalibrated)
    return (
        Part("Moving averages", "whether they had warmed up, and what recalibration changes", sentences=said)
        if said
        else None
    )


def caveat(condition: Condition) -> str:
    """What a sentence on the test accuracy must add where moving averages are to blame; empty where they are not.

    They are where recalibration gains, with its whole 95 % interval above zero.
    """
    if not condition.recalibration.low > 0:  # NaN where there is no interval
        return ""
    recalibrated, plain = (fixed(estimate.mean, 2) for estimate in (condition.recalibrated, condition.accuracy))
    return (
        f" The moving averages of {condition.variant} explain (part of) this. With recalibrated statistics the "
        f"same weights reach {recalibrated} % instead of {plain} %."
    )


def artefact(condition: Condition, momentum: float | None, margin: float) -> str:
    """`not warmed up (57 of about 460 steps): 10.00 % with them, 97.30 % with recalibrated statistics`, or nothing.

    Nothing where recalibration shows no gain, or one of less than the margin from averages that had warmed up.
    """
    gain, steps = condition.recalibration, condition.length
    if momentum is None or steps is None or (gain.n > 1 and not gain.low > 0):
        return ""
    if steps < settled(momentum):
        why = f"not warmed up ({steps} of about {significant(settled(momentum), 2)} steps)"
    elif gain.n > 1 and gain.mean >= margin:
        why = f"they cost {fixed(gain.mean, 2)} pp"
    else:
        return ""
    plain, recalibrated = (fixed(each.mean, 2) for each in (condition.accuracy, condition.recalibrated))
    return f"{why}: {plain} % with them, {recalibrated} % with recalibrated statistics" if gain.n else why


def _lags(momenta: Mapping[int, float], plan: StoredPlan) -> list[str]:
    """One sentence per momentum on the early part of the curves."""
    by_momentum: dict[float, dict[str, None]] = {}
    for k, momentum in momenta.items():
        by_momentum.setdefault(momentum, {})[plan.points[k].variant] = None
    return [
        f"Validation and test figures of {every([*names])} use moving averages (momentum {momentum:g}), which "
        f"hold more than 1 % of their initial value until step {settled(momentum)}: earlier points of these curves say "
        "little about the method."
        for momentum, names in by_momentum.items()
    ]


def _short(momenta: Mapping[int, float], conditions: Sequence[Condition]) -> Iterator[str]:
    """Trainings that end before their moving averages have settled."""
    for c in conditions:
        momentum = momenta.get(c.point)
        if momentum is not None and c.length is not None and c.length < settled(momentum):
            left = 100 * momentum**c.length
            yield (
                f"{named(c)}: training ends after {c.length} steps, when the moving averages "
                f"still hold {fixed(left, 0 if left >= 10 else 1)} % of their initial value; look at recalibrated "
                "statistics there."
            )


def _recalibrated(c: Condition) -> str:
    plain, recalibrated, batch = (fixed(e.mean, 2) for e in (c.accuracy, c.recalibrated, c.batch_statistics))
    change = c.recalibration
    does = "makes no detectable difference" if change.contains_zero else "gains" if change.mean > 0 else "costs"
    return (
        f"{named(c)}: {plain} % with moving averages, {recalibrated} % recalibrated, {batch} % with each batch's own "
        f"statistics; recalibration {does} ({span(change)} pp, n = {change.n})."
    )
