"""When a training reached a target, if it did: runs that did not are censored, counted and kept."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


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
    """Median over runs with the censored ones in it.

    `reached`, shape (n,): `first_reached` of each run, NaN where censored; `watched`, shape (n,): the budget of each
    run, that is, the time of its planned end.  A censored run counts as later than every time, which needs no
    assumption where all runs have the same budget.  A diverged run is watched to its planned end too, not to its
    divergence: it will not reach the target later.
    """
    times, ends = np.asarray(reached, dtype=float), np.asarray(watched, dtype=float)
    if times.shape != ends.shape:
        raise ValueError(f"as many runs as budgets, not {times.size} and {ends.size}")
    censored = np.isnan(times)
    if not times.size:
        return TimeToTarget(math.nan, 0, 0, math.nan)
    return TimeToTarget(
        median=float(np.median(np.where(censored, np.inf, times))),
        reached=int((~censored).sum()),
        n=times.size,
        budget=float(ends[censored].min()) if censored.any() else math.nan,
    )
