"""Times to a target over several runs, where some never get there: those are censored, and stay in.

Everywhere `reached`, shape (n,), holds the time at which each run got there, NaN or None where it did not, and
`watched`, shape (n,), until when it was watched, in the same unit.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from bnexp.stats.estimates import Floats, Interval, finite, mean_interval
from bnexp.stats.paired import SignFlip, sign_flip_test
from bnexp.stats.power import minimum_detectable_effect


class Survival(NamedTuple):
    """A Kaplan-Meier curve; each field of shape (k,), one entry per time at which a run got there."""

    times: np.ndarray
    waiting: np.ndarray
    """Share of runs that are not there yet just after each time."""
    low: np.ndarray
    high: np.ndarray
    """Pointwise interval of `waiting`."""
    at_risk: np.ndarray
    """Runs that were watched and not there just before each time."""


class LogRank(NamedTuple):
    """The result of a log-rank test."""

    statistic: float
    """χ² with one degree of freedom."""
    p: float
    """NaN where no run got there, or all at once."""


class Ratio(NamedTuple):
    """By which factor one condition's times are those of another, paired."""

    ratio: Interval
    """With its interval; NaN where there is none to be had."""
    censored: int
    """Runs of the two conditions that did not get there."""
    budget: float
    """Until when both were watched; their times count up to here where some are censored, NaN where none is."""
    detectable: float
    """The smallest true factor (above 1, or its reciprocal) that so many pairs show with 80 % power; NaN for n < 2."""


def kaplan_meier(reached: ArrayLike, watched: ArrayLike, *, confidence: float = 0.95) -> Survival:
    """The share of runs not there yet, S(t) = Π_{t_k ≤ t} (1 − d_k/r_k): d_k get there at t_k, of r_k still waiting.

    (Kaplan & Meier 1958, https://doi.org/10.1080/01621459.1958.10501452).  The interval is Greenwood's on the scale
    log(−log S), which stays within 0 and 1 (Kalbfleisch & Prentice 2002, §1.4); there is none where S is 0.  A run
    that is censored at t_k still waits there.
    """
    ends, event = _runs(reached, watched)
    times = np.unique(ends[event])
    at_risk = (ends >= times[:, None]).sum(axis=1)
    events = ((ends == times[:, None]) & event).sum(axis=1)
    waiting = np.cumprod(1 - events / at_risk)
    inner = waiting > 0
    low, high = np.full(times.size, math.nan), np.full(times.size, math.nan)
    if inner.any():
        s, d, r = waiting[inner], events[inner], at_risk[inner]
        width = float(special.ndtri((1 + confidence) / 2)) * np.sqrt(np.cumsum(d / (r * (r - d)))) / -np.log(s)
        low[inner], high[inner] = s ** np.exp(width), s ** np.exp(-width)
    return Survival(times, waiting, low, high, at_risk)


def restricted(reached: ArrayLike, watched: ArrayLike, budget: float) -> Floats:
    """min(time, budget) of each run, shape (n,): the time it took, at most the whole budget.

    Their mean is the restricted mean time, which is the area under the Kaplan-Meier curve up to the budget (Royston &
    Parmar 2013, https://doi.org/10.1186/1471-2288-13-152), and being one number per run it can be paired.  Raises
    ValueError where a run was censored before the budget: then nobody knows its number.
    """
    ends, event = _runs(reached, watched)
    if (~event & (ends < budget)).any():
        raise ValueError(f"a run was watched for less than {budget:g}; take a smaller budget")
    return np.minimum(ends, budget)


def restricted_mean(reached: ArrayLike, watched: ArrayLike, budget: float) -> float:
    """Area under the Kaplan-Meier curve from 0 to the budget: the mean time within it; NaN for n=0.

    Where every run was watched to the budget this is the mean of `restricted`.
    """
    ends, event = _runs(reached, watched)
    if not ends.size:
        return math.nan
    curve = kaplan_meier(np.where(event, ends, math.nan), ends)
    inside = curve.times < budget
    steps = np.concatenate([[0.0], curve.times[inside], [budget]])
    return float((np.diff(steps) * np.concatenate([[1.0], curve.waiting[inside]])).sum())


def log_rank(reached_a: ArrayLike, watched_a: ArrayLike, reached_b: ArrayLike, watched_b: ArrayLike) -> LogRank:
    """Two-sided log-rank test of: both conditions get there at the same rate.

    χ² = (Σ_k d_ak − d_k r_ak/r_k)² / Σ_k d_k (r_ak/r_k)(1 − r_ak/r_k)(r_k − d_k)/(r_k − 1), over the times t_k at
    which d_k of r_k runs get there, d_ak and r_ak of them of the first condition (Mantel 1966; Peto & Peto 1972,
    https://doi.org/10.2307/2344317).  It takes the two as independent, so that pairs that go together make it
    cautious; its p is that of many runs, rough for n < 10.
    """
    (ends_a, event_a), (ends_b, event_b) = _runs(reached_a, watched_a), _runs(reached_b, watched_b)
    times = np.unique(np.concatenate([ends_a[event_a], ends_b[event_b]]))
    r_a, r_b = (ends_a >= times[:, None]).sum(axis=1), (ends_b >= times[:, None]).sum(axis=1)
    d_a = ((ends_a == times[:, None]) & event_a).sum(axis=1)
    d, r = d_a + ((ends_b == times[:, None]) & event_b).sum(axis=1), r_a + r_b
    share = r_a / r
    variance = float((d * share * (1 - share) * (r - d) / np.maximum(r - 1, 1)).sum())
    if variance == 0:
        return LogRank(math.nan, math.nan)
    statistic = float((d_a - d * share).sum()) ** 2 / variance
    return LogRank(statistic, float(special.chdtrc(1, statistic)))


