"""Whether two records of one trial agree: bit by bit, within a tolerance, or where they first part.

Figures are looked at in the order in which they come about: data and initial weights, evaluations, the outcome, the
test images.  What belongs to the machine is not: times, memory, execution, environment.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from bnexp.records.quantities import EVALUATION, QUANTITIES, Agreement, Quantity
from bnexp.records.record import TrialRecord
from bnexp.specs.probes import PROBES

Verdict = Literal["identical", "within tolerance", "different"]


@dataclass(frozen=True)
class Parting:
    """One figure in which two records differ."""

    where: str
    """`initial weights`, `evaluation 3 (step 170)`, or empty where the key says it."""
    key: str
    stored: Any
    again: Any


@dataclass(frozen=True)
class Sameness:
    """How far two records of one trial agree."""

    verdict: Verdict
    tolerance: float
    compared: int
    """Figures that were looked at: numbers and fingerprints."""
    first: Parting | None
    """The first that is not the same bit by bit."""
    beyond: Parting | None
    """The first that differs by more than the tolerance."""
    differing: int
    """Figures that are not the same bit by bit."""
    largest_loss: float
    """The largest difference of a loss, in nats."""
    largest_share: float
    """The largest difference of an accuracy, as a share."""


class _Figure(NamedTuple):
    parting: Parting
    agreement: Agreement = "exact"
    images: int | None = None
    """Of a share: how many images it is one of, since one image more or less is no sign of anything."""

    @property
    def distance(self) -> float:
        """How far the two values are apart; infinite where one of them is not there."""
        stored, again = self.parting.stored, self.parting.again
        return math.inf if stored is None or again is None else abs(float(stored) - float(again))

    def tolerated(self, tolerance: float) -> bool:
        if self.agreement in ("exact", "detail"):
            return self.agreement == "detail"
        return self.distance <= max(tolerance, 1 / self.images if self.images else 0.0) * (1 + 1e-9)


def agreement(stored: TrialRecord, again: TrialRecord, tolerance: float = 1e-3) -> Sameness:
    """Compare two records of one trial.

    Losses may differ by `tolerance` nats, accuracies by `tolerance` or one image, whichever is more; fingerprints,
    counts and the step of a divergence not at all.  Raises ValueError where they are not of one trial.
    """
    if stored.identity != again.identity:
        raise ValueError(f"records of two trials, {stored.identity[:16]} and {again.identity[:16]}")
    figures = list(_figures(stored, again))
    unlike = [each for each in figures if each.parting.stored != each.parting.again]
    beyond = [each for each in unlike if not each.tolerated(tolerance)]
    largest = {
        kind: max(
            (each.distance for each in unlike if each.agreement == kind and each.distance < math.inf), default=0.0
        )
        for kind in ("loss", "share")
    }
    return Sameness(
        verdict="different" if beyond else "within tolerance" if unlike else "identical",
        tolerance=tolerance,
        compared=len(figures),
        first=unlike[0].parting if unlike else None,
        beyond=beyond[0].parting if beyond else None,
        differing=len(unlike),
        largest_loss=largest["loss"],
        largest_share=largest["share"],
    )


def _figures(stored: TrialRecord, again: TrialRecord) -> Iterator[_Figure]:
    def figure(each: Quantity, one: Any, other: Any, where: str = "", images: int | None = None) -> _Figure:
        parting = Parting(where, each.name if where else each.label, each.get(one), each.get(other))
        return _Figure(parting, each.agreement, images or each.images(stored))

    outcome = [each for each in QUANTITIES if each.agreement and each.name.startswith(("status", "diverged", "test_"))]
    start = [each for each in QUANTITIES if each.agreement and each not in outcome]
    yield from (figure(each, stored, again) for each in start)
    weights = [record.fingerprints.weights if record.fingerprints else {} for record in (stored, again)]
    for path in dict.fromkeys([*weights[0], *weights[1]]):
        yield _Figure(Parting("initial weights", path, weights[0].get(path), weights[1].get(path)))
    for k, (one, other) in enumerate(zip_longest(stored.evaluations, again.evaluations), start=1):
        where = f"evaluation {k} (step {(one or other).step:,})"
        if one is None or other is None:
            yield _Figure(Parting(where, "evaluation", one and "there", other and "there"))
            continue
        # A training accuracy is a share of the examples since the evaluation before.
        since = one.examples - (stored.evaluations[k - 2].examples if k > 1 else 0)
        for each in EVALUATION:
            if each.agreement:
                yield figure(each, one, other, where, since if each.name == "train_accuracy" else None)
    yield from (figure(each, stored, again) for each in outcome)
    probed = [_probed(record) for record in (stored, again)]
    for where, key in dict.fromkeys([*probed[0], *probed[1]]):
        yield _Figure(Parting(where, key, *(found.get((where, key)) for found in probed)), "detail")


def _probed(record: TrialRecord) -> dict[tuple[str, str], float | None]:
    """What probes measured but times, by look, and quantity and layer."""
    return {
        (f"probe {name} (step {look.step:,})", f"{quantity} of {layer}"): value
        for name, looks in record.probes.items()
        if name not in PROBES or not PROBES[name].timing
        for look in looks
        for quantity, values in look.values.items()
        for layer, value in values.items()
    }
