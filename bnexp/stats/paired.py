"""Two conditions measured on the same seeds: how they differ, how surprising that is, and what so many could show.

Every function takes the differences d = a − b, shape (n,), one per seed that has both.
"""

import math
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from bnexp.stats.estimates import Interval, Share, deviation, finite, mean_interval, wilson

EXACT_UP_TO = 20
"""So many pairs are enumerated: 2^19 sums, about 15 ms."""


class SignFlip(NamedTuple):
    """The result of a sign-flip test."""

    p: float
    """Two-sided; NaN for n=0."""
    n: int
    smallest: float
    """The smallest p that so many pairs can give: 2/2^m of the m pairs that differ, at most 1 (of the exact test)."""
    exact: bool
    """False: estimated from random flips."""
    ties: int = 0
    """Pairs that do not differ: flipping them changes nothing."""


class Equivalence(NamedTuple):
    """The result of two one-sided tests."""

    p: float
    """The larger of the two; NaN where nothing can be tested."""
    margin: float
    """In the unit of the differences."""
    n: int


def difference(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """a − b, both of shape (n,) in the same order of seeds; raises ValueError where the lengths differ."""
    x, y = finite(a), finite(b)
    if x.shape != y.shape:
        raise ValueError(f"pairs need as many values on both sides, not {x.size} and {y.size}")
    return x - y


def mean_difference(d: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Mean of the differences with its t interval: the paired t method; see `mean_interval`."""
    return mean_interval(d, confidence=confidence)


def sign_flip_test(d: ArrayLike, *, draws: int = 100_000, seed: int = 0) -> SignFlip:
    """Two-sided sign-flip (paired randomization) test of: the differences are symmetric around 0.

    p is the share of the 2^n sign patterns s for which |Σ s_i d_i| ≥ |Σ d_i|; exact, with no assumption on the
    distribution (Fisher 1935, The Design of Experiments, §21).  Enumerated up to n = `EXACT_UP_TO`; beyond, estimated
    from `draws` random patterns of `seed`, p = (1 + hits)/(1 + draws) (Phipson & Smyth 2010,
    https://doi.org/10.2202/1544-6115.1585).
    """
    x = finite(d)
    n = x.size
    ties = int((np.abs(x) <= 1e-9 * np.abs(x).max(initial=0)).sum())
    smallest = min(1.0, 2.0 ** (1 - n + ties))
    if n == 0:
        return SignFlip(math.nan, 0, smallest, True)
    # Sums that are equal on paper differ by rounding; accuracies are counts over 10,000, where ties are the rule.
    observed = abs(x.sum()) - 1e-9 * np.abs(x).sum()
    if n <= EXACT_UP_TO:
        sums = x[:1]  # the first sign is fixed: its flip mirrors every pattern
        for value in x[1:]:
            sums = np.concatenate([sums + value, sums - value])
        return SignFlip(float((np.abs(sums) >= observed).mean()), n, smallest, True, ties)
    eights = np.pad(x, (0, -n % 8)).reshape(-1, 8)
    # Σ s d, eight pairs at a time: looked up in a table of all their sums.
    sums = sum(table[signs] for table, signs in zip(eights @ _SIGNS.T, _random_signs(n, draws, seed), strict=True))
    hits = int((np.abs(sums) >= observed).sum())
    return SignFlip((1 + hits) / (1 + draws), n, smallest, False, ties)


def mcnemar(outcomes: ArrayLike) -> SignFlip:
    """Two-sided exact test for pairs of: both conditions succeed equally often; `outcomes`, shape (n, 2), are booleans.

    Of the pairs whose outcomes differ, those that favour the first condition are binomial with ½ (McNemar 1947,
    https://doi.org/10.1007/BF02295996).  p is twice the smaller tail: p < .05 is .025 on one side.
    """
    x = np.asarray(outcomes, dtype=int).reshape(-1, 2)
    unlike = x[:, 1] - x[:, 0]
    n, wins, m = len(x), int((unlike > 0).sum()), int((unlike != 0).sum())
    p = min(1.0, 2 * float(special.bdtr(min(wins, m - wins), m, 0.5))) if m else 1.0
    return SignFlip(p if n else math.nan, n, min(1.0, 2.0 ** (1 - m)), True, n - m)


_SIGNS = 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) - 1
"""The signs that the bits of each byte stand for, (256, 8)."""


@lru_cache(maxsize=8)
def _random_signs(n: int, draws: int, seed: int) -> np.ndarray:
    """`draws` random patterns of n signs as bits, (n/8, draws); kept, since all tests of n pairs take the same."""
    random = np.random.default_rng(seed)
    sizes = [min(10_000, draws - start) for start in range(0, draws, 10_000)]  # in blocks, for memory
    blocks = [np.packbits(random.integers(0, 2, size=(size, n), dtype=np.int8), axis=1) for size in sizes]
    return np.ascontiguousarray(np.concatenate(blocks).T)


def improvement(d: ArrayLike, *, confidence: float = 0.95) -> Share:
    """Probability that the first condition beats the second on a seed: (wins + ½ ties)/n, with Wilson's interval.

    After Agarwal et al. 2021, https://arxiv.org/abs/2108.13264, here for pairs.  A tie is a difference of exactly 0.
    """
    x = finite(d)
    return wilson(float((x > 0).sum() + (x == 0).sum() / 2), x.size, confidence=confidence)


def tost(d: ArrayLike, margin: float) -> Equivalence:
    """Two one-sided paired t tests (TOST) of: the mean of `d`, shape (n,), lies beyond ±`margin` (same unit).

    p = max(P(T ≥ (d̄+δ)/(s/√n)), P(T ≤ (d̄−δ)/(s/√n))), T with n−1 degrees of freedom.  p < α means that the mean
    lies within ±δ, and is the same as: the 1−2α t interval does (Schuirmann 1987,
    https://doi.org/10.1007/BF01068419).  n < 2 tests nothing; nor do differences without scatter (p is NaN), because
    the t method takes its only measure of error from it.  Raises ValueError unless 0 < margin < ∞.
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"a margin is positive and finite, not {margin:g}")
    x = finite(d)
    n = x.size
    error = deviation(x) / math.sqrt(n) if n > 1 else 0.0
    if error == 0:
        return Equivalence(math.nan, margin, n)
    nearest = (margin - abs(math.fsum(x) / n)) / error
    return Equivalence(float(special.stdtr(n - 1, -nearest)), margin, n)


def minimum_detectable_effect(d: ArrayLike, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """The true mean difference that n pairs, scattered like `d`, shape (n,), show with this power, in d's unit.

    δ = s/√n · λ, where the two-sided paired t test at level α rejects with probability `power` under noncentrality λ
    (Cohen 1988, Statistical Power Analysis, ch. 2).  The scatter s, with n−1, is itself an estimate from n values.
    NaN for n < 2.
    """
    x = finite(d)
    if x.size < 2:
        return math.nan
    return deviation(x) / math.sqrt(x.size) * _noncentrality(x.size - 1, power, alpha)


@cache
def _noncentrality(freedom: int, power: float, alpha: float) -> float:
    """The λ at which |t| exceeds its critical value with probability `power`."""
    from scipy import optimize  # noqa: PLC0415  # slow to import, and not for drawing

    critical = float(special.stdtrit(freedom, 1 - alpha / 2))
    upper = 2 * critical
    while _power(freedom, critical, upper) < power:
        upper *= 2
    return float(optimize.brentq(lambda x: _power(freedom, critical, x) - power, 0.0, upper, xtol=1e-9))


def _power(freedom: int, critical: float, noncentrality: float) -> float:
    """P(|t| > critical) for t = (z + λ)/v, as the mean over the quantiles u of v = √(χ²/freedom).

    Not by scipy's noncentral t, which is NaN for some λ from about 15 on (scipy 1.17).
    """
    from scipy import integrate  # noqa: PLC0415

    def given(u: float) -> float:
        edge = critical * math.sqrt(special.chdtri(freedom, u) / freedom)
        return float(special.ndtr(noncentrality - edge) + special.ndtr(-noncentrality - edge))

    return float(integrate.quad(given, 0.0, 1.0)[0])
