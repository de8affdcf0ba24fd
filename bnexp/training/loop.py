"""The loop of training: stretches of steps, and stops between them, of which observers are told."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bnexp.data import Split
from bnexp.specs.trial import Trial
from bnexp.training.clock import Clock
from bnexp.training.device import DeviceData
from bnexp.training.order import batches, epoch_order
from bnexp.training.program import Program, Stretch


@dataclass(frozen=True)
class Setup:
    """What one trial is trained with."""

    trial: Trial
    program: Program
    """Reset to the seed of the trial."""
    data: DeviceData
    parts: Split


@dataclass(frozen=True)
class Stop:
    """Where training stands, and what was measured since the stop before."""

    step: int
    """Steps done since the start."""
    examples: int
    loss_sum: float
    """Sum over these examples of the cross-entropy (nats), each taken before the update that it causes."""
    correct: int
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
        """The steps at which it wants the loop to stop."""

    def at(self, stop: Stop) -> None:
        """Told of every stop, also of those that only others want."""


def train(setup: Setup, observers: Sequence[Observer], clock: Clock) -> int | None:
    """Train to the last step, or to the step, which is returned, at which training diverged."""
    training, examples = setup.trial.spec.training, setup.parts.train
    per_epoch = training.steps_per_epoch(len(examples))
    evaluations = training.evaluation_steps(len(examples))
    asked = {step for observer in observers for step in observer.steps if step <= evaluations[-1]}
    step, order = 0, np.empty(0, np.int32)
    for until in sorted(asked.union(evaluations)):  # every end of an epoch is among them
        epoch, first = divmod(step, per_epoch)
        if first == 0:
            order = epoch_order(examples, setup.trial.seed, epoch)
        with clock("train"):
            done = list(_trained(setup, batches(order, training.batch_size, first, first + until - step)))
        step += sum(part.steps for part in done)
        # Weights are looked at where the spec says, whoever observes: the last update itself may have overflowed.
        diverged = not done[-1].finite or (until in evaluations and not setup.program.finite())
        stop = Stop(
            step=step,
            examples=sum(part.examples for part in done),
            loss_sum=sum(part.loss_sum for part in done),
            correct=sum(part.correct for part in done),
            seconds=clock.parts["train"],
            diverged=diverged,
        )
        with clock("evaluate"):
            for observer in observers:
                observer.at(stop)
        if diverged:
            return step
    return None


def _trained(setup: Setup, stretches: Iterable[np.ndarray]) -> Iterator[Stretch]:
    """Train on arrays of batches, each (steps, batch), to their end or the first loss that is not finite."""
    for order in stretches:
        done = setup.program.train(setup.data.images, setup.data.labels, order)
        yield done
        if not done.finite:
            return
