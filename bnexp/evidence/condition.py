"""What one variant gives at one place of the grid.  Accuracies are in per cent, differences in percentage points."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnexp.evidence.metric import METRICS
from bnexp.evidence.side import Counts, Side
from bnexp.evidence.time_to_accuracy import TARGETS, Measure, Runs, runs, summary
from bnexp.records.quantities import QUANTITY
from bnexp.records.record import TrialRecord
from bnexp.stats.estimates import Interval, interquartile_mean, mean_interval
from bnexp.stats.survival import TimeToTarget


@dataclass(frozen=True)
class Condition:
    """One variant at one place of the grid."""

    point: int
    """Index into `plan.points`."""
    variant: str
    coordinates: Mapping[str, Any]
    counts: Counts
    accuracy: Interval
    """Of the test set, in per cent; over the trials that are ok.  Of batch-dependent methods, with moving averages."""
    batch_statistics: Interval
    """The same weights with each batch's own statistics; n is 0 for methods that do not depend on the batch."""
    recalibrated: Interval
    """The same weights with statistics recomputed over training images."""
    recalibration: Interval
    """What recalibration adds, in percentage points: mean over the trials of recalibrated minus `accuracy`."""
    accuracy_middle: float
    """The interquartile mean of the same; NaN for fewer than four."""
    length: int | None
    """Optimizer steps of a whole training; None if none has finished."""
    times: Mapping[Measure, Mapping[int, TimeToTarget]]
    """To each of `TARGETS`; over the trials that are ok or diverged; n is 0 without a validation split."""
    runs: Mapping[Measure, Mapping[int, Runs]]
    """What `times` summarizes, run by run."""
    parameters_trainable: int | None
    parameters_normalization: int | None
    seconds: float
    """Median seconds of training, without compilation and evaluation; NaN if no trial is ok."""

    @property
    def examples_per_step(self) -> float:
        """Over a whole training; NaN if it is not known.  Where two differ, steps and examples tell different times."""
        steps, examples = (self.runs[measure][TARGETS[0]].watched for measure in ("steps", "examples"))
        return examples[0] / steps[0] if steps else math.nan


def condition(side: Side) -> Condition:
    """What the trials of one point of the plan give."""
    ok, every = side.of("ok"), side.of("ok", "diverged", "failed")
    accuracy, seconds = ([*METRICS[name].of(ok).values()] for name in ("test-accuracy", "seconds"))
    both = {seed: each for seed, each in ok.items() if each.other_statistics}
    plain, recalibrated = ([*METRICS[f"{name}-accuracy"].of(both).values()] for name in ("test", "recalibrated"))
    batch, found = QUANTITY["test_accuracy_batch_statistics"], runs(side)
    return Condition(
        point=side.point,
        variant=side.name,
        coordinates=side.coordinates,
        counts=side.counts,
        accuracy=mean_interval(accuracy),
        accuracy_middle=interquartile_mean(accuracy),
        batch_statistics=mean_interval([100 * batch.get(each) for each in both.values()]),
        recalibrated=mean_interval(recalibrated),
        # Shares of the same test set, as in `paired`: without the rounding error of the subtraction.
        recalibration=mean_interval([round(two - one, 9) for one, two in zip(plain, recalibrated, strict=True)]),
        length=_first(ok, "steps"),
        times={measure: {to: summary(each, measure) for to, each in here.items()} for measure, here in found.items()},
        runs=found,
        parameters_trainable=_first(every, "parameters_trainable"),
        parameters_normalization=_first(every, "parameters_normalization"),
        seconds=float(np.median(seconds)) if seconds else math.nan,
    )


def _first(records: Mapping[int, TrialRecord], quantity: str) -> int | None:
    return next((value for each in records.values() if (value := QUANTITY[quantity].get(each)) is not None), None)
