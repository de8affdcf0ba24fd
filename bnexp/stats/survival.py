"""When trainings reached a target, over several runs, where some never get there: those are censored, and stay in.

Everywhere `reached`, shape (n,), holds the time at which each run got there (`first_reached`), NaN or None where it did
not, and `watched`, shape (n,), until when it was watched, in the same unit.
"""

import math
import warnings
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bnexp.stats.estimates import Floats, Interval, finite
from bnexp.stats.paired import SignFlip, sign_flip_test

TIE = 1e-9
"""Times and scores that are equal on paper differ by rounding."""

FACTORS = tuple(1.005**k for k in range(-1850, 1851))
"""Ratios that are tried: to half a per cent, from 1:10,000 to 10,000."""


class TimeToTarget(NamedTuple):
    """How long trainings of one kind took to a target, in the unit of the times."""

    median: float
    """Over all n; infinite where half of them or more did not reach it: "> budget". NaN for n=0."""
    after: float
    """The median lies above this, by the looks before; NaN where none are known."""
    reached: int
    n: int
    budget: float
    """The shortest time that a run without success was watched for; NaN where all succeeded."""


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
    """NaN where one condition never got there; its ends are 0 and infinite where there is no limit."""
    test: SignFlip
    """Of: the factor is 1 (`paired_log_rank`), or within a margin; in the direction in which they differ."""


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


