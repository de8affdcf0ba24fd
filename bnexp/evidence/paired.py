"""One metric on the pairs of two sides: estimate, tests, and what so many pairs can detect.

The number of pairs is fixed before they are trained, and nothing is asserted before all are there; or pairs are added
until all is decided, and the tests are `stats.sequential`'s, which hold at every look.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from bnexp.evidence.metric import Metric
from bnexp.evidence.rule import (
    FEWEST,
    LEVEL,
    Direction,
    Verdict,
    direction,
    enough,
    in_family,
    ratio_direction,
    t_interval,
)
from bnexp.evidence.side import Pairs, Side, pairs, place
from bnexp.evidence.time_to_accuracy import paired_times
from bnexp.specs.experiment import MARGIN, compared_points
from bnexp.stats.bootstrap import Sources, image_differences, sources
from bnexp.stats.estimates import Interval, Share
from bnexp.stats.paired import SignFlip, improvement, mcnemar, minimum_detectable_effect, sign_flip_test, tost
from bnexp.stats.sequential import anytime_equivalence, anytime_interval, anytime_test


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One side against another in one metric, pair by pair.  Differences are second minus first; times have a ratio."""

    planned: int
    """Pairs that both sides planned; in `difference.n` of them both trained, and they are proven to be pairs."""
    outcomes: tuple[tuple[bool, bool], ...]
    """Of each pair that has a result on both sides, failures too: whether each of the two trained."""
    trained_test: SignFlip
    """McNemar's, of: both sides train equally often."""
    trained_p_holm: float
    """Its p after Holm's correction over the family; NaN where so few outcomes differ that it cannot be below .05."""
    seeds: tuple[int, ...]
    """The seed of each of the `differences`."""
    values: tuple[tuple[float, float], ...] = ()
    """Of both trials of each pair, in the metric's unit."""
    differences: tuple[float, ...]
    """One per pair, in order of the seeds; of accuracies in percentage points."""
    difference: Interval
    """Their mean with its `rule.t_interval`; of a sequential comparison the one that holds at every look; the `ratio`
    of times."""
    test: SignFlip
    """Of: they are symmetric around zero, or around the nearer end of the margin; of times, the log-rank test."""
    pending: int
    """Planned pairs that have no result yet; 0 of a sequential comparison, which plans none."""
    sequential: bool = False
    """Whether pairs are added until all is decided."""
    asserts: bool = True
    """Whether it is the primary metric; all others are exploratory."""
    p_holm: float
    """The sign-flip p after Holm's correction over the family."""
    family: int
    """Comparisons with a p-value that are corrected together."""
    least: float
    """The smallest p after Holm's correction that so many pairs could have had, beside the p of the others."""
    confidence: float = 0.95
    """Of the interval."""
    beyond: float = 0.0
    """A difference is asserted only beyond ± this, a ratio only beyond 1 + this or its reciprocal."""
    ratio: Interval | None = None
    """Of times to a target, the second side's over the first's (`stats.time_ratio`)."""
    declared: str
    """Why the pairs are by seed only; empty where fingerprints prove them."""
    mismatches: Mapping[int, str]
    """Seed to the fingerprints that disagree: pairs that were left out."""

    @property
    def trained(self) -> tuple[int, int]:
        """Trials of each side that trained, of the `outcomes`."""
        first, second = (sum(pair[k] for pair in self.outcomes) for k in (0, 1))
        return first, second

    @property
    def trains(self) -> Direction:
        """Whether the second side was shown to train more often (higher) or less often (lower)."""
        first, second = self.trained
        shown = self.asserts and self.trained_p_holm < LEVEL
        return "undecided" if not shown else "higher" if second > first else "lower"

    @property
    def shift(self) -> Direction:
        """Whether the second side's values were shown to be higher or lower."""
        if self.ratio:
            return ratio_direction(self.ratio, self.p_holm)
        return direction(self.difference, self.p_holm, margin=self.beyond)

    @property
    def detectable(self) -> float:
        """The smallest true difference that is asserted with 80 % power, at Holm's first step (`stats.paired`).

        NaN of a sequential comparison: more pairs are what it takes there.
        """
        if self.sequential:
            return math.nan
        level = LEVEL / max(1, self.family)
        return minimum_detectable_effect(self.differences, confidence=self.confidence, level=level, margin=self.beyond)

    @property
    def by_resolution(self) -> bool:
        """Whether the pairs do not scatter, and the interval is that of the steps in which the values come."""
        return len(set(self.differences)) == 1 and self.difference.half_width > 0


