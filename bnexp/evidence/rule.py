"""The rules: Holm's correction, and from estimates and tests to what may be asserted.  Pure numbers, nothing is read.

The report asserts a difference where interval and corrected test agree (`direction`); `compare`, which stops a job,
goes by the interval alone and a margin (`judge`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from scipy import special

from bnexp.stats.estimates import Interval
from bnexp.stats.multiplicity import holm

T = TypeVar("T")

FEWEST = 3
"""So many pairs at least for any verdict: two have next to no measure of their scatter."""

LEVEL = 0.05
"""Of every test, after Holm's correction."""

Direction = Literal["higher", "lower", "signs", "undecided"]
"""higher, lower: interval and corrected test both see the difference; signs: only one of them does; undecided: neither,
or each in another direction."""

Verdict = Literal["higher", "lower", "signs", "equivalent", "undecided", "nothing"]
"""A `Direction`, or else: equivalent: neither sees a difference, and the corrected test of equivalence shows it to lie
within the margin; undecided: nor that; nothing: too few pairs, or too many diverged, to speak of a mean."""


def too_many_diverged(diverged: int, trained: int) -> bool:
    """Whether so many of the trained runs diverged that a mean over the others would flatter."""
    return diverged > 0.1 * trained


def direction(interval: int, test: int) -> Direction:
    """Where interval and corrected test see the difference: 1 above, -1 below, 0 not at all."""
    if interval == test:
        return "higher" if interval > 0 else "lower" if interval < 0 else "undecided"
    return "undecided" if interval and test else "signs"


def side_of(interval: Interval, null: float = 0.0) -> int:
    """Where the interval lies: 1 wholly above `null`, -1 wholly below, 0 if it includes it or is none."""
    return int(interval.low > null) - int(interval.high < null)


def in_family(found: Sequence[T], **p: Callable[[T], float]) -> list[T]:
    """`found` as one family of Holm's: each with its corrected p-values in the fields named, and in `family` its size.

    `p` holds the name of a field and what it corrects: `p_holm=lambda each: each.test.p`.  NaN, which is no test, stays
    so and does not count; the size is that of the first.
    """
    corrected = {name: holm([get(each) for each in found]).tolist() for name, get in p.items()}
    family = sum(not math.isnan(value) for value in next(iter(corrected.values())))
    rows = zip(*corrected.values(), strict=True)
    return [
        replace(each, family=family, **dict(zip(corrected, row, strict=True)))  # type: ignore[type-var]
        for each, row in zip(found, rows, strict=True)
    ]


@dataclass(frozen=True)
class Judgement:
    """What `compare` makes of some pairs, second side minus first, in the metric's unit."""

    verdict: Literal["regression", "improvement", "not shown"]
    noninferior: bool
    """Whether the whole interval lies on the better side of -margin."""
    difference: Interval
    """That is judged: of pairs without scatter widened to the resolution."""
    by_divergence: bool
    """Too many of one side diverged, so that the mean over the others is not judged."""
    by_resolution: bool
    """The pairs do not scatter, and the interval is that of the steps in which the values come."""


def judge(
    differences: Sequence[float],
    difference: Interval,
    p: float,
    *,
    higher_is_better: bool,
    margin: float = 0.0,
    confidence: float = 0.95,
    resolution: float = 0.0,
    diverged: tuple[int, int] = (0, 0),
    trained: int = 0,
) -> Judgement:
    """Judge `differences`, shape (n,), by the t interval of their mean and the p of their sign-flip test.

    Regression: the whole interval lies beyond -margin, the worse direction being negative; improvement: beyond
    +margin.  Differences without any scatter have an interval without width: two pairs that are both one image worse
    would be proof.  So it is widened to the resolution; where that is 0, the sign-flip test decides at 1 -
    confidence.

    `diverged` counts the runs of each side, among `trained` pairs, whose loss became infinite.  Where these are too
    many on one side, the mean over the others is not judged: it is a regression where more of the second side diverged
    than of the first, and else there is no verdict.
    """
    constant = len(differences) > 1 and len(set(differences)) == 1 and any(differences)
    by_resolution = constant and resolution > 0
    if by_resolution:
        # Values in steps of r are known to ±r/2, so that s is taken as that of such rounding on both sides, r/√6.
        t = float(special.stdtrit(difference.n - 1, (1 + confidence) / 2))
        half = t * (resolution / math.sqrt(6)) / math.sqrt(difference.n)
        difference = difference._replace(low=difference.mean - half, high=difference.mean + half)
    by_divergence = too_many_diverged(max(diverged), trained)
    telling = (by_resolution or not constant or p <= 1 - confidence) and not by_divergence
    mean, low, high, n = difference
    gain = difference if higher_is_better else Interval(-mean, -high, -low, n)
    regression = diverged[1] > diverged[0] if by_divergence else telling and side_of(gain, -margin) < 0
    improvement = telling and side_of(gain, margin) > 0
    return Judgement(
        verdict="regression" if regression else "improvement" if improvement else "not shown",
        noninferior=telling and side_of(gain, -margin) > 0,
        difference=difference,
        by_divergence=by_divergence,
        by_resolution=by_resolution,
    )