def paired_log_rank(reached_a: ArrayLike, watched_a: ArrayLike, reached_b: ArrayLike, watched_b: ArrayLike) -> SignFlip:
    """Two-sided log-rank test for pairs, in the same order on both sides, by swapping within them.

    The numerator of `log_rank` is a sum of scores, one per run: 1 where it gets there, minus Σ_k d_k/r_k over the
    times t_k up to its own.  So the swaps of the pairs are the sign flips of the differences of their scores: p is
    the share of the 2^n swaps with a numerator as large, exact for few runs and with ties (Jung 1999,
    https://doi.org/10.1023/A:1009635201363, whose normal approximation this is without).  See `sign_flip_test`.
    """
    return sign_flip_test(log_rank_scores(reached_a, watched_a, reached_b, watched_b))


def log_rank_scores(reached_a: ArrayLike, watched_a: ArrayLike, reached_b: ArrayLike, watched_b: ArrayLike) -> Floats:
    """Of each pair the score of the first condition minus that of the second, shape (n,), as in `paired_log_rank`.

    Their sum is positive where the first condition gets there sooner.  The test is exact where both sides of a pair
    were watched for as long as each other.
    """
    (ends_a, event_a), (ends_b, event_b) = _runs(reached_a, watched_a), _runs(reached_b, watched_b)
    if ends_a.size != ends_b.size:
        raise ValueError(f"pairs need as many runs on both sides, not {ends_a.size} and {ends_b.size}")
    ends, event = np.concatenate([ends_a, ends_b]), np.concatenate([event_a, event_b])
    times = np.unique(ends[event])
    waiting = ends >= times[:, None]
    hazard = ((ends == times[:, None]) & event).sum(axis=1) / waiting.sum(axis=1)
    scores = event - (hazard[:, None] * waiting).sum(axis=0)
    difference: Floats = scores[: ends_a.size] - scores[ends_a.size :]
    return difference


def time_ratio(
    reached_a: ArrayLike,
    watched_a: ArrayLike,
    reached_b: ArrayLike,
    watched_b: ArrayLike,
    *,
    confidence: float = 0.95,
) -> Ratio:
    """How many times as long the first condition takes as the second; pairs in the same order on both sides.

    Where every run got there: the geometric mean of the paired ratios, exp(mean ± t_(n−1) s/√n) of log a_i − log b_i.
    Where some did not: the ratio of the restricted means ā/b̄ over the budget that all were watched for, with
    exp(log(ā/b̄) ± t_(n−1) √(Σ(a_i/ā − b_i/b̄)²/(n(n−1)))), the paired delta method on the log scale (Cochran 1977,
    Sampling Techniques, §6.3).  Censored runs then count with the whole budget, so that the ratio of the true times
    may be more extreme.  No ratio where neither condition got there, no interval for n < 2.  Raises ValueError
    for times that are not positive.
    """
    (ends_a, event_a), (ends_b, event_b) = _runs(reached_a, watched_a), _runs(reached_b, watched_b)
    if ends_a.size != ends_b.size:
        raise ValueError(f"pairs need as many runs on both sides, not {ends_a.size} and {ends_b.size}")
    n = ends_a.size
    if n and min(ends_a.min(), ends_b.min()) <= 0:
        raise ValueError("a ratio needs times above 0")
    censored = int((~event_a).sum() + (~event_b).sum())
    budget = float(min([*ends_a[~event_a], *ends_b[~event_b]], default=math.nan))
    if n == 0 or censored == 2 * n:
        return Ratio(Interval(math.nan, math.nan, math.nan, n), censored, budget, math.nan)
    a, b = (
        np.fmin(ends_a, budget),
        np.fmin(ends_b, budget),
    )  # all in full where none is censored: NaN counts for nothing
    logarithms = np.log(a) - np.log(b) if not censored else a / a.mean() - b / b.mean()
    shape = mean_interval(logarithms, confidence=confidence)
    middle = shape.mean if not censored else math.log(a.mean() / b.mean())
    whole = _exponential(Interval(middle, middle - shape.half_width, middle + shape.half_width, n))
    return Ratio(whole, censored, budget, _exp(minimum_detectable_effect(logarithms)))


def _exponential(logarithm: Interval) -> Interval:
    mean, low, high = map(_exp, logarithm[:3])
    return Interval(mean, low, high, logarithm.n)


def _exp(x: float) -> float:
    """e^x; infinite where that is beyond a float."""
    with np.errstate(over="ignore"):
        return float(np.exp(x))


def _runs(reached: ArrayLike, watched: ArrayLike) -> tuple[Floats, np.ndarray]:
    """Until when each run counts, and whether it got there."""
    times, ends = np.asarray(reached, dtype=float).reshape(-1), finite(watched)
    if times.shape != ends.shape:
        raise ValueError(f"as many runs as budgets, not {times.size} and {ends.size}")
    event = ~np.isnan(times)
    return finite(np.where(event, times, ends)), event
