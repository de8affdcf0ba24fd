"""What is measured of a model: on validation examples while it trains, and once on the test set."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bnexp.records.record import Brief, Evaluation, OtherStatistics, Progress, Test
from bnexp.specs.model import OwnModel
from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.trial import authors
from bnexp.training.loop import Setup, Stop, epoch_order, total_penalty
from bnexp.training.program import EVALUATION_BATCH, Scores
from bnexp.training.statistics import EVALUATED_RECALIBRATION, RECALIBRATION_EXAMPLES


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
        training, parts = self._setup.trial.spec.training, self._setup.parts
        new = sum(one.examples for one in self._since)
        examples = new + (self.rows[-1].examples if self.rows else 0)
        penalty = total_penalty(one.penalty_sum for one in self._since)
        seen, recalibrated = self._scores() if len(parts.validation) else (None, None)
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
            recalibrated_loss=recalibrated.loss if recalibrated else None,
            recalibrated_accuracy=recalibrated.accuracy if recalibrated else None,
        )
        self.rows.append(evaluation)
        self._since.clear()
        if not stop.diverged:
            n = len(parts.train)
            self._progress(
                Progress(
                    epoch=-(-stop.step * training.passes(n) // training.length(n)),
                    epochs=training.passes(n),
                    step=stop.step,
                    steps=training.length(n),
                    validation_accuracy=evaluation.validation_accuracy,
                )
            )

    def _scores(self) -> tuple[Brief, Brief | None]:
        """Of the validation examples, and the same under recalibrated statistics; the moving averages stay."""
        program, data, validation = self._setup.program, self._setup.data, self._setup.parts.validation
        seen = _brief(program.evaluate(data.images, data.labels, validation))
        if not self._setup.recalibrates:
            return seen, None
        with program.recalibrated(data.images, sample(self._setup, EVALUATED_RECALIBRATION)):
            return seen, _brief(program.evaluate(data.images, data.labels, validation))

    def forget_recalibrated(self) -> None:
        """Where it turns out that there cannot be any."""
        nothing = {"recalibrated_loss": None, "recalibrated_accuracy": None}
        self.rows = [row.model_copy(update=nothing) for row in self.rows]

    def trained(self) -> bool | None:
        """Whether the training has learned something, at its last evaluation (`records.TrialRecord`).

        By moving averages or by recalibrated statistics: each is a network that is there.
        """
        last, dataset, parts = self.rows[-1], self._setup.data.dataset, self._setup.parts
        if last.validation_accuracy is None:
            return None
        accuracy = max(last.validation_accuracy, last.recalibrated_accuracy or 0.0)
        guessing = _per_class(dataset.train_labels[parts.train], dataset.classes)
        guess = max(guessing) / sum(guessing)
        return accuracy > guess + self._setup.trial.spec.training.trained * (1 - guess)


def test_scores(setup: Setup) -> tuple[Test, OtherStatistics | None]:
    """The one look at the test set, whose images are on the device only for this moment; moving averages are lost."""
    program, dataset, spec = setup.program, setup.data.dataset, setup.trial.spec
    images, labels = tf.constant(dataset.test_images), tf.constant(dataset.test_labels, tf.int32)
    everything = np.arange(len(dataset.test_labels))
    scores = program.evaluate(images, labels, everything)
    correct, missed = dataset.test_labels[scores.correct], np.flatnonzero(~scores.correct)
    test = Test(
        **_brief(scores).model_dump(),
        examples=len(everything),
        examples_per_class=_per_class(dataset.test_labels, dataset.classes),
        correct_per_class=_per_class(correct, dataset.classes),
        missed=tuple(missed.tolist()),
        labels=tuple(dataset.test_labels[missed].tolist()),
        predicted=tuple(scores.predicted[missed].tolist()),
    )
    own = isinstance(spec.norm, OwnNorm) or isinstance(spec.model, OwnModel)
    if own and program.depends_on_batch(images, everything[:EVALUATION_BATCH]):
        setup.cautions.append(
            f"{' or '.join(authors(spec))}: at inference its outputs change with the batch that an image is in (they "
            "depend on the others, or on chance), so that all scores depend on their order, in batches of "
            f"{EVALUATION_BATCH}"
        )
    if not setup.recalibrates:
        return test, None
    some = sample(setup, RECALIBRATION_EXAMPLES)
    within_batch = program.evaluate_with_batch_statistics(images, labels, everything, spec.training.batch_size)
    program.recalibrate(setup.data.images, some)
    recalibrated = program.evaluate(images, labels, everything)
    return test, OtherStatistics(
        batch=_brief(within_batch), recalibrated=_brief(recalibrated), recalibration_examples=len(some)
    )


def recalibrates(setup: Setup) -> bool:
    """Whether the model can be scored under recalibrated statistics.

    It cannot where a layer that is not ours keeps something else than recalibration would set; then a caution says so.
    """
    program, norm = setup.program, setup.trial.spec.norm
    if not program.batch_dependent or not isinstance(norm, OwnNorm):
        return program.batch_dependent
    reason = program.wrong_recalibration(setup.data.images, sample(setup, setup.trial.spec.training.batch_size))
    if reason is not None:
        setup.cautions.append(f"norm {norm.name}: no scores with batch or recalibrated statistics: {reason}")
    return reason is None


def sample(setup: Setup, count: int) -> np.ndarray:
    """So many training examples, the same at every look; all, where there are fewer."""
    return epoch_order(setup.parts.train, setup.trial.seed, 0)[:count]


def _brief(scores: Scores) -> Brief:
    return Brief(loss=_finite(scores.loss), accuracy=float(np.mean(scores.correct)))


def _per_class(labels: np.ndarray, classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=classes).tolist())


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
