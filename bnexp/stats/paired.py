"""Two conditions measured on the same seeds: how they differ, how surprising that is, and what so many could show.

Every function takes the differences d = a − b, shape (n,), one per seed that has both.
"""

import math
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from bnexp.stats.estimates import Floats, Interval, Share, deviation, finite, mean_interval, wilson

EXACT_UP_TO = 20
"""So many pairs are enumerated: 2^19 sums, about 15 ms."""

EXACT_SHIFTS = 14
"""For power, where thousands of samples are."""


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
        # Of half of the pairs each; the first sign is fixed, since its flip mirrors every pattern.
        one, two = x[:1] + _sums(x[1 : n // 2 + 1]), np.sort(_sums(x[n // 2 + 1 :]))
        above = two.size - np.searchsorted(two, observed - one)
        below = np.searchsorted(two, -observed - one, side="right")
        p = min(1.0, float((above + below).mean()) / two.size)
        return SignFlip(p, n, smallest, True, ties)
    eights = np.pad(x, (0, -n % 8)).reshape(-1, 8)
    # Σ s d, eight pairs at a time: looked up in a table of all their sums.
    sums = sum(table[signs] for table, signs in zip(eights @ _SIGNS.T, _random_signs(n, draws, seed), strict=True))
    hits = int((np.abs(sums) >= observed).sum())
    return SignFlip((1 + hits) / (1 + draws), n, smallest, False, ties)


def _sums(x: Floats) -> Floats:
    """Σ s_i x_i of all 2^n patterns s of signs."""
    sums: Floats = np.zeros(1)
    for value in x:
        sums = np.concatenate([sums + value, sums - value])
    return sums


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


def minimum_detectable_effect(
    d: ArrayLike, *, power: float = 0.8, confidence: float = 0.95, level: float = 0.05, margin: float = 0.0
) -> float:
    """The true mean difference that n pairs, scattered like `d`, shape (n,), show with this power, in d's unit.

    It is shown where the t interval lies beyond ±`margin` and the sign-flip test of that has p < `level` (.05 at most),
    which is .05/m at Holm's first step over m comparisons.  margin + λ·s: the scatter s, with n−1, is itself an
    estimate, and λ is found for normal differences by simulation (`_smallest_shifts`), its power within 2 points.
    Infinite where no p of n pairs is below `level` (2^(1−n)), NaN without scatter.  ValueError for another `level`.
    """
    if not 0 < level <= 0.05:
        raise ValueError(f"a level lies above 0, and at .05 at most; received {level}")
    x = finite(d)
    s = deviation(x) if x.size > 1 else 0.0
    return margin + s * _detectable(x.size, power, confidence, level) if s else math.nan


@cache
def _detectable(n: int, power: float, confidence: float, level: float) -> float:
    """The standardized difference: the quantile of the shifts at which samples begin to pass both tests."""
    if 2.0 ** (1 - n) >= level:
        return math.inf
    middle, error, shifts = _smallest_shifts(n)
    alpha = 1 - confidence if shifts.size else min(1 - confidence, level)
    shift = error * float(special.stdtrit(n - 1, 1 - alpha / 2)) - middle
    if shifts.size:
        fewer = math.ceil(level * 2 ** (n - 1)) - 1  # so many sign patterns at most leave p below the level
        shift = np.maximum(shift, shifts[:, min(fewer, shifts.shape[1]) - 1])
    return round(float(np.quantile(shift, power)), 3)  # no more is known, and the same on every machine


@cache
def _smallest_shifts(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of standard normal samples z, up to 4,000 of a fixed seed: their means, standard errors and what flips them.

    The sign-flip p of z + δ, which is positive in sum, is the share of subsets of the pairs (the empty one is one of
    them), of 2^(n−1), whose sum is not positive: whose mean in z is −δ or less.  So with at most k such subsets δ
    exceeds the k-th of the negated means, in descending order: the third array, shape (samples, k), for p up to .05.
    From 15 pairs on it is empty, and the t test at the same level stands for the sign-flip test: with 24 comparisons
    their power differs by 2 points there.
    """
    z = np.random.default_rng(0).standard_normal((4000, n))
    if n > EXACT_SHIFTS:
        return z.mean(axis=1), z.std(axis=1, ddof=1) / math.sqrt(n), np.zeros((len(z), 0))
    z = z[: 2**24 >> n]
    subsets = np.unpackbits(np.arange(1, 2**n, dtype=">u4").view(np.uint8).reshape(-1, 4), axis=1)[:, -n:]
    means = (subsets / subsets.sum(axis=1, keepdims=True)).T
    kept = max(1, math.ceil(0.05 * 2 ** (n - 1)))
    parts = np.array_split(z, 1 + (len(z) << n) // 2**22)  # for memory
    blocks = [np.sort(np.partition(part @ means, kept - 1)[:, :kept]) for part in parts]
    return z.mean(axis=1), z.std(axis=1, ddof=1) / math.sqrt(n), -np.concatenate(blocks)
