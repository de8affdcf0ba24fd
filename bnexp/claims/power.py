"""What a rule could have shown with so many seeds, and how many it takes, by simulation of normal differences.

From the scatter of the pairs that are there, which is itself an estimate: for planning, not for a verdict.
"""

import math
from collections.abc import Callable

import numpy as np

from bnexp.claims.contrast import Contrast
from bnexp.evidence.rule import LEVEL
from bnexp.specs.claims import AtLeast, Claim, Equivalence, Noninferiority, Superiority
from bnexp.stats.estimates import deviation, finite
from bnexp.stats.sequential import shown_after

PATHS, POWER, MOST = 500, 0.8, 200
"""Simulated experiments; the share of them that is to be decided; the most seeds that are tried."""


def could_show(claim: Claim, found: Contrast, family: int = 1) -> float:
    """The smallest true difference, in percentage points, that supports the claim with a power of 80 % and these seeds.

    Of an equivalence the smallest margin within which a true zero is shown to lie.  `family`: so many hypotheses share
    the level.  Infinite where no difference does, NaN without scatter and of rules that are none of means.
    """
    scatter, n = _scatter(claim, found), len(found.differences)
    if math.isnan(scatter):
        return math.nan
    z = scatter * np.random.default_rng(0).standard_normal((PATHS, n))
    level = LEVEL / family / (2 if isinstance(claim.rule, Superiority) else 1)

    def decided(gap: float) -> bool:
        after = shown_after(z + gap, level=level)
        if isinstance(claim.rule, Equivalence):
            after = np.maximum(shown_after(z, -gap, level=level), shown_after(z, gap, level=level, below=True))
        return bool(np.isfinite(after).mean() >= POWER)

    gap = _smallest(decided, scatter)
    return gap if isinstance(claim.rule, Equivalence) else _bound(claim) + gap


def seeds_to_settle(claim: Claim, found: Contrast, family: int = 1) -> float:
    """After how many seeds 80 % of such experiments have a verdict, if the estimated difference is the true one.

    Infinite where `MOST` are not enough; NaN as in `could_show`.
    """
    scatter, rule = _scatter(claim, found), claim.rule
    if math.isnan(scatter):
        return math.nan
    mean = float(np.mean(found.differences))
    d = np.random.default_rng(0).normal(mean, scatter, (PATHS, MOST))
    once, half = LEVEL / family, LEVEL / family / 2
    if isinstance(rule, Equivalence | Superiority) and rule.margin is not None:
        margin = rule.margin
        within = [shown_after(d, -margin, level=once), shown_after(d, margin, level=once, below=True)]
        beyond = (margin, -margin) if isinstance(rule, Equivalence) else (0.0, 0.0)
        apart = [shown_after(d, beyond[0], level=half), shown_after(d, beyond[1], level=half, below=True)]
        after = np.minimum(np.maximum(*within), np.minimum(*apart))
    else:
        level = half if isinstance(rule, Superiority) else once
        after = np.minimum(*(shown_after(d, _bound(claim), level=level, below=below) for below in (False, True)))
    return float(np.quantile(after, POWER, method="higher"))


def _bound(claim: Claim) -> float:
    """The difference above which the claim is true."""
    rule = claim.rule
    return rule.gain if isinstance(rule, AtLeast) else -rule.margin if isinstance(rule, Noninferiority) else 0.0


def _scatter(claim: Claim, found: Contrast) -> float:
    """Standard deviation of the differences; NaN where there is none to go by."""
    of_means = isinstance(claim.rule, Superiority | Equivalence | Noninferiority | AtLeast)
    if not of_means or len(found.differences) < 3:
        return math.nan
    return deviation(finite(found.differences)) or math.nan


def _smallest(decided: Callable[[float], bool], scatter: float) -> float:
    """The smallest gap that is decided, to a hundredth of it; infinite where none is."""
    low, high = 0.0, 40 * scatter + 4
    if not decided(high):
        return math.inf
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
