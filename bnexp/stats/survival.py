"""When trainings reached a target, over several runs, where some never get there: those are censored, and stay in.

Everywhere `reached`, shape (n,), holds the time at which each run got there (`first_reached`), NaN or None where it did
not, and `watched`, shape (n,), until when it was watched, in the same unit.
"""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from bnexp.stats.estimates import Floats, Interval, finite, mean_interval
from bnexp.stats.paired import SignFlip, sign_flip_test


class TimeToTarget(NamedTuple):
    """How long trainings of one kind took to a target, in the unit of the times."""

    median: float
    """Over all n; infinite where half of them or more did not reach it: "> budget". NaN for n=0."""
    reached: int
    n: int
    budget: float
    """The shortest time that a run without success was watched for; NaN where all succeeded."""

    @property
    def share(self) -> float:
        """Share of runs that reached the target; NaN for n=0."""
        return self.reached / self.n if self.n else math.nan


class Survival(NamedTuple):
    """A Kaplan-Meier curve; each field of shape (k,), one entry per time at which a run got there."""

    times: np.ndarray
    waiting: np.ndarray
    """Share of runs that are not there yet just after each time."""
    low: np.ndarray
    high: np.ndarray
    """Pointwise interval of `waiting`."""


class Ratio(NamedTuple):
    """By which factor one condition's times are those of another, paired."""

    ratio: Interval
    """With its interval; NaN where there is none to be had."""
    censored: int
    """Runs of the two conditions that did not get there."""
    budget: float
    """Until when both were watched; their times count up to here where some are censored, NaN where none is."""
    logarithms: tuple[float, ...]
    """Of the paired ratios, or what stands for them in the interval where some are censored."""


def first_reached(times: ArrayLike, values: ArrayLike, target: float) -> float:
    """The first of `times` at which `values`, same shape (evaluations,), is ≥ target and so is the next; else NaN.

    Two in a row, because one evaluation above the target may be luck; so the last evaluation alone never counts.
    NaN among the values (a diverged run) lies below every target.  The true moment lies between the time returned
    and the evaluation before.
    """
    t, v = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    if t.shape != v.shape or t.ndim != 1:
        raise ValueError(f"as many times as values, in one row, not {t.shape} and {v.shape}")
    if (np.diff(t) <= 0).any():
        raise ValueError("the times must increase")
    above = v >= target
    found = np.flatnonzero(above[:-1] & above[1:])
    return float(t[found[0]]) if found.size else math.nan


def time_to_target(reached: ArrayLike, watched: ArrayLike) -> TimeToTarget:
    """Median over runs with the censored ones in it; `watched` is the budget of each, the time of its planned end.

    A censored run counts as later than every time, which needs no
    assumption where all runs have the same budget.  A diverged run is watched to its planned end too, not to its
    divergence: it will not reach the target later.
    """
    ends, event = _runs(reached, watched)
    if not ends.size:
        return TimeToTarget(math.nan, 0, 0, math.nan)
    return TimeToTarget(
        median=float(np.median(np.where(event, ends, np.inf))),
        reached=int(event.sum()),
        n=ends.size,
        budget=math.nan if event.all() else float(ends[~event].min()),
    )


def kaplan_meier(reached: ArrayLike, watched: ArrayLike, *, confidence: float = 0.95) -> Survival:
    """The share of runs not there yet, S(t) = Π_{t_k ≤ t} (1 − d_k/r_k): d_k get there at t_k, of r_k still waiting.

    That of `scipy.stats.ecdf` (Kaplan & Meier 1958, https://doi.org/10.1080/01621459.1958.10501452), at the times at
    which a run got there.  The interval is Greenwood's on the scale log(−log S), which stays within 0 and 1; there is
    none (NaN) where S is 0.  A run that is censored at t_k still waits there.
    """
    ends, event = _runs(reached, watched)
    if not event.any():
        return Survival(*(np.zeros(0) for _ in Survival._fields))
    curve = stats.ecdf(stats.CensoredData.right_censored(ends, ~event)).sf
    with warnings.catch_warnings(action="ignore"):  # it warns of the NaN
        interval: Any = curve.confidence_interval(confidence, method="log-log")
    at = np.isin(curve.quantiles, ends[event])
    columns = (curve.quantiles, *(each.probabilities for each in (curve, interval.low, interval.high)))
    return Survival(*(column[at] for column in columns))


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
    times = np.unique(ends[event & (ends < budget)])
    events = ((ends == times[:, None]) & event).sum(axis=1)
    waiting = np.cumprod(1 - events / (ends >= times[:, None]).sum(axis=1))
    steps = np.concatenate([[0.0], times, [budget]])
    return float((np.diff(steps) * np.concatenate([[1.0], waiting])).sum())


