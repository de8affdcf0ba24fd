"""Learning curves as numbers: the mean over seeds with its interval, and every seed behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special


@dataclass(frozen=True)
class SeedCurve:
    """One training."""

    seed: int
    x: np.ndarray
    y: np.ndarray
    """Finite values only."""
    finished: bool
    """False where it diverged: the curve then ends early."""


@dataclass(frozen=True)
class Curve:
    """A variant's trainings at one place of the grid; accuracies in per cent."""

    x: np.ndarray
    """(evaluations,): steps, examples, or the mean over seeds of the seconds at each evaluation."""
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    """(evaluations,): over the finished trainings; the bounds are NaN with fewer than two."""
    seeds: tuple[SeedCurve, ...]
    finished: int
    planned: int

    @property
    def values(self) -> np.ndarray:
        """Every value that is drawn as a line."""
        return np.concatenate([self.mean, *(seed.y for seed in self.seeds)])


def curve(trials: pd.DataFrame, evaluations: pd.DataFrame, measure: str, x: str) -> Curve:
    """The curve of one variant at one point from its rows of both tables (`records.frames`).

    `measure` is one of `validation_accuracy`, `train_accuracy`, `validation_loss` and `train_loss`; `x` is
    `step`, `examples`, `epoch` or `seconds`.  The evaluations of all seeds are at the same steps, because these
    follow from the spec; so the mean is taken at each of them, and nothing is interpolated.  Seconds differ
    from seed to seed: there the mean stands at the mean seconds.
    """
    scale = 100.0 if measure.endswith("accuracy") else 1.0
    numbers = trials["seed"].to_numpy(int)
    ok = numbers[trials["status"].to_numpy(object) == "ok"]
    names, steps, (ys, xs) = by_seed_and_step(evaluations, (measure, x))
    ys = scale * ys
    known = ~np.isnan(ys)
    finished = np.isin(names, ok)
    reached = ~np.isnan(xs[finished]).all(axis=0) if len(steps) else np.zeros(0, dtype=bool)
    mean, low, high = mean_intervals(ys[finished][:, reached])
    return Curve(
        x=np.nanmean(xs[finished][:, reached], axis=0) if reached.any() else np.zeros(0),
        mean=mean,
        low=low,
        high=high,
        seeds=tuple(
            SeedCurve(int(name), xs[k, known[k]], ys[k, known[k]], bool(finished[k]))
            for k, name in enumerate(names)
            if known[k].any()
        ),
        finished=len(ok),
        planned=len(trials),
    )


def by_seed_and_step(
    evaluations: pd.DataFrame, columns: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Seeds (s,) and steps (e,), both increasing, and each column as an array (s, e), NaN where there is no value."""
    seeds, row = np.unique(evaluations["seed"].to_numpy(int), return_inverse=True)
    steps, place = np.unique(evaluations["step"].to_numpy(int), return_inverse=True)
    tables = []
    for column in columns:
        table = np.full((seeds.size, steps.size), np.nan)
        table[row, place] = evaluations[column].to_numpy(float)
        tables.append(table)
    return seeds, steps, tables


def mean_intervals(values: np.ndarray) -> np.ndarray:
    """`stats.estimates.mean_interval` of each column of `values`, shape (seeds, evaluations), without its NaN.

    Returns means, lower and upper ends, shape (3, evaluations), for many columns at once.
    """
    if values.size == 0:
        return np.full((3, values.shape[1]), np.nan)
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Around the first value, so that n equal floats have exactly their mean and no interval.
        origin = np.where(n > 0, np.take_along_axis(values, known.argmax(axis=0)[None], axis=0)[0], np.nan)
        offsets = np.where(known, values - origin, 0.0)
        shift = offsets.sum(axis=0) / n
        squares = np.where(known, (offsets - shift) ** 2, 0.0).sum(axis=0)
        half = special.stdtrit(np.maximum(n - 1, 1), 0.975) * np.sqrt(squares / (n - 1) / n)
    mean = origin + shift
    half = np.where(n > 1, half, np.nan)
    return np.stack([mean, mean - half, mean + half])
