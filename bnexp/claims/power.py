"""What a rule could have shown with so many seeds, and how many it takes, by simulation of normal differences.

From the scatter of the pairs that are there, which is itself an estimate: for planning, not for a verdict.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from bnexp.claims.contrast import BEYOND, Contrast
from bnexp.evidence.rule import LEVEL
from bnexp.specs.claims import (
    AtLeast,
    Claim,
    Equivalence,
    Interaction,
    Noninferiority,
    Ratio,
    Superiority,
    ThresholdShift,
)
from bnexp.stats.estimates import finite
from bnexp.stats.sequential import DECADES, POINTS, shown_after

PATHS, POWER, MOST = 500, 0.8, 200
"""Simulated experiments; the share of them that is to be decided; the most seeds that are tried."""


class _Part(NamedTuple):
    """What is to be shown of a number of each seed."""

    numbers: np.ndarray
    """Of each simulated experiment and seed, (paths, seeds)."""
    theta: float
    """Against: the centre is θ at most."""
    below: bool = False
    """Against: it is θ at least."""


def could_show(claim: Claim, found: Contrast, family: int = 1) -> float:
    """The truth that is just far enough off to support the claim with a power of 80 % and these seeds.

    A difference in percentage points, or a factor; of an equivalence, or of a ratio with two bounds, the smallest
    margin within which a true zero, or a true 1, is shown to lie.  `family`: so many hypotheses share the level.
    Infinite where nothing does; NaN without scatter and of other rules.
    """
    rule, numbers = claim.rule, _numbers(claim, found)
    if not isinstance(rule, Superiority | Equivalence | Noninferiority | AtLeast | Ratio) or not numbers.size:
        return math.nan
    scatter = float(numbers[0].std(ddof=1))
    z = scatter * np.random.default_rng(0).standard_normal((PATHS, numbers.shape[1]))
    level = LEVEL / family / (2 if isinstance(rule, Superiority) else 1)

    def decided(gap: float) -> bool:
        parts = [_Part(z, -gap), _Part(z, gap, below=True)] if _within(claim) else [_Part(z + gap, 0.0)]
        return bool(np.isfinite(_all(parts, level, _rates(claim))).mean() >= POWER)

    gap = _smallest(decided, scatter)
    if isinstance(rule, Ratio) and math.isfinite(gap):
        return float(10**gap if _within(claim) else rule.bounds[0] * 10 ** (gap if rule.below is None else -gap))
    return gap if _within(claim) or isinstance(rule, Ratio) else _bound(claim) + gap


def seeds_to_settle(claim: Claim, found: Contrast, family: int = 1) -> float:
    """After how many seeds 80 % of such experiments have a verdict, if what is estimated is the truth.

    Infinite where `MOST` are not enough; NaN without scatter, of times and of how often it trains.
    """
    numbers = _numbers(claim, found)
    if not numbers.size:
        return math.nan
    draw = np.random.default_rng(0).multivariate_normal
    paths = draw(numbers.mean(1), np.atleast_2d(np.cov(numbers)), (PATHS, MOST), method="eigh")
    after = [
        _all(parts, LEVEL / family / share, _rates(claim)) for parts, share in _ways(claim, *np.moveaxis(paths, -1, 0))
    ]
    return float(np.quantile(np.minimum.reduce(after), POWER, method="higher"))


def _ways(claim: Claim, d: np.ndarray, *more: np.ndarray) -> Iterable[tuple[list[_Part], int]]:
    """What gives a verdict: parts that are to be shown together, and by how many the level is divided for them."""
    rule = claim.rule
    if isinstance(rule, Interaction):
        own, there = d, more[0]
        larger = rule.effect == "larger"
        parts = [_Part(own, rule.margin, below=not larger), _Part(own - there, 0.0, below=not larger)]
        yield parts if larger else [*parts, _Part(there, 0.0)], 1
        against = [part._replace(below=not part.below) for part in (parts if larger else parts[:1])]
    elif isinstance(rule, ThresholdShift):
        theta = math.log10(rule.factor)
        yield [_Part(d, theta)], 1
        against = [_Part(more[0], theta, below=True)]
    elif isinstance(rule, Ratio):
        bounds = [(rule.below, True), (rule.above, False)]
        parts = [_Part(d, math.log10(bound), below) for bound, below in bounds if bound is not None]
        yield parts, 1
        against = [part._replace(below=not part.below) for part in parts]
    else:
        margin = rule.margin if isinstance(rule, Equivalence | Superiority) else None
        if margin is not None:
            yield [_Part(d, -margin), _Part(d, margin, below=True)], 1
        beyond = rule.margin if isinstance(rule, Equivalence) else 0.0
        against = [_Part(d, _bound(claim) + beyond), _Part(d, _bound(claim) - beyond, below=True)]
        if isinstance(rule, Noninferiority | AtLeast):
            yield against[:1], 1
            against = against[1:]
    for part in against:
        yield [part], len(against)


def _all(parts: Iterable[_Part], level: float, rates: tuple[int, ...]) -> np.ndarray:
    """After how many seeds each experiment has shown all of them, (paths,)."""
    after = [shown_after(part.numbers, part.theta, level=level, rates=rates, below=part.below) for part in parts]
    return np.asarray(np.maximum.reduce(after))


def _numbers(claim: Claim, found: Contrast) -> np.ndarray:
    """What each seed says, (kinds, seeds), in the order of `_ways`; empty where nothing can be simulated from it."""
    rule = claim.rule
    kinds = [found.differences]
    if isinstance(rule, Interaction):
        kinds = [found.own, found.there]
    elif isinstance(rule, ThresholdShift):
        kinds = [found.differences, found.most]
    elif not isinstance(rule, Superiority | Equivalence | Noninferiority | AtLeast | Ratio):
        return np.empty((0, 0))
    numbers = np.array([finite(each) for each in kinds])
    known = numbers.shape[1] >= 3 and np.ptp(numbers, axis=1).any() and np.abs(numbers).max() < BEYOND
    return numbers if known else np.empty((0, 0))


def _rates(claim: Claim) -> tuple[int, ...]:
    return DECADES if isinstance(claim.rule, Ratio | ThresholdShift) else POINTS


def _within(claim: Claim) -> bool:
    """Whether the claim is that something lies between two bounds."""
    return isinstance(claim.rule, Equivalence) or (isinstance(claim.rule, Ratio) and len(claim.rule.bounds) > 1)


def _bound(claim: Claim) -> float:
    """The difference above which the claim is true."""
    rule = claim.rule
    return rule.gain if isinstance(rule, AtLeast) else -rule.margin if isinstance(rule, Noninferiority) else 0.0


def _smallest(decided: Callable[[float], bool], scatter: float) -> float:
    """The smallest gap that is decided, to a hundredth of it; infinite where none is."""
    low, high = 0.0, 40 * scatter + 4
    if not decided(high):
        return math.inf
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
