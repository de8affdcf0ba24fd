"""One metric on the pairs of two sides: estimate, tests, and what so many pairs can detect."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from bnexp.evidence.metric import METRICS, Metric
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
from bnexp.evidence.side import Counts, Pairs, Side, pairs, place
from bnexp.evidence.time_to_accuracy import paired_times
from bnexp.specs.experiment import MARGIN
from bnexp.stats.bootstrap import Sources, image_differences, sources
from bnexp.stats.estimates import Interval, Share
from bnexp.stats.paired import SignFlip, improvement, mcnemar, minimum_detectable_effect, sign_flip_test, tost


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One side against another in one metric, pair by pair.  Differences are second minus first, but of times there is
    the `ratio` of second to first."""

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
    """Their mean with its `rule.t_interval`."""
    test: SignFlip
    """Of: they are symmetric around zero, or around the nearer end of the margin; of times, the log-rank test."""
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
        return "undecided" if not self.trained_p_holm < LEVEL else "higher" if second > first else "lower"

    @property
    def shift(self) -> Direction:
        """Whether the second side's values were shown to be higher or lower."""
        if self.ratio:
            return ratio_direction(self.ratio, self.p_holm)
        return direction(self.difference, self.p_holm, margin=self.beyond)

    @property
    def detectable(self) -> float:
        """The smallest true difference that is asserted with 80 % power, at Holm's first step (`stats.paired`)."""
        level = LEVEL / max(1, self.family)
        return minimum_detectable_effect(self.differences, confidence=self.confidence, level=level, margin=self.beyond)

    @property
    def by_resolution(self) -> bool:
        """Whether the pairs do not scatter, and the interval is that of the steps in which the values come."""
        return len(set(self.differences)) == 1 and self.difference.half_width > 0


Found = TypeVar("Found", bound=Estimate)


@dataclass(frozen=True, kw_only=True)
class Comparison(Estimate):
    """One variant against the baseline at one place of the grid in test accuracy."""

    point: int
    baseline_point: int | None
    """None: the baseline was not planned at this place."""
    variant: str
    baseline: str
    coordinates: Mapping[str, Any]
    counts: Counts
    baseline_counts: Counts | None
    improvement: Share
    same: bool = False
    """Whether the two specs are equal: then each pair is one trial, compared with itself."""
    margin: float = MARGIN
    """Of the plan: smaller differences, in points, do not matter."""
    equivalence_p: float = math.nan
    """Of two one-sided tests of a difference beyond the margin."""
    equivalence_p_holm: float = math.nan
    """The same after Holm's correction over the family."""
    sampling: Sources | None = None
    """What of the error comes from the seeds and what from the test images, in points; None where it is not known."""

    @property
    def verdict(self) -> Verdict:
        """What the pairs show."""
        if self.difference.n < FEWEST or self.same:
            return "nothing"
        found = direction(self.difference, self.p_holm)
        return "equivalent" if found == "undecided" and self.equivalent else found

    @property
    def equivalent(self) -> bool:
        """Whether the difference was shown to lie within the margin, however it differs from zero."""
        shown = self.equivalence_p_holm < LEVEL and self.trains == "undecided"
        return shown and enough(self.difference.n, self.planned)


def comparisons(found: Sequence[Side], baseline: str, margin: float, *, sampled: bool = True) -> list[Comparison]:
    """Each against the `baseline` of its place, as one family, in their order; `sampled`: with the error of the images.

    Sides have the names of their variants.  What cannot be tested for equivalence, for want of scatter, counts in the
    family as not shown.
    """
    bases = {place(each.coordinates): each for each in found if each.name == baseline}
    every = [
        _comparison(each, bases.get(place(each.coordinates)), baseline, margin, sampled=sampled)
        for each in found
        if each.name != baseline
    ]
    return corrected(
        every, equivalence_p_holm=lambda c: 1.0 if c.differences and math.isnan(c.equivalence_p) else c.equivalence_p
    )


def corrected(found: Sequence[Found], **p: Callable[[Found], float]) -> list[Found]:
    """`found` as one family, in both of their tests and in `p` (`rule.in_family`)."""
    return in_family(found, trained_p_holm=lambda each: correctable(each.trained_test), **p)


def correctable(test: SignFlip) -> float:
    """The p of a test that can go below .05; NaN, and so no member of the family, where too few outcomes are unlike.

    After Tarone 1990, https://doi.org/10.2307/2531456.
    """
    return test.p if test.smallest < LEVEL else math.nan


def estimate(found: Pairs, metric: Metric, *, confidence: float = 0.95, margin: float = 0.0) -> Estimate:
    """What the pairs show in a metric, as a family of its own; the test is of a difference beyond ±`margin`.

    Means are over pairs in which both trained; times over all, since who does not train never gets there.
    """
    values = {
        seed: value
        for seed, both in found.finished.items()
        if (metric.runs or all(found.outcomes[seed])) and (value := metric.pair(*both)) is not None
    }
    # Shares of the same test set: without the rounding error of the subtraction, so that ties are ties.
    differences = tuple(round(second - first, 9) for first, second in values.values() if not metric.runs)
    d = np.array(differences)
    test, ratio = sign_flip_test(d - np.clip(d.mean(), -margin, margin) if margin and d.size else d), None
    if metric.runs:
        base, mine = (metric.runs({seed: found.finished[seed][k] for seed in values}) for k in (0, 1))
        times = paired_times(mine, base, confidence=confidence, margin=margin)
        test, ratio = times.test, times.ratio
    steps = [metric.resolution(record) or 0.0 for seed in values for record in found.finished[seed]]
    outcomes = tuple(found.outcomes.values())
    trained_test = mcnemar(outcomes)
    return Estimate(
        planned=len(found.planned),
        outcomes=outcomes,
        trained_test=trained_test,
        trained_p_holm=correctable(trained_test),
        seeds=tuple(values),
        values=tuple(values.values()),
        differences=differences,
        difference=t_interval(differences, confidence=confidence, resolution=max(steps, default=0.0)),
        test=test,
        p_holm=test.p,
        family=1,
        least=test.smallest,
        confidence=confidence,
        beyond=margin,
        ratio=ratio,
        declared=found.declared,
        mismatches=found.mismatches,
    )


def _comparison(mine: Side, base: Side | None, baseline: str, margin: float, *, sampled: bool) -> Comparison:
    found = pairs(base or Side(baseline, mine.spec, {}), mine)
    estimated = estimate(found, METRICS["test-accuracy"])
    same = base is not None and base.spec == mine.spec
    return Comparison(
        point=mine.point,
        baseline_point=base.point if base else None,
        variant=mine.name,
        baseline=baseline,
        coordinates=mine.coordinates,
        counts=mine.counts,
        baseline_counts=base.counts if base else None,
        improvement=improvement(estimated.differences),
        same=same,
        margin=margin,
        equivalence_p=tost(estimated.differences, margin).p,
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
