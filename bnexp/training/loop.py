"""What the loops of all procedures share: batches in order, stops, of which observers are told, and where time goes."""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from bnexp.data import shuffle
from bnexp.data.division import Split
from bnexp.records.record import Seconds
from bnexp.specs.trial import Trial, stream
from bnexp.training.device import DeviceData
from bnexp.training.program import Program, Stretch


class Clock:
    """Adds up wall-clock seconds of the parts of a trial, from its making on."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.parts = {"data": 0.0, "compile": 0.0, "train": 0.0, "evaluate": 0.0}

    @contextmanager
    def __call__(self, part: Literal["data", "compile", "train", "evaluate"]) -> Iterator[None]:
        """What is done within counts for this part."""
        since = time.perf_counter()
        try:
            yield
        finally:
            self.parts[part] += time.perf_counter() - since

    def seconds(self) -> Seconds:
        return Seconds(**self.parts, total=time.perf_counter() - self._began)


@dataclass(frozen=True)
class Setup:
    """What one trial is trained with."""

    trial: Trial
    program: Program
    """Reset to the seed of the trial."""
    data: DeviceData
    parts: Split
    recalibrates: bool = False
    """Whether the model is scored under recalibrated statistics too."""
    cautions: list[str] = field(default_factory=list)
    """What whoever reads the results should know; told with the record."""


@dataclass(frozen=True)
class Stop:
    """Where training stands, and what was measured since the stop before."""

    step: int
    """Steps done since the start."""
    examples: int
    loss_sum: float
    penalty_sum: float | None
    correct: int
    """These four as in `training.program.Stretch`, over what was trained on since the stop before."""
    seconds: float
    """Of training since the start, without what observers took."""
    diverged: bool
    """Whether a loss, or at a step of evaluation a weight, is no longer finite; then it is the last stop."""


class Observer(Protocol):
    """Watches a training: an evaluation, a probe.

    It may read weights and compute with them.  It leaves the state of model and optimizer as it was, and draws from no
    random stream but its own; so a record is the same whoever else watches.
    """

    @property
    def steps(self) -> Collection[int]:
        """The steps at which it wants the loop to stop; 0 is before the first."""

    def at(self, stop: Stop) -> None:
        """Told of every stop, also of those that only others want."""


def learning_rates(setup: Setup) -> np.ndarray | None:
    """Those of all steps, shape (steps,), float32; None where they are all the same."""
    training = setup.trial.spec.training
    if not training.scheduled:
        return None
    shares = training.schedule.shares(training.length(len(setup.parts.train)))
    return np.float32(training.optimizer.learning_rate) * np.array(shares, np.float32)


def stop(
    observers: Sequence[Observer], clock: Clock, step: int, done: Sequence[Stretch], *, diverged: bool
) -> int | None:
    """Tell the observers where training stands after the stretches since the stop before; the step if it diverged."""
    told = Stop(
        step=step,
        examples=sum(part.examples for part in done),
        loss_sum=sum(part.loss_sum for part in done),
        penalty_sum=total_penalty(part.penalty_sum for part in done),
        correct=sum(part.correct for part in done),
        seconds=clock.parts["train"],
        diverged=diverged,
    )
    with clock("evaluate"):
        for observer in observers:
            observer.at(told)
    return step if diverged else None


def total_penalty(sums: Iterable[float | None]) -> float | None:
    """The sum of what a model has added to the loss; None where it adds nothing."""
    known = [each for each in sums if each is not None]
    return sum(known) if known else None


def epoch_order(indices: np.ndarray, seed: int, epoch: int, *whose: int) -> np.ndarray:
    """The training examples `indices`, shape (examples,), shuffled for this epoch (from 0), as int32."""
    return indices.astype(np.int32)[shuffle.order(len(indices), stream(seed, "order", epoch, *whose))]


def batches(order: np.ndarray, batch_size: int, first: int, last: int) -> Iterator[np.ndarray]:
    """Steps `first` up to but not `last` of an epoch (from 0), as at most two arrays of shape (steps, batch).

    The second holds the last, smaller batch of the epoch, where the stretch reaches it.
    """
    whole = len(order) // batch_size
    if first < min(last, whole):
        yield order[first * batch_size : min(last, whole) * batch_size].reshape(-1, batch_size)
    if last > whole and len(order) % batch_size:
        yield order[whole * batch_size :].reshape(1, -1)
