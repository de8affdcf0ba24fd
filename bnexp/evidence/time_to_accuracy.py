"""How much faster or slower than the baseline a variant reaches a validation accuracy, pair by pair."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bnexp.evidence.condition import Condition
from bnexp.evidence.family import in_family
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST, LEVEL, Direction, direction, side_of
from bnexp.evidence.runs import TARGETS, Measure, Runs
from bnexp.stats.estimates import Interval, mean_interval
from bnexp.stats.paired import SignFlip
from bnexp.stats.survival import Ratio, log_rank_scores, paired_log_rank, restricted, restricted_mean, time_ratio


@dataclass(frozen=True)
class TimeRatio:
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
    def verdict(self) -> Direction | Literal["nothing"]:
        """What the pairs show: the time is higher or lower, by the interval of the ratio and the log-rank test."""
        if self.ratio.ratio.n < FEWEST or math.isnan(self.ratio.ratio.low):
            return "nothing"
        return direction(*self._seen)

    @property
    def faster(self) -> bool:
        """Whether what evidence there is has the variant ahead; without any, whether the ratio has."""
        interval, test = self._seen
        return (interval or test or (-1 if self.ratio.ratio.mean < 1 else 1)) < 0

    @property
    def _seen(self) -> tuple[int, int]:
        """Where the interval of the ratio lies, and where the test sees the time."""
        tested = self.p_holm < LEVEL
        return side_of(self.ratio.ratio, 1), (-1 if self.sooner else 1) if tested else 0


Times = Mapping[tuple[int, int], TimeRatio]
"""By point of the plan, and target."""


def time_ratios(conditions: Sequence[Condition], comparisons: Sequence[Comparison], measure: Measure) -> Times:
    """For the comparisons with finished trials on both sides that were measured against a target.

    Holm's family is the comparisons to one target in one measure.
    """
    by_point = {each.point: each for each in conditions}
    found: dict[tuple[int, int], TimeRatio] = {}
    for target in TARGETS:
        here = {}
        for c in comparisons:
            if c.baseline_point is None or c.same:
                continue
            mine, base = (by_point[k].runs[measure][target] for k in (c.point, c.baseline_point))
            if mine.seeds and base.seeds:
                here[c.point, target] = paired_times(mine, base, without=c.mismatches, alike=measure == "seconds")
        found |= zip(here, in_family([*here.values()], p_holm=lambda each: each.test.p), strict=True)
    return found


def paired_times(mine: Runs, base: Runs, *, without: Collection[int] = (), alike: bool = False) -> TimeRatio:
    """A family of its own; over the seeds of both but for those `without`, and of `alike` surroundings if so wished."""
    seeds = [seed for seed in mine.seeds if seed in base.seeds and seed not in without]
    kept = [seed for seed in seeds if not alike or _alike(mine.of([seed]), base.of([seed]))]
    a, b = mine.of(kept), base.of(kept)
    ratio = time_ratio(a.reached, a.watched, b.reached, b.watched)
    missed, baseline_missed = (sum(map(math.isnan, side.reached)) for side in (a, b))
    if ratio.censored:  # whoever was watched for longer is so no more: then the two sides of a pair can be swapped
        a, b = a.within(ratio.budget), b.within(ratio.budget)
    budget = max([*a.watched, *b.watched], default=math.nan)
    test = paired_log_rank(a.reached, a.watched, b.reached, b.watched)
    return TimeRatio(
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
        unlike=len(seeds) - len(kept),
    )


def _alike(one: Runs, other: Runs) -> bool:
    """Whether two runs are known to have had the same surroundings."""
    return one.alike and one.surroundings == other.surroundings