Found = TypeVar("Found", bound=Estimate)


@dataclass(frozen=True, kw_only=True)
class Comparison(Estimate):
    """One variant against a baseline at one place of the grid in one metric."""

    point: int
    baseline_point: int | None
    """None: the baseline was not planned at this place."""
    variant: str
    baseline: str
    coordinates: Mapping[str, Any]
    metric: Metric
    improvement: Share
    same: bool = False
    """Whether the two specs are equal: then each pair is one trial, compared with itself."""
    margin: float | None = MARGIN
    """Smaller differences, in the unit of differences, do not matter; None: not tested for equivalence."""
    equivalence_p: float = math.nan
    """Of two one-sided tests of a difference beyond the margin."""
    equivalence_p_holm: float = math.nan
    """The same after Holm's correction over the comparisons with such a p, which are a family of their own,"""
    equivalence_family: int = 1
    """so many of them."""
    sampling: Sources | None = None
    """What of the error comes from the seeds and what from the test images, in points; None where it is not known."""

    @property
    def verdict(self) -> Verdict:
        """What the pairs show."""
        if self.same or (self.difference.n < FEWEST and not self.pending):
            return "nothing"
        if self.pending or not self.asserts:
            return "pending" if self.asserts else "exploratory"
        return "equivalent" if self.shift == "undecided" and self.equivalent else self.shift

    @property
    def equivalent(self) -> bool:
        """Whether the difference was shown to lie within the margin, however it differs from zero."""
        shown = self.equivalence_p_holm < LEVEL and self.trains == "undecided" and not self.pending
        return shown and enough(self.difference.n, self.planned)


def comparisons(
    found: Sequence[Side],
    baselines: Sequence[str],
    metric: Metric,
    margin: float | None,
    *,
    asserts: bool = True,
    sequential: bool = False,
    sampled: bool = True,
) -> list[Comparison]:
    """Each against each of the `baselines` at its place in a metric, as one family; `sampled`: with the images' error.

    By baseline, then in the order of the sides, which have the names of their variants.  Without `asserts` no p is
    corrected.  What cannot be tested for equivalence, for want of scatter, counts in the family as not shown.
    """
    every = [
        _comparison(
            found[k],
            None if base is None else found[base],
            baseline,
            metric,
            margin,
            asserts=asserts,
            sequential=sequential,
            sampled=sampled,
        )
        for k, baseline, base in compared_points([(each.name, place(each.coordinates)) for each in found], baselines)
    ]
    if not asserts:
        return every
    tested = [1.0 if c.differences and math.isnan(c.equivalence_p) else c.equivalence_p for c in every]
    size = sum(not math.isnan(p) for p in tested)
    every = [replace(c, equivalence_p_holm=p, equivalence_family=size) for c, p in zip(every, tested, strict=True)]
    return corrected(every, equivalence_p_holm=lambda c: c.equivalence_p_holm)


def corrected(found: Sequence[Found], **apart: Callable[[Found], float]) -> list[Found]:
    """`found` as one family, of their means and of how often they train, and `apart` another one (`rule.in_family`).

    The p of a comparison with pending pairs is 1: what is said of the others then rests on no early look at it.
    """
    return in_family(
        found,
        lambda each: 1.0 if each.pending else each.test.p,
        also={"trained_p_holm": _correctable_outcome},
        apart=apart,
    )


def _correctable_outcome(each: Estimate) -> float:
    if each.sequential:  # a family that grows would open again what was decided
        return each.trained_test.p
    return math.nan if each.pending else correctable(each.trained_test)


