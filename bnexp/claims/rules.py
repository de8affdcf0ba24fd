"""The rules: what the seeds show at one place, as p-values that hold whenever one looks.

Means and shifts are tested by `stats.sequential`'s bets, one-sided; whether the treatment trains as often by exact
McNemar, and that comes first: a mean over the trials that trained says nothing of the others.  Where both could decide,
they share the level.
"""

import math
from typing import NamedTuple

from bnexp.claims.contrast import Contrast, p_above, p_below
from bnexp.evidence.paired import correctable
from bnexp.evidence.rule import LEVEL, enough
from bnexp.specs.claims import (
    AtLeast,
    Claim,
    Equivalence,
    Interaction,
    Noninferiority,
    Ratio,
    Superiority,
    ThresholdShift,
    TimeRatio,
    Trains,
)
from bnexp.stats.paired import SignFlip


class Shown(NamedTuple):
    """p-values; each verdict errs in at most .05 of experiments where its own p is below that."""

    supported: float
    refuted: float
    no_difference: float = math.nan
    """NaN where the rule has no margin for it."""


NOTHING = Shown(1.0, 1.0)


def complete(claim: Claim, found: Contrast) -> bool:
    """Whether enough trials trained for the mean over the rest to support the claim: nine tenths of the pairs.

    Of superiority, of the treatment's trials: those of the control that failed are no better than they seem.  Rules of
    which trials train have no such.
    """
    n = len(found.outcomes)
    if isinstance(claim.rule, Superiority):
        return not _failing(found.trained[1], n)
    free = isinstance(claim.rule, Trains | ThresholdShift | TimeRatio)
    return free or enough(len(found.differences), n)


def _failing(trained: int, n: int) -> bool:
    """Whether more than a tenth did not train."""
    return 10 * (n - trained) > n


def shown(claim: Claim, found: Contrast) -> Shown:
    """What the claim's rule makes of a place."""
    rule = claim.rule
    if found.refusal or (found.fixed and found.pending):
        return NOTHING
    if isinstance(rule, Trains):
        return Shown(*(1.0 if math.isnan(p) else p for p in _shares(found, every=True)))
    if isinstance(rule, TimeRatio):
        return _of_times(found)
    if isinstance(rule, ThresholdShift | Ratio):
        return _of_factors(rule, found) if complete(claim, found) else NOTHING
    if isinstance(rule, Interaction):
        return _of_interaction(found, rule, complete=complete(claim, found))
    means = _of_means(rule, found)
    if not complete(claim, found):
        means = means._replace(supported=1.0)
    if _failing(found.trained[0], len(found.outcomes)) and not isinstance(rule, Equivalence):
        means = means._replace(refuted=1.0)
    more, less = _shares(found)
    against = min(more, less) if isinstance(rule, Equivalence) else less
    supported = means.supported if isinstance(rule, Equivalence) else _either(means.supported, more)
    return means._replace(supported=1.0 if against < LEVEL else supported, refuted=_either(means.refuted, against))


def _of_means(rule: Superiority | Equivalence | Noninferiority | AtLeast, found: Contrast) -> Shown:
    d = found.differences
    if isinstance(rule, Superiority):
        differs = Shown(min(1.0, 2 * p_above(d, 0)), min(1.0, 2 * p_below(d, 0)))
        if rule.margin is None:
            return differs
        alike = enough(len(d), len(found.outcomes)) and not min(_shares(found)) < LEVEL  # NaN is not
        return differs._replace(no_difference=_within(d, rule.margin) if alike else 1.0)
    if isinstance(rule, Equivalence):
        return Shown(_within(d, rule.margin), min(1.0, 2 * min(p_above(d, rule.margin), p_below(d, -rule.margin))))
    least = rule.gain if isinstance(rule, AtLeast) else -rule.margin
    return Shown(p_above(d, least), p_below(d, least))


def _within(d: tuple[float, ...], margin: float) -> float:
    return max(p_above(d, -margin), p_below(d, margin))


def _of_interaction(found: Contrast, rule: Interaction, *, complete: bool) -> Shown:
    """Supported where all parts are shown, each at the level; refuted where one is shown to be otherwise, corrected.

    A larger effect may also be that the control trains less often, and does so here more than there.
    """
    d, own, there = found.differences, found.own, found.there
    if rule.effect == "smaller":
        parts = [p_above(there, 0), p_below(own, rule.margin), p_below(d, 0)]
        against = [p_above(own, rule.margin)]  # where `than` has no effect there is nothing to be smaller than
        trains = math.nan
    else:
        parts = [p_above(own, rule.margin), p_above(d, 0)]
        against = [p_below(own, rule.margin), p_below(d, 0)]
        both = _shares(found)[0], _directed(found.apart, *found.trained_apart)[0]
        trains = math.nan if any(map(math.isnan, both)) else max(both)
    means = Shown(max(parts), min(1.0, len(against) * min(against))) if complete else NOTHING
    return means._replace(supported=_either(means.supported, trains))


def _of_factors(rule: ThresholdShift | Ratio, found: Contrast) -> Shown:
    """Of several bounds, supported where each is shown at the level; refuted where one is shown broken, corrected."""
    d = found.differences
    if isinstance(rule, ThresholdShift):
        theta = math.log10(rule.factor)
        return Shown(p_above(d, theta, shift=True), p_below(found.most, theta, shift=True))
    bounds = [(p_below, p_above, rule.below), (p_above, p_below, rule.above)]
    tested = [
        (yes(d, math.log10(bound), shift=True), no(d, math.log10(bound), shift=True))
        for yes, no, bound in bounds
        if bound is not None
    ]
    return Shown(max(yes for yes, _ in tested), min(1.0, len(tested) * min(no for _, no in tested)))


def _of_times(found: Contrast) -> Shown:
    """By the two-sided log-rank test against the ratio, in the direction that it has."""
    times = found.times
    if times is None or not times.ratio.n:
        return NOTHING
    shorter, longer = times.ratio.high <= 1, times.ratio.low >= 1
    return Shown(times.test.p if shorter else 1.0, times.test.p if longer else 1.0)


def _shares(found: Contrast, *, every: bool = False) -> tuple[float, float]:
    """p that the treatment trains more often, and less often; NaN where so few outcomes differ that none is below .05.

    `every`: those too.
    """
    test = found.trained_test
    return _directed(test if not every or math.isnan(test.p) else test._replace(smallest=0.0), *found.trained)


def _directed(test: SignFlip, first: int, second: int) -> tuple[float, float]:
    """p that the second is more often, and less often."""
    if math.isnan(p := correctable(test)):
        return math.nan, math.nan
    return p if second > first else 1.0, p if second < first else 1.0


def _either(one: float, other: float) -> float:
    """Of two tests of which one is enough, the smaller p, corrected; of the first alone where the other is none."""
    return one if math.isnan(other) else min(1.0, 2 * min(one, other))
