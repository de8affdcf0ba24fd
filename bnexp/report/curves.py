"""Learning curves as numbers: the mean over seeds with its interval, and every seed behind it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bnexp.stats.estimates import mean_interval


@dataclass(frozen=True)
class SeedCurve:
    """One training."""

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
    """The curve of one variant at one point from its rows of both tables (`results.frames`).

    `measure` is one of `validation_accuracy`, `train_accuracy`, `validation_loss` and `train_loss`; `x` is
    `step`, `examples`, `epoch` or `seconds`.  The evaluations of all seeds are at the same steps, because these
    follow from the spec; so the mean is taken at each of them, and nothing is interpolated.  Seconds differ
    from seed to seed: there the mean stands at the mean seconds.
    """
    scale = 100.0 if measure.endswith("accuracy") else 1.0
    ok = {int(seed) for seed in trials.loc[trials["status"] == "ok", "seed"]}
    seeds = tuple(
        SeedCurve(rows[x].to_numpy(float), scale * rows[measure].to_numpy(float), seed in ok)
        for seed, rows in evaluations[evaluations[measure].notna()].sort_values(["seed", "step"]).groupby("seed")
    )
    whole = evaluations[evaluations["seed"].isin(ok)]
    values = [scale * rows[measure].dropna().to_numpy(float) for _, rows in whole.groupby("step")]
    estimates = [mean_interval(row) for row in values]
    return Curve(
        x=whole.groupby("step")[x].mean().to_numpy(float),
        mean=np.array([estimate.mean for estimate in estimates], dtype=float),
        low=np.array([estimate.low for estimate in estimates], dtype=float),
        high=np.array([estimate.high for estimate in estimates], dtype=float),
        seeds=seeds,
        finished=len(ok),
        planned=len(trials),
    )
