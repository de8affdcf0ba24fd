"""Learning curves as numbers: every training of a condition, and their mean with its interval."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from bnexp.stats.estimates import mean_interval

MEASURES = {
    "validation_accuracy": "validation accuracy (%)",
    "train_accuracy": "training accuracy (%)",
    "validation_loss": "validation loss (nats)",
    "train_loss": "training loss (nats)",
}
"""Columns of the evaluations to what they are called."""

AXES = {"step": "training steps", "examples": "training examples seen", "seconds": "seconds of training"}
"""The same of those that they stand against."""


class Curve(NamedTuple):
    """A measure against an axis, as it is drawn."""

    seeds: list[tuple[np.ndarray, bool]]
    """Of each training (evaluations, 2), where it has a value and that, and whether it finished; else it ends early."""
    mean: np.ndarray
    """(4, evaluations): where the mean of the finished trainings stands, that, and both ends of its interval."""
    counts: tuple[int, int]
    """Finished and planned."""


class Trainings:
    """What was measured at one point of the plan, evaluation by evaluation; from its rows of the `records.frames`.

    The evaluations of all seeds are at the same steps, because these follow from the spec; so means are taken at each
    of them, and nothing is interpolated.
    """

    def __init__(self, trials: pd.DataFrame, evaluations: pd.DataFrame) -> None:
        at = evaluations.assign(at=evaluations["step"])
        self._tables = at.pivot(index="seed", columns="at", values=[*AXES, *MEASURES])
        self.seeds = self._tables.index.to_numpy(int)
        """(seeds,): ascending, those that have evaluations."""
        ok = trials["status"] == "ok"
        self.finished = np.isin(self.seeds, trials.loc[ok, "seed"])
        self.counts = int(ok.sum()), len(trials)

    def values(self, column: str) -> np.ndarray:
        """Of a measure or an axis, (seeds, evaluations), NaN where there is none; accuracies in per cent."""
        found = self._tables[column].to_numpy(float)
        return 100 * found if column.endswith("accuracy") else found

    def mean(self, column: str) -> np.ndarray:
        """Mean over the finished trainings, lower and upper end of its interval, (3, evaluations)."""
        columns = self.values(column)[self.finished].T
        return np.array([mean_interval(values[~np.isnan(values)])[:3] for values in columns]).T

    def curve(self, measure: str, x: str) -> Curve:
        """Of a measure against an axis; where no training finished, its mean is NaN."""
        points = np.stack([self.values(x), self.values(measure)], axis=-1)
        seeds = [(each[~np.isnan(each[:, 1])], bool(end)) for each, end in zip(points, self.finished, strict=True)]
        mean = np.vstack([self.mean(x)[0], self.mean(measure)])
        return Curve([each for each in seeds if len(each[0])], mean, self.counts)
