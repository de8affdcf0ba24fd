"""Whether two records of one trial say the same: bit by bit, within a tolerance, or where they first part.

What a training says is looked at in the order in which it comes about: data, order of the examples and initial weights
by their fingerprints, then the evaluations, then the test images.  Times, memory, execution and environment are not:
they belong to the machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bnexp.records.record import Brief, Evaluation, Test, TrialRecord

TOLERANCE = 1e-3
"""Of a loss in nats, and of a share: a tenth of a percentage point."""

Verdict = Literal["identical", "within tolerance", "different"]


@dataclass(frozen=True)
class Parting:
    """One figure in which two records differ."""

    where: str
    """`initial weights`, `evaluation 3 (step 170)`, `test`."""
    key: str
    stored: Any
    again: Any


@dataclass(frozen=True)
class Sameness:
    """How far two records of one trial say the same."""

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


@dataclass(frozen=True)
class _Figure:
    where: str
    key: str
    stored: Any
    again: Any
    images: int | None = None
    """Of an accuracy: how many images it is a share of, since one image more or less is no sign of anything."""
    kind: Literal["exact", "loss", "share", "detail"] = "exact"
    """`exact` has no tolerance; a `detail` follows from other figures, and counts for identity alone."""


def same(stored: TrialRecord, again: TrialRecord, tolerance: float = TOLERANCE) -> Sameness:
    """Compare two records of one trial.

    Losses may differ by `tolerance` nats, accuracies by `tolerance` or one image, whichever is more; fingerprints,
    counts and the step of a divergence not at all.  Raises ValueError where they are not of one trial.
    """
    if stored.identity != again.identity:
        raise ValueError(f"records of two trials, {stored.identity[:16]} and {again.identity[:16]}")
    figures = list(_figures(stored, again))
    unlike = [each for each in figures if each.stored != each.again]
    beyond = [each for each in unlike if not _tolerated(each, tolerance)]
    return Sameness(
        verdict="different" if beyond else "within tolerance" if unlike else "identical",
        tolerance=tolerance,
        compared=len(figures),
        first=_parting(unlike),
        beyond=_parting(beyond),
        differing=len(unlike),
        largest_loss=_largest(unlike, "loss"),
        largest_share=_largest(unlike, "share"),
    )


def _figures(stored: TrialRecord, again: TrialRecord) -> Iterator[_Figure]:
    yield _Figure("data", "SHA-256", stored.data_hash, again.data_hash)
    for key in ("train_examples", "validation_examples"):
        yield _Figure("data", key, getattr(stored, key), getattr(again, key))
    one, other = stored.fingerprints, again.fingerprints
    for key in ("validation", "order"):
        yield _Figure("fingerprints", key, getattr(one, key, None), getattr(other, key, None))
    weights = (one.weights if one else {}), (other.weights if other else {})
    for path in dict.fromkeys([*weights[0], *weights[1]]):
        yield _Figure("initial weights", path, weights[0].get(path), weights[1].get(path))
    for kind in ("trainable", "non_trainable", "normalization"):
        yield _Figure("parameters", kind, getattr(stored.parameters, kind, None), getattr(again.parameters, kind, None))
    for k in range(max(len(stored.evaluations), len(again.evaluations))):
        yield from _evaluation(k, stored, again)
    yield _Figure("outcome", "status", stored.status, again.status)
    yield _Figure("outcome", "diverged_at_step", stored.diverged_at_step, again.diverged_at_step)
    yield from _test(stored.test, again.test)
    for key in ("batch", "recalibrated"):
        mine, twin = getattr(stored.other_statistics, key, None), getattr(again.other_statistics, key, None)
        yield from _brief(f"test under {key} statistics", mine, twin, stored.test.examples if stored.test else None)


def _evaluation(k: int, stored: TrialRecord, again: TrialRecord) -> Iterator[_Figure]:
    one = stored.evaluations[k] if k < len(stored.evaluations) else None
    other = again.evaluations[k] if k < len(again.evaluations) else None
    known = one or other
    where = f"evaluation {k + 1} (step {known.step:,})" if known else ""
    if one is None or other is None:
        yield _Figure(where, "evaluation", one and "there", other and "there")
        return
    before = stored.evaluations[k - 1].examples if k else 0
    images = {"train_accuracy": one.examples - before, "validation_accuracy": stored.validation_examples}
    for key in Evaluation.model_fields:
        if key != "seconds":
            kind: Any = "loss" if key.endswith("loss") else "share" if key.endswith("accuracy") else "exact"
            yield _Figure(where, key, getattr(one, key), getattr(other, key), images.get(key), kind)


def _test(one: Test | None, other: Test | None) -> Iterator[_Figure]:
    if one is None or other is None:
        if one is not other:
            yield _Figure("test", "figures", one and "there", other and "there")
        return
    yield _Figure("test", "examples", one.examples, other.examples)
    yield from _brief("test", one, other, one.examples)
    yield _Figure("test", "examples_per_class", one.examples_per_class, other.examples_per_class)
    for key in ("correct_per_class", "missed"):
        yield _Figure("test", key, getattr(one, key), getattr(other, key), kind="detail")


def _brief(where: str, one: Test | Brief | None, other: Test | Brief | None, images: int | None) -> Iterator[_Figure]:
    if one is None or other is None:
        if one is not other:
            yield _Figure(where, "figures", one and "there", other and "there")
        return
    yield _Figure(where, "loss", one.loss, other.loss, kind="loss")
    yield _Figure(where, "accuracy", one.accuracy, other.accuracy, images, kind="share")


def _tolerated(figure: _Figure, tolerance: float) -> bool:
    if figure.kind == "detail":
        return True
    if figure.kind == "exact" or figure.stored is None or figure.again is None:
        return False
    allowed = max(tolerance, 1 / figure.images) if figure.images else tolerance
    return abs(float(figure.stored) - float(figure.again)) <= allowed * (1 + 1e-9)


def _largest(unlike: list[_Figure], kind: str) -> float:
    found = [
        abs(float(each.stored) - float(each.again))
        for each in unlike
        if each.kind == kind and each.stored is not None and each.again is not None
    ]
    return max(found, default=0.0)


def _parting(figures: list[_Figure]) -> Parting | None:
    if not figures:
        return None
    first = figures[0]
    return Parting(first.where, first.key, first.stored, first.again)