def correctable(test: SignFlip) -> float:
    """The p of a test that can go below .05; NaN, and so no member of the family, where too few outcomes are unlike.

    After Tarone 1990, https://doi.org/10.2307/2531456.
    """
    return test.p if test.smallest < LEVEL else math.nan


def estimate(
    found: Pairs,
    metric: Metric,
    *,
    confidence: float = 0.95,
    margin: float = 0.0,
    sequential: bool = False,
    asserts: bool = True,
) -> Estimate:
    """What the pairs show in a metric, as a family of its own; the test is of a difference beyond ±`margin`.

    Means are over pairs in which both trained; times over all, since who does not train never gets there.
    `sequential` tests and intervals hold at every look (`stats.sequential`, whose bets have the scale of accuracies).
    """
    values = {
        seed: value
        for seed, both in found.finished.items()
        if (metric.runs or all(found.outcomes[seed])) and (value := metric.pair(*both)) is not None
    }
    # Shares of the same test set: without the rounding error of the subtraction, so that ties are ties.
    differences = tuple(round(second - first, 9) for first, second in values.values() if not metric.runs)
    d = np.array(differences)
    steps = [metric.resolution(record) or 0.0 for seed in values for record in found.finished[seed]]
    outcomes = tuple(found.outcomes.values())
    if sequential:
        test, difference = anytime_test(d, margin=margin), anytime_interval(d, confidence=confidence)
        trained_test = anytime_test(
            [second - first for first, second in np.array(outcomes, dtype=float).reshape(-1, 2)]
        )
    else:
        test = sign_flip_test(d - np.clip(d.mean(), -margin, margin) if margin and d.size else d)
        difference = t_interval(differences, confidence=confidence, resolution=max(steps, default=0.0))
        trained_test = mcnemar(outcomes)
    if metric.runs:
        base, mine = (metric.runs({seed: found.finished[seed][k] for seed in values}) for k in (0, 1))
        times = paired_times(mine, base, confidence=confidence, margin=margin)
        test, difference = times.test, times.ratio
    return Estimate(
        planned=len(found.planned),
        outcomes=outcomes,
        trained_test=trained_test,
        trained_p_holm=correctable(trained_test),
        seeds=tuple(values),
        values=tuple(values.values()),
        differences=differences,
        difference=difference,
        test=test,
        pending=0 if sequential else found.pending,
        sequential=sequential,
        asserts=asserts,
        p_holm=test.p,
        family=1,
        least=test.smallest,
        confidence=confidence,
        beyond=margin,
        ratio=difference if metric.runs else None,
        declared=found.declared,
        mismatches=found.mismatches,
    )


def _comparison(
    mine: Side,
    base: Side | None,
    baseline: str,
    metric: Metric,
    margin: float | None,
    *,
    asserts: bool,
    sequential: bool,
    sampled: bool,
) -> Comparison:
    found = pairs(base or Side(baseline, mine.spec, {}), mine)
    estimated = estimate(found, metric, sequential=sequential, asserts=asserts)
    same = base is not None and base.spec == mine.spec
    equivalence = anytime_equivalence if sequential else tost
    return Comparison(
        point=mine.point,
        baseline_point=base.point if base else None,
        variant=mine.name,
        baseline=baseline,
        coordinates=mine.coordinates,
        metric=metric,
        improvement=improvement(estimated.differences),
        same=same,
        margin=margin,
        equivalence_p=math.nan if margin is None else equivalence(estimated.differences, margin).p,
        sampling=_sampling(found, estimated.seeds) if sampled and not same else None,
        **vars(estimated),
    )


def _sampling(found: Pairs, seeds: Sequence[int]) -> Sources | None:
    """From the misclassified images that the records name; None for fewer than two pairs, or different images."""
    tests = [
        (mine.test, base.test) for seed in seeds for base, mine in [found.finished[seed]] if mine.test and base.test
    ]
    sizes = {test.examples for pair in tests for test in pair}
    if len(tests) < 2 or "other data" in found.declared or len(sizes) != 1:
        return None
    missed, base_missed = ([pair[k].missed for pair in tests] for k in (0, 1))
    return sources(100.0 * image_differences(missed, base_missed, sizes.pop()))
