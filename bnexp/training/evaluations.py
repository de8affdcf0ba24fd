"""What is measured of a model: on validation examples while it trains, and once on the test set."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bnexp.data import Dataset
from bnexp.records.record import Brief, Evaluation, OtherStatistics, Progress, Test
from bnexp.training.loop import Setup, Stop
from bnexp.training.order import epoch_order
from bnexp.training.program import Scores
from bnexp.training.statistics import RECALIBRATION_EXAMPLES


class Evaluations:
    """An observer that scores the validation examples at the steps of the spec, and tells `progress` of each."""

    def __init__(self, setup: Setup, progress: Callable[[Progress], None]) -> None:
        self._setup, self._progress = setup, progress
        self._training, self._examples = setup.trial.spec.training, len(setup.parts.train)
        self.steps = self._training.evaluation_steps(self._examples)
        self.rows: list[Evaluation] = []
        self._since: list[Stop] = []

    def at(self, stop: Stop) -> None:
        self._since.append(stop)
        if stop.step not in self.steps and not stop.diverged:
            return
        new = sum(one.examples for one in self._since)
        examples = new + (self.rows[-1].examples if self.rows else 0)
        data, validation = self._setup.data, self._setup.parts.validation
        scores = self._setup.program.evaluate(data.images, data.labels, validation) if len(validation) else None
        evaluation = Evaluation(
            step=stop.step,
            examples=examples,
            epoch=examples / self._training.examples_per_epoch(self._examples),
            seconds=stop.seconds,
            train_loss=_finite(sum(one.loss_sum for one in self._since) / new),
            train_accuracy=sum(one.correct for one in self._since) / new,
            validation_loss=_finite(scores.loss) if scores else None,
            validation_accuracy=_share(scores) if scores else None,
        )
        self.rows.append(evaluation)
        self._since.clear()
        if not stop.diverged:
            self._tell(evaluation)

    def _tell(self, evaluation: Evaluation) -> None:
        per_epoch = self._training.steps_per_epoch(self._examples)
        self._progress(
            Progress(
                epoch=(evaluation.step - 1) // per_epoch + 1,
                epochs=self._training.epochs,
                step=evaluation.step,
                steps=per_epoch * self._training.epochs,
                validation_accuracy=evaluation.validation_accuracy,
            )
        )


def test_scores(setup: Setup) -> tuple[Test, OtherStatistics | None]:
    """The one look at the test set, whose images are on the device only for this moment; moving averages are lost."""
    program, dataset = setup.program, setup.data.dataset
    images, labels = tf.constant(dataset.test_images), tf.constant(dataset.test_labels, tf.int32)
    everything = np.arange(len(dataset.test_labels))
    test = _test(dataset, program.evaluate(images, labels, everything))
    if not program.batch_dependent:
        return test, None
    batch_size = setup.trial.spec.training.batch_size
    within_batch = program.evaluate_with_batch_statistics(images, labels, everything, batch_size)
    some = epoch_order(setup.parts.train, setup.trial.seed, 0)[:RECALIBRATION_EXAMPLES]
    program.recalibrate(setup.data.images, some)
    recalibrated = program.evaluate(images, labels, everything)
    return test, OtherStatistics(
        batch=_brief(within_batch), recalibrated=_brief(recalibrated), recalibration_examples=len(some)
    )


def _test(dataset: Dataset, scores: Scores) -> Test:
    per_class = np.bincount(dataset.test_labels, minlength=dataset.classes)
    correct = np.bincount(dataset.test_labels[scores.correct], minlength=dataset.classes)
    return Test(
        examples=len(dataset.test_labels),
        loss=_finite(scores.loss),
        accuracy=_share(scores),
        examples_per_class=tuple(map(int, per_class)),
        correct_per_class=tuple(map(int, correct)),
        missed=tuple(map(int, np.flatnonzero(~scores.correct))),
    )


def _brief(scores: Scores) -> Brief:
    return Brief(loss=_finite(scores.loss), accuracy=_share(scores))


def _share(scores: Scores) -> float:
    return float(np.mean(scores.correct))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
