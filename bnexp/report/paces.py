"""How much faster or slower than the baseline a variant reaches a validation accuracy, pair by pair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bnexp.report.comparisons import ENOUGH, LEVEL, TARGETS, Comparison, Condition, Measure, Runs, Verdict
from bnexp.stats.estimates import Interval, mean_interval
from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import SignFlip
from bnexp.stats.survival import Ratio, paired_log_rank, restricted, restricted_mean, time_ratio


@dataclass(frozen=True)
class Pace:
    """One variant against the baseline, to one target, in one measure of time."""

    ratio: Ratio
    """Time of the variant over that of the baseline, over the pairs of finished trials, diverged ones included."""
    restricted: float
    """Mean time of the variant within the shortest budget of both sides, over all of its finished trials."""
    baseline_restricted: float
    saved: Interval
    """Variant minus baseline in this time, paired."""
    test: SignFlip
    """The log-rank test for pairs."""
    p_holm: float
    """The p of that test after Holm's correction over the comparisons to the same target."""
    family: int
    missed: int
    """Runs of the variant in these pairs that did not get there."""
    baseline_missed: int
    unlike: int
    """Pairs that were left out of the seconds, because their trials did not share one machine alike."""

    @property
    def verdict(self) -> Verdict:
        """What the pairs show, by the rule of `Verdict`: interval of the ratio, and log-rank test."""
        low, middle, high, n = self.ratio.ratio.low, self.ratio.ratio.mean, self.ratio.ratio.high, self.ratio.ratio.n
        if n < ENOUGH or math.isnan(low):
            return "nothing"
        seen, tested = not low <= 1 <= high, self.p_holm < LEVEL
        if seen and tested:
            return "higher" if middle > 1 else "lower"
        return "signs" if seen or tested else "undecided"


def paces(
    conditions: Sequence[Condition], comparisons: Sequence[Comparison], measure: Measure = "steps"
) -> dict[tuple[int, int], Pace]:
    """By point and target, for the comparisons with finished trials on both sides that were measured against it.

    Holm's family is the comparisons to one target in one measure.
    """
    by_point = {each.point: each for each in conditions}
    found: dict[tuple[int, int], Pace] = {}
    for target in TARGETS:
        here = {}
        for c in comparisons:
            if c.baseline_point is None or c.same:
                continue
            mine, base = (by_point[k].runs[measure][target] for k in (c.point, c.baseline_point))
            if mine.seeds and base.seeds:
                here[c.point, target] = _pace(measure, mine, base, without=frozenset(c.mismatches))
        corrected = holm([each.test.p for each in here.values()])
        family = int((~np.isnan(corrected)).sum())
        for (key, each), p in zip(here.items(), corrected, strict=True):
            found[key] = replace(each, p_holm=float(p), family=family)
    return found


def _pace(measure: Measure, mine: Runs, base: Runs, without: frozenset[int]) -> Pace:
    budget = min(*mine.watched, *base.watched)
    seeds = [seed for seed in mine.seeds if seed in base.seeds and seed not in without]
    alike = [seed for seed in seeds if measure != "seconds" or mine.of([seed]).shared == base.of([seed]).shared]
    a, b = mine.of(alike), base.of(alike)
    test = paired_log_rank(a.reached, a.watched, b.reached, b.watched)
    return Pace(
        ratio=time_ratio(a.reached, a.watched, b.reached, b.watched),
        restricted=restricted_mean(mine.reached, mine.watched, budget),
        baseline_restricted=restricted_mean(base.reached, base.watched, budget),
        saved=mean_interval(restricted(a.reached, a.watched, budget) - restricted(b.reached, b.watched, budget)),
        test=test,
        p_holm=test.p,
        family=1,
        missed=sum(map(math.isnan, a.reached)),
        baseline_missed=sum(map(math.isnan, b.reached)),
        unlike=len(seeds) - len(alike),
    )
