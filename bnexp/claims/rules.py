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
    Superiority,
    ThresholdShift,
    TimeRatio,
    Trains,
)


class Shown(NamedTuple):
    """p-values; each verdict errs in at most .05 of experiments where its own p is below that."""

    supported: float
    refuted: float
    no_difference: float = math.nan
    """NaN where the rule has no margin for it."""


NOTHING = Shown(1.0, 1.0)


def complete(claim: Claim, found: Contrast) -> bool:
    """Whether the seeds that trained on all sides are enough for what the rule says of a margin or a gain.

    A mean over fewer is no measure of what does not matter.  Superiority needs no such, nor rules of how many train.
    """
    rule = claim.rule
    free = isinstance(rule, Superiority | Trains | ThresholdShift | TimeRatio)
    return free or enough(len(found.differences), len(found.outcomes))


def shown(claim: Claim, found: Contrast) -> Shown:
    """What the claim's rule makes of a place."""
    rule, d = claim.rule, found.differences
    if found.refusal or (found.fixed and found.pending):
        return NOTHING
    if isinstance(rule, Trains):
        return Shown(*(1.0 if math.isnan(p) else p for p in _shares(found, every=True)))
    if isinstance(rule, TimeRatio):
        return _of_times(found)
    if isinstance(rule, ThresholdShift):
        theta = math.log10(rule.factor)
        return Shown(p_above(d, theta, shift=True), p_below(found.most, theta, shift=True))
    if isinstance(rule, Interaction):
        return _of_interaction(found, rule) if complete(claim, found) else NOTHING
    means = _of_means(rule, found, complete=complete(claim, found))
    more, less = _shares(found)
    uneven = min(more, less) < LEVEL  # NaN is not
    against = min(more, less) if isinstance(rule, Equivalence) else less
    return Shown(
        1.0
        if against < LEVEL
        else means.supported
        if isinstance(rule, Equivalence)
        else _either(means.supported, more),
        _either(means.refuted, against),
        1.0 if uneven and not math.isnan(means.no_difference) else means.no_difference,
    )


def _of_means(rule: Superiority | Equivalence | Noninferiority | AtLeast, found: Contrast, *, complete: bool) -> Shown:
    d = found.differences
    if isinstance(rule, Superiority):
        within = math.nan if rule.margin is None else _within(d, rule.margin)
        if rule.margin is not None and not enough(len(d), len(found.outcomes)):
            within = 1.0
        return Shown(min(1.0, 2 * p_above(d, 0)), min(1.0, 2 * p_below(d, 0)), within)
    if isinstance(rule, Equivalence):
        beyond = min(1.0, 2 * min(p_above(d, rule.margin), p_below(d, -rule.margin)))
        return Shown(_within(d, rule.margin) if complete else 1.0, beyond)
    least = rule.gain if isinstance(rule, AtLeast) else -rule.margin
    return Shown(p_above(d, least) if complete else 1.0, p_below(d, least))


def _within(d: tuple[float, ...], margin: float) -> float:
    return max(p_above(d, -margin), p_below(d, margin))


def _of_interaction(found: Contrast, rule: Interaction) -> Shown:
    """Supported where all parts are shown, each at the level; refuted where one is shown to be otherwise, corrected."""
    d, own, there = found.differences, found.own, found.there
    if rule.effect == "smaller":
        parts = [p_above(there, 0), p_below(own, rule.margin), p_below(d, 0)]
        against = [p_below(there, 0), p_above(own, rule.margin), p_above(d, 0)]
    else:
        parts = [p_above(own, rule.margin), p_above(d, 0)]
        against = [p_below(own, rule.margin), p_below(d, 0)]
    return Shown(max(parts), min(1.0, len(against) * min(against)))


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
    p = found.trained_test.p if every else correctable(found.trained_test)
    if math.isnan(p):
        return math.nan, math.nan
    control, treatment = found.trained
    return p if treatment > control else 1.0, p if treatment < control else 1.0


def _either(one: float, other: float) -> float:
    """Of two tests of which one is enough, the smaller p, corrected; of the first alone where the other is none."""
    return one if math.isnan(other) else min(1.0, 2 * min(one, other))
