"""Means and shares with their intervals.

What cannot be computed (no values, or one value where two are needed) is NaN, never an exception: results
are often incomplete.  Values that are not finite are refused: who has them must say what they mean.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


class Interval(NamedTuple):
    """A mean with its interval, in the unit of the values."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Distance from the middle of the interval to either end."""
        return (self.high - self.low) / 2

    @property
    def contains_zero(self) -> bool:
        """Whether 0 lies in the closed interval; False too where there is no interval."""
        return self.low <= 0 <= self.high


class Share(NamedTuple):
    """A share, 0 to 1, with its interval."""

    share: float
    low: float
    high: float
    n: int


def finite(values: ArrayLike) -> Floats:
    """`values`, shape (n,), as float64; raises ValueError where one is not finite."""
    array = np.asarray(values, dtype=float).reshape(-1)
    if not np.isfinite(array).all():
        raise ValueError(f"{int((~np.isfinite(array)).sum())} of {array.size} values are not finite; leave them out")
    return array


def mean_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Mean of `values`, shape (n,), with the interval x̄ ± t_(n−1, (1+c)/2) · s/√n, s with n−1.

    It covers the true mean with probability c for normal values, and nearly so for the means of n ≥ 5 mild ones
    (Student 1908, https://doi.org/10.1093/biomet/6.1.1).  n=1 has no interval, n=0 no mean.
    """
    x = finite(values)
    n = x.size
    mean = _mean(x) if n else math.nan
    if n < 2:
        return Interval(mean, math.nan, math.nan, n)
    half = float(special.stdtrit(n - 1, (1 + confidence) / 2)) * deviation(x) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def prediction_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Mean of `values`, shape (n,), with the interval x̄ ± t_(n−1, (1+c)/2) · s · √(1 + 1/n), s with n−1.

    It holds one more value of the same normal distribution with probability c (Vardeman 1992,
    https://doi.org/10.1080/00031305.1992.10475882).  n=1 has no interval, n=0 no mean.
    """
    found = mean_interval(values, confidence=confidence)
    half = found.half_width * math.sqrt(found.n + 1)
    return found._replace(low=found.mean - half, high=found.mean + half)


def deviation(x: Floats) -> float:
    """Standard deviation of x, shape (n,), n ≥ 2, with n−1; exactly 0 where all values are the same."""
    return math.sqrt(math.fsum((x - _mean(x)) ** 2) / (x.size - 1))


def _mean(x: Floats) -> float:
    # The mean of n equal floats can be off by one bit in numpy, and would then have an interval.
    return float(x[0]) if (x == x[0]).all() else math.fsum(x) / x.size


def wilson(successes: float, n: int, *, confidence: float = 0.95) -> Share:
    """Share successes/n with Wilson's score interval; `successes` may hold halves (ties).

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n), p = successes/n
    (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).  n=0 has neither.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes among {n}")
    if n == 0:
        return Share(math.nan, math.nan, math.nan, 0)
    z = float(special.ndtri((1 + confidence) / 2))
    p = successes / n
    middle, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # At 0 and n successes one end is 0 or 1 exactly; rounding must not push it beyond the share.
    return Share(p, min(p, max(0.0, (middle - half) / scale)), max(p, min(1.0, (middle + half) / scale)), n)


def at_most(successes: int, n: int, *, confidence: float = 0.95) -> float:
    """The exact upper bound of a share of which successes/n were seen: 0.26 for 0 of 10; NaN for n=0.

    The share at which so few or fewer have probability 1 - confidence (Clopper & Pearson 1934,
    https://doi.org/10.1093/biomet/26.4.404, one-sided).
    """
    if successes == n:
        return 1.0 if n else math.nan
    return float(special.betaincinv(successes + 1, n - successes, confidence))


def interquartile_mean(values: ArrayLike) -> float:
    """Mean of `values`, shape (n,), without the lowest and the highest ⌊n/4⌋; NaN for n < 4.

    Recommended over mean and median for few runs (Agarwal et al. 2021, https://arxiv.org/abs/2108.13264).
    """
    x = finite(values)
    low, high = x.size // 4, x.size - x.size // 4
    return float(np.partition(x, (low, high - 1))[low:high].mean()) if x.size >= 4 else math.nan
