"""Central training: all examples in one place, one pass after another."""

from collections.abc import Iterator, Sequence

import numpy as np

from bnexp.training.loop import Clock, Observer, Setup, batches, epoch_order, learning_rates, stop
from bnexp.training.program import Stretch


def train(setup: Setup, observers: Sequence[Observer], clock: Clock) -> int | None:
    """Train to the last step, or to the step, which is returned, at which training diverged."""
    training, examples = setup.trial.spec.training, setup.parts.train
    per_epoch = training.steps_per_epoch(len(examples))
    evaluations = training.evaluation_steps(len(examples))
    asked = {step for observer in observers for step in observer.steps if step <= evaluations[-1]}
    ends = range(per_epoch, evaluations[-1] + 1, per_epoch)
    rates = learning_rates(setup)
    step, order = 0, np.empty(0, np.int32)
    if 0 in asked:
        stop(observers, clock, 0, [], diverged=False)
    for until in sorted(asked.union(evaluations, ends) - {0}):
        epoch, first = divmod(step, per_epoch)
        if first == 0:
            order = epoch_order(examples, setup.trial.seed, epoch)
        done: list[Stretch] = []
        with clock("train"):
            for stretch in batches(order, training.batch_size, first, first + until - step):
                now = None if rates is None else rates[step : step + len(stretch)]
                done.append(setup.program.train(setup.data.images, setup.data.labels, stretch, now))
                step += done[-1].steps
                if not done[-1].finite:
                    break
        # Weights are looked at where the spec says, whoever observes: the last update itself may have overflowed.
        diverged = not done[-1].finite or (until in evaluations and not setup.program.finite())
        if stop(observers, clock, step, done, diverged=diverged) is not None:
            return step
    return None


def orders(setup: Setup) -> Iterator[np.ndarray]:
    """The training examples in the order of all passes."""
    examples = setup.parts.train
    for epoch in range(setup.trial.spec.training.passes(len(examples))):
        yield epoch_order(examples, setup.trial.seed, epoch)
