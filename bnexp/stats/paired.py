"""Two conditions measured on the same seeds: how they differ, and how surprising that is.

Every function takes the differences d = a − b, shape (n,), one per seed that has both.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bnexp.stats.estimates import Interval, Share, finite, mean_interval, wilson

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
    random = np.random.default_rng(seed)
    hits = 0
    for start in range(0, draws, 10_000):  # in blocks, for memory
        kept = random.integers(0, 2, size=(min(10_000, draws - start), n), dtype=np.int8).astype(float)
        hits += int((np.abs(2 * (kept @ x) - x.sum()) >= observed).sum())  # Σ s d, with s = 2 kept − 1
    return SignFlip((1 + hits) / (1 + draws), n, smallest, False, ties)


def improvement(d: ArrayLike, *, confidence: float = 0.95) -> Share:
    """Probability that the first condition beats the second on a seed: (wins + ½ ties)/n, with Wilson's interval.

    After Agarwal et al. 2021, https://arxiv.org/abs/2108.13264, here for pairs.  A tie is a difference of exactly 0.
    """
    x = finite(d)
    return wilson(float((x > 0).sum() + (x == 0).sum() / 2), x.size, confidence=confidence)