def paired_log_rank(reached_a: ArrayLike, watched_a: ArrayLike, reached_b: ArrayLike, watched_b: ArrayLike) -> SignFlip:
    """Two-sided log-rank test for pairs, in the same order on both sides, by swapping within them.

    The numerator of the log-rank statistic (`scipy.stats.logrank`; Peto & Peto 1972, https://doi.org/10.2307/2344317)
    is a sum of scores, one per run: 1 where it gets there, minus Σ_k d_k/r_k over the times t_k up to its own, of the
    runs of both conditions.  So the swaps of the pairs are the sign flips of the differences of their scores: p is the
    share of the 2^n swaps with a numerator as large, exact for few runs and with ties (Jung 1999,
    https://doi.org/10.1023/A:1009635201363, whose normal approximation this is without).  See `sign_flip_test`.
    """
    return sign_flip_test(log_rank_scores(reached_a, watched_a, reached_b, watched_b))


def log_rank_scores(reached_a: ArrayLike, watched_a: ArrayLike, reached_b: ArrayLike, watched_b: ArrayLike) -> Floats:
    """Of each pair the score of the first condition minus that of the second, shape (n,), as in `paired_log_rank`.

    Their sum is positive where the first condition gets there sooner.  The test is exact where both sides of a pair
    were watched for as long as each other.
    """
    ends, event = _paired_runs(reached_a, watched_a, reached_b, watched_b)
    times = np.unique(ends[event])[:, None, None]
    waiting = ends >= times
    hazard = ((ends == times) & event).sum(axis=(1, 2)) / waiting.sum(axis=(1, 2))
    scores = event - (hazard[:, None, None] * waiting).sum(axis=0)
    difference: Floats = scores[0] - scores[1]
    return difference


def time_ratio(
    reached_a: ArrayLike, watched_a: ArrayLike, reached_b: ArrayLike, watched_b: ArrayLike, *, confidence: float = 0.95
) -> Ratio:
    """How many times as long the first condition takes as the second; pairs in the same order on both sides.

    Where every run got there: the geometric mean of the paired ratios, exp(mean ± t_(n−1) s/√n) of log a_i − log b_i.
    Where some did not: the ratio of the restricted means ā/b̄ over the budget that all were watched for, with
    exp(log(ā/b̄) ± t_(n−1) √(Σ(a_i/ā − b_i/b̄)²/(n(n−1)))), the paired delta method on the log scale (Cochran 1977,
    Sampling Techniques, §6.3).  Censored runs then count with the whole budget, so that the ratio of the true times
    may be more extreme.  No ratio where neither condition got there, no interval for n < 2.  Raises ValueError
    for times that are not positive.
    """
    ends, event = _paired_runs(reached_a, watched_a, reached_b, watched_b)
    n = ends.shape[1]
    if (ends <= 0).any():
        raise ValueError("a ratio needs times above 0")
    censored = int((~event).sum())
    budget = float(ends[~event].min()) if censored else math.nan
    if censored == 2 * n:
        return Ratio(Interval(math.nan, math.nan, math.nan, n), censored, budget, ())
    a, b = np.fmin(ends, budget)  # all in full where none is censored: NaN counts for nothing
    logarithms = np.log(a) - np.log(b) if not censored else a / a.mean() - b / b.mean()
    shape = mean_interval(logarithms, confidence=confidence)
    middle = shape.mean if not censored else math.log(a.mean() / b.mean())
    with np.errstate(over="ignore"):  # infinite where that is beyond a float
        mean, low, high = np.exp([middle, middle - shape.half_width, middle + shape.half_width]).tolist()
    return Ratio(Interval(mean, low, high, n), censored, budget, tuple(logarithms.tolist()))


def _paired_runs(
    reached_a: ArrayLike, watched_a: ArrayLike, reached_b: ArrayLike, watched_b: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """The `_runs` of two conditions, shape (2, n)."""
    (ends_a, event_a), (ends_b, event_b) = _runs(reached_a, watched_a), _runs(reached_b, watched_b)
    if ends_a.size != ends_b.size:
        raise ValueError(f"pairs need as many runs on both sides, not {ends_a.size} and {ends_b.size}")
    return np.stack([ends_a, ends_b]), np.stack([event_a, event_b])


def _runs(reached: ArrayLike, watched: ArrayLike) -> tuple[Floats, np.ndarray]:
    """Until when each run counts, and whether it got there."""
    times, ends = np.asarray(reached, dtype=float).reshape(-1), finite(watched)
    if times.shape != ends.shape:
        raise ValueError(f"as many runs as budgets, not {times.size} and {ends.size}")
    event = ~np.isnan(times)
    return finite(np.where(event, times, ends)), event
