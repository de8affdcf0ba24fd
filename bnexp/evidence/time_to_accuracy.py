"""How much faster or slower than the baseline a variant reaches a validation accuracy, pair by pair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bnexp.evidence.comparisons import ENOUGH, LEVEL, TARGETS, Comparison, Condition, Measure, Runs, Verdict
from bnexp.stats.estimates import Interval, mean_interval
from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import SignFlip
from bnexp.stats.survival import Ratio, log_rank_scores, paired_log_rank, restricted, restricted_mean, time_ratio


@dataclass(frozen=True)
class Pace:
    """One variant against the baseline, to one target, in one measure of time."""

    ratio: Ratio
    """Time of the variant over that of the baseline, over the pairs of finished trials, diverged ones included."""
    restricted: float
    """Mean time of the variant over these pairs, within the budget where any run of them did not get there."""
    baseline_restricted: float
    saved: Interval
    """Variant minus baseline in this time, paired."""
    test: SignFlip
    """The log-rank test for pairs, both sides watched within the same budget."""
    sooner: bool
    """Whether that test has the variant ahead."""
    p_holm: float
    """The p of that test after Holm's correction over the comparisons to the same target."""
    family: int
    missed: int
    """Runs of the variant in these pairs that did not get there."""
    baseline_missed: int
    unlike: int
    """Pairs that were left out of the seconds: their trials are not known to have run in the same surroundings."""

    @property
    def verdict(self) -> Verdict:
        """What the pairs show, by the rule of `Verdict`: interval of the ratio, and log-rank test."""
        if self.ratio.ratio.n < ENOUGH or math.isnan(self.ratio.ratio.low):
            return "nothing"
        if not self._evidence:
            return "undecided"
        if len(self._evidence) < 2:
            return "signs"
        faster = self._evidence[0]
        return "undecided" if faster is not self._evidence[1] else "lower" if faster else "higher"

    @property
    def faster(self) -> bool:
        """Whether what evidence there is has the variant ahead; without any, whether the ratio has."""
        return self._evidence[0] if self._evidence else self.ratio.ratio.mean < 1

    @property
    def _evidence(self) -> tuple[bool, ...]:
        """Of interval and test, those that see a difference: whether it has the variant ahead."""
        estimate = self.ratio.ratio
        seen = [estimate.mean < 1] if not estimate.low <= 1 <= estimate.high else []
        return (*seen, *([self.sooner] if self.p_holm < LEVEL else []))


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
    seeds = [seed for seed in mine.seeds if seed in base.seeds and seed not in without]
    alike = [seed for seed in seeds if measure != "seconds" or _alike(mine.of([seed]), base.of([seed]))]
    a, b = mine.of(alike), base.of(alike)
    ratio = time_ratio(a.reached, a.watched, b.reached, b.watched)
    missed, baseline_missed = (sum(map(math.isnan, side.reached)) for side in (a, b))
    if ratio.censored:  # whoever was watched for longer is so no more: then the two sides of a pair can be swapped
        a, b = a.within(ratio.budget), b.within(ratio.budget)
    budget = max([*a.watched, *b.watched], default=math.nan)
    test = paired_log_rank(a.reached, a.watched, b.reached, b.watched)
    return Pace(
        ratio=ratio,
        restricted=restricted_mean(a.reached, a.watched, budget),
        baseline_restricted=restricted_mean(b.reached, b.watched, budget),
        saved=mean_interval(restricted(a.reached, a.watched, budget) - restricted(b.reached, b.watched, budget)),
        test=test,
        sooner=float(log_rank_scores(a.reached, a.watched, b.reached, b.watched).sum()) > 0,
        p_holm=test.p,
        family=1,
        missed=missed,
        baseline_missed=baseline_missed,
        unlike=len(seeds) - len(alike),
    )


def _alike(one: Runs, other: Runs) -> bool:
    """Whether two runs are known to have had the same surroundings."""
    return one.surroundings == other.surroundings and None not in one.surroundings