def time_to_target(reached: ArrayLike, watched: ArrayLike, *, looks: Sequence[ArrayLike] | None = None) -> TimeToTarget:
    """Median over runs with the censored ones in it; `watched` is the budget of each, the time of its planned end.

    A censored run counts as later than every time, which needs no assumption where all runs have the same budget.  A
    diverged run is watched to its planned end too: it will not reach the target later.  `looks`: see `time_ratio`.
    """
    times, ends = _runs(reached, watched)
    event = np.isfinite(times)
    if not ends.size:
        return TimeToTarget(math.nan, math.nan, 0, 0, math.nan)
    return TimeToTarget(
        median=float(np.median(times)),
        after=math.nan if looks is None else float(np.median(before(times, looks))),
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
    from scipy import stats  # noqa: PLC0415  # the third of a second that only a figure needs

    times, budget = _runs(reached, watched)
    event = np.isfinite(times)
    ends = np.where(event, times, budget)
    if not event.any():
        return Survival(*(np.zeros(0) for _ in Survival._fields))
    curve = stats.ecdf(stats.CensoredData.right_censored(ends, ~event)).sf
    with warnings.catch_warnings(action="ignore"):  # it warns of the NaN
        interval: Any = curve.confidence_interval(confidence, method="log-log")
    at = np.isin(curve.quantiles, ends[event])
    columns = (curve.quantiles, *(each.probabilities for each in (curve, interval.low, interval.high)))
    return Survival(*(column[at] for column in columns))


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

    Their sum is positive where the first condition gets there sooner.  A pair counts until the earlier end of its two
    runs, since a swap must not change how long a condition was watched; others keep their own.
    """
    (a, end_a), (b, end_b) = _pairs(reached_a, watched_a, reached_b, watched_b)
    return _scores(a, b, np.minimum(end_a, end_b))


def _scores(a: Floats, b: Floats, budget: Floats) -> Floats:
    """The same of times that are infinite where a run never gets there, each pair watched to its `budget`, (n,)."""
    times = np.stack([a, b])
    event, ends = times <= budget, np.minimum(times, budget)
    at = np.unique(ends[event])[:, None, None]
    waiting = ends >= at
    hazard = ((ends == at) & event).sum(axis=(1, 2)) / waiting.sum(axis=(1, 2))
    scores = event - (hazard[:, None, None] * waiting).sum(axis=0)
    return np.asarray(scores[0] - scores[1])


def time_ratio(
    reached_a: ArrayLike,
    watched_a: ArrayLike,
    reached_b: ArrayLike,
    watched_b: ArrayLike,
    *,
    looks: tuple[Sequence[ArrayLike], Sequence[ArrayLike]] | None = None,
    confidence: float = 0.95,
    margin: float = 0.0,
) -> Ratio:
    """How many times as long the first condition takes as the second: the paired log-rank test, inverted.

    The interval holds the factors θ for which `paired_log_rank` of a against θ·b, watched for θ times as long, does not
    reject; the ratio is the θ at which its scores sum to 0 (Hodges & Lehmann 1963,
    https://doi.org/10.1214/aoms/1177704172; with censoring Louis 1981, https://doi.org/10.1093/biomet/68.2.381).

    `looks`: of both conditions, for each run the times, increasing, at which it can be seen to be there; nobody is
    watched beyond the last.  The true time lies after the look before.  θ·b is then held against a at the looks
    of a, all of it rounded up for an a that is later, down for one that is sooner: what is left out of the interval is
    so wherever the true times lie, and the ratio is interpolated between both.  Where both have the same looks nothing
    is rounded at 1, nor at the other ratios of their looks.  Without `looks` times are exact.  The test is of a factor
    above 1 + `margin`, or below 1/(1 + `margin`).  Raises ValueError for times that are not positive.
    """
    (a, end_a), (b, end_b) = _pairs(reached_a, watched_a, reached_b, watched_b)
    if not a.size:
        return Ratio(Interval(math.nan, math.nan, math.nan, 0), sign_flip_test([]))
    if min(a.min(), b.min(), end_a.min(), end_b.min()) <= 0:
        raise ValueError("a ratio needs times above 0")
    if looks:
        never = np.full(a.size, np.inf)
        end_a, end_b = (np.minimum(end, before(never, each)) for end, each in zip((end_a, end_b), looks, strict=True))
        grid, earliest = _padded(looks[0]), np.minimum(before(b, looks[1]), end_b)

    def scores(factor: float, *, later: bool) -> Floats:
        if not looks:
            return _scores(a, factor * b, np.minimum(end_a, factor * end_b))

        def look(times: Floats) -> Floats:
            bound = factor * times[:, None]
            past = grid < bound * (1 - TIE) if later else grid <= bound * (1 + TIE)
            return np.asarray(np.where(past, np.inf, grid).min(axis=1))

        # The end of b falls between two looks of a: b counts as not there until the next of them, or until that before.
        end = look(end_b) * (1 if later else 1 - TIE)
        return _scores(a, look(b if later else earliest), np.minimum(end_a, end))

    def shown(factor: float, level: float, *, later: bool) -> bool:
        found = scores(factor, later=later)
        total = -found.sum() if later else found.sum()
        return bool(total > TIE) and (level >= 1 or sign_flip_test(found).p < level)

    def limits(level: float) -> tuple[float, float]:
        """The last factor at which a is shown to be later, and the first at which sooner; at 1 without a test."""
        low = bisect_left(FACTORS, True, key=lambda factor: not shown(factor, level, later=True))
        high = bisect_left(FACTORS, True, key=lambda factor: shown(factor, level, later=False))
        return ([0.0, *FACTORS][low], [*FACTORS, math.inf][high])

    later, sooner = scores(1 + margin, later=True), scores(1 / (1 + margin), later=False)
    test = sign_flip_test(later if later.sum() < 0 else np.where(sooner.sum() > 0, sooner, 0))
    first, last = limits(1)
    mean = math.nan
    if first > 0 and last < math.inf:
        below, above = -scores(first, later=True).sum(), scores(last, later=False).sum()
        mean = float(first * (last / first) ** (below / (below + above)))
    return Ratio(Interval(mean, *limits(1 - confidence), a.size), test)


def before(times: Floats, looks: Sequence[ArrayLike]) -> Floats:
    """The last look of each run before its time, (n,): 0 before the first, and the very last where it is infinite."""
    grid = _padded(looks)
    return np.asarray(np.where(grid < times[:, None], grid, 0).max(axis=1, initial=0), dtype=float)


def _padded(looks: Sequence[ArrayLike]) -> np.ndarray:
    """The looks of each run, (n, k), infinite behind the last."""
    rows = [finite(each) for each in looks]
    grid = np.full((len(rows), max(map(len, rows), default=0)), np.inf)
    for row, each in zip(grid, rows, strict=True):
        row[: each.size] = each
    return grid


def _pairs(
    reached_a: ArrayLike, watched_a: ArrayLike, reached_b: ArrayLike, watched_b: ArrayLike
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Of both conditions when the runs got there, infinite where never, and until when they were watched."""
    (a, end_a), (b, end_b) = _runs(reached_a, watched_a), _runs(reached_b, watched_b)
    if a.size != b.size:
        raise ValueError(f"pairs need as many runs on both sides, not {a.size} and {b.size}")
    return (a, end_a), (b, end_b)


def _runs(reached: ArrayLike, watched: ArrayLike) -> tuple[Floats, Floats]:
    """When each run got there, infinite where never, and until when it was watched."""
    times, ends = np.asarray(reached, dtype=float).reshape(-1), finite(watched)
    if times.shape != ends.shape:
        raise ValueError(f"as many runs as budgets, not {times.size} and {ends.size}")
    return np.where(times <= ends, times, np.inf), ends
