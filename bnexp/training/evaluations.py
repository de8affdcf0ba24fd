"""What is measured of a model: on validation examples while it trains, and once on the test set."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bnexp.records.record import Brief, Evaluation, OtherStatistics, Progress, Test
from bnexp.specs.norms.own import OwnNorm
from bnexp.training.loop import Setup, Stop, epoch_order, total_penalty
from bnexp.training.program import EVALUATION_BATCH, Scores
from bnexp.training.statistics import RECALIBRATION_EXAMPLES


class Evaluations:
    """An observer that scores the validation examples at the steps of the spec, and tells `progress` of each."""

    def __init__(self, setup: Setup, progress: Callable[[Progress], None]) -> None:
        self._setup, self._progress = setup, progress
        self.steps = setup.trial.spec.training.evaluation_steps(len(setup.parts.train))
        self.rows: list[Evaluation] = []
        self._since: list[Stop] = []

    def at(self, stop: Stop) -> None:
        self._since.append(stop)
        if stop.step not in self.steps and not stop.diverged:
            return
        training, data, parts = self._setup.trial.spec.training, self._setup.data, self._setup.parts
        new = sum(one.examples for one in self._since)
        examples = new + (self.rows[-1].examples if self.rows else 0)
        penalty = total_penalty(one.penalty_sum for one in self._since)
        seen = None
        if len(parts.validation):
            seen = _brief(self._setup.program.evaluate(data.images, data.labels, parts.validation))
        evaluation = Evaluation(
            step=stop.step,
            examples=examples,
            epoch=examples / training.examples_per_epoch(len(parts.train)),
            seconds=stop.seconds,
            train_loss=_finite(sum(one.loss_sum for one in self._since) / new),
            train_accuracy=sum(one.correct for one in self._since) / new,
            train_penalty=None if penalty is None else _finite(penalty / new),
            validation_loss=seen.loss if seen else None,
            validation_accuracy=seen.accuracy if seen else None,
        )
        self.rows.append(evaluation)
        self._since.clear()
        if not stop.diverged:
            per_epoch = training.steps_per_epoch(len(parts.train))
            self._progress(
                Progress(
                    epoch=(stop.step - 1) // per_epoch + 1,
                    epochs=training.epochs,
                    step=stop.step,
                    steps=per_epoch * training.epochs,
                    validation_accuracy=evaluation.validation_accuracy,
                )
            )


def test_scores(setup: Setup) -> tuple[Test, OtherStatistics | None]:
    """The one look at the test set, whose images are on the device only for this moment; moving averages are lost.

    Scores under other statistics are left out where a layer that is not ours keeps something else than recalibration
    would set; then a caution says so.
    """
    program, dataset, spec = setup.program, setup.data.dataset, setup.trial.spec
    images, labels = tf.constant(dataset.test_images), tf.constant(dataset.test_labels, tf.int32)
    everything = np.arange(len(dataset.test_labels))
    scores = program.evaluate(images, labels, everything)
    correct = dataset.test_labels[scores.correct]
    test = Test(
        **_brief(scores).model_dump(),
        examples=len(everything),
        examples_per_class=_per_class(dataset.test_labels, dataset.classes),
        correct_per_class=_per_class(correct, dataset.classes),
        missed=tuple(np.flatnonzero(~scores.correct).tolist()),
    )
    if isinstance(spec.norm, OwnNorm) and program.depends_on_batch(images, everything[:EVALUATION_BATCH]):
        setup.cautions.append(
            f"norm {spec.norm.name}: at inference its outputs change with the batch that an image is in (they depend "
            f"on the others, or on chance), so that all scores depend on their order, in batches of {EVALUATION_BATCH}"
        )
    if not program.batch_dependent:
        return test, None
    batch_size = spec.training.batch_size
    some = epoch_order(setup.parts.train, setup.trial.seed, 0)[:RECALIBRATION_EXAMPLES]
    if isinstance(spec.norm, OwnNorm):
        reason = program.wrong_recalibration(setup.data.images, some[:batch_size])
        if reason is not None:
            setup.cautions.append(f"norm {spec.norm.name}: no scores with batch or recalibrated statistics: {reason}")
            return test, None
    within_batch = program.evaluate_with_batch_statistics(images, labels, everything, batch_size)
    program.recalibrate(setup.data.images, some)
    recalibrated = program.evaluate(images, labels, everything)
    return test, OtherStatistics(
        batch=_brief(within_batch), recalibrated=_brief(recalibrated), recalibration_examples=len(some)
    )


def _brief(scores: Scores) -> Brief:
    return Brief(loss=_finite(scores.loss), accuracy=float(np.mean(scores.correct)))


def _per_class(labels: np.ndarray, classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=classes).tolist())


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
