"""Tests and intervals of paired differences that hold however often they are looked at while pairs arrive.

For d_1, d_2, ... independent and each symmetric about a centre of at most θ, in the order in which they came,

    E_n(θ) = mean over λ of Π_i 2/(1 + e^(−2λ(d_i − θ))),    each factor being 1 + tanh λ(d_i − θ)

is a nonnegative supermartingale that starts at 1: tanh is odd and increasing, so that no factor has a mean above 1.
It ever reaches 1/α with a probability of α at most (Ville 1939; Ramdas et al. 2023, https://doi.org/10.1214/23-STS894),
so that 1/max E is a p-value at any time, whenever one stops.  A betting test: a factor is below 2, so that n pairs give
no two-sided p below 2^(1−n), as with the sign-flip test.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bnexp.stats.estimates import Interval, finite
from bnexp.stats.paired import Equivalence, SignFlip

POINTS = (1, 2, 4, 8, 16, 32, 64)
"""λ for differences in percentage points: of scatters of about 0.01 to 1."""

DECADES = (2, 4, 8, 16, 32)
"""λ for differences of log10: of scatters of about 0.02 to 0.5."""


def e_values(d: ArrayLike, theta: float = 0.0, *, rates: Sequence[float] = POINTS) -> np.ndarray:
    """E_1(θ) to E_n(θ) of `d`, shape (..., n), against: the centre is θ at most; of its shape."""
    bets = np.multiply.outer(np.asarray(rates, dtype=float), np.asarray(d, dtype=float) - theta)
    with np.errstate(over="ignore"):  # to a product of factors that are 0
        products: np.ndarray = np.exp(np.cumsum(math.log(2) - np.logaddexp(0, -2 * bets), axis=-1))
    return np.asarray(products.mean(axis=0))


def shown_after(
    d: np.ndarray, theta: float = 0.0, *, level: float, rates: Sequence[float] = POINTS, below: bool = False
) -> np.ndarray:
    """Of paths, shape (paths, n): after how many pairs p first is `level` or less; infinite where never, (paths,).

    Against: the centre is θ at most; with `below`, θ at least.
    """
    reached = e_values(-d if below else d, -theta if below else theta, rates=rates) >= 1 / level
    return np.asarray(np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, math.inf))


def anytime_p(d: ArrayLike, theta: float = 0.0, *, rates: Sequence[float] = POINTS) -> float:
    """The one-sided p against: the centre is θ at most, read after every pair; NaN for none."""
    found = e_values(finite(d), theta, rates=rates)
    return min(1.0, 1 / max(float(found.max()), 1e-300)) if found.size else math.nan


def anytime_test(d: ArrayLike, *, margin: float = 0.0, rates: Sequence[float] = POINTS) -> SignFlip:
    """Two-sided test of: the differences, shape (n,), are symmetric around 0 (within ±`margin`); after every pair."""
    x = finite(d)
    ties = int((x == 0).sum())
    one_sided = [anytime_p(sign * x, margin, rates=rates) for sign in (1, -1)]
    p = min(1.0, 2 * min(one_sided)) if x.size else math.nan
    return SignFlip(p, x.size, min(1.0, 2.0 ** (1 - x.size + ties)), True, ties)


def anytime_equivalence(d: ArrayLike, margin: float, *, rates: Sequence[float] = POINTS) -> Equivalence:
    """Of: the centre of `d`, shape (n,), lies beyond ±`margin`; the larger of the two one-sided p."""
    x = finite(d)
    p = max(anytime_p(x, -margin, rates=rates), anytime_p(-x, -margin, rates=rates)) if x.size else math.nan
    return Equivalence(p, margin, x.size)


def anytime_interval(d: ArrayLike, *, confidence: float = 0.95, rates: Sequence[float] = POINTS) -> Interval:
    """The centres that `anytime_test` does not reject, which hold at all times at once, beside the mean of `d`.

    NaN where so few pairs reject none.  The ends are the roots of max E_n(θ) = 2/α, which falls with θ.
    """
    x = finite(d)
    mean = math.fsum(x) / x.size if x.size else math.nan
    return Interval(mean, _lowest(x, confidence, rates), -_lowest(-x, confidence, rates), x.size)


def _lowest(x: np.ndarray, confidence: float, rates: Sequence[float]) -> float:
    """The lower end; NaN where there is none."""
    alpha = (1 - confidence) / 2
    spread = float(np.ptp(x)) + 1 / min(rates) if x.size else 0.0
    low, high = (float(x.min()) - 20 * spread, float(x.max()) + spread) if x.size else (0.0, 0.0)
    if not anytime_p(x, low, rates=rates) < alpha:
        return math.nan
    while high - low > 1e-9 * spread:
        middle = (low + high) / 2
        low, high = (middle, high) if anytime_p(x, middle, rates=rates) < alpha else (low, middle)
    return low


def decided_after(
    mean: float, scatter: float, *, margin: float, comparisons: int = 1, most: int = 40, level: float = 0.05
) -> np.ndarray:
    """By simulation: after how many normal pairs a comparison is decided, infinite where `most` do not; shape (500,).

    It is where the test finds a difference, or the test of equivalence that it lies within ±`margin`, at Holm's first
    step over `comparisons` of them, each with a test of how often it trains.
    """
    d = np.random.default_rng(0).normal(mean, scatter, (500, most))

    one_sided, once = level / (4 * comparisons), level / comparisons
    differs = np.minimum(*(shown_after(d, level=one_sided, below=below) for below in (False, True)))
    equivalent = np.maximum(*(shown_after(d, side * margin, level=once, below=side > 0) for side in (-1, 1)))
    return np.asarray(np.minimum(differs, equivalent))
