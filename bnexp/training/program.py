"""A compiled model: one graph that trains for a stretch of steps, and one that evaluates."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from keras.src.utils.naming import reset_uids

from bnexp.lazy import attribute
from bnexp.models.built import Built, inside
from bnexp.specs.trial import TrialSpec
from bnexp.training import optimizers
from bnexp.training.execution import GRAPH, Execution
from bnexp.training.fast_layers import with_fast_layers
from bnexp.training.initial import data_dependent_initialization, initial_weights, paths
from bnexp.training.statistics import RECALIBRATION_BATCH, BatchStatistics, batch_dependent

EVALUATION_BATCH = 250
"""Examples per evaluation step: large enough to be fast, small enough for the memory of a worker."""


class Stretch(NamedTuple):
    """What was measured while training for some steps."""

    steps: int
    """Steps done; less than asked for if the last of them had a loss that was not finite."""
    examples: int
    loss_sum: float
    """Sum over examples of the cross-entropy (nats), each taken before the update that it causes."""
    correct: int
    finite: bool


class Scores(NamedTuple):
    """What was measured on some examples in inference mode."""

    loss: float
    """Mean cross-entropy, nats."""
    correct: np.ndarray
    """Whether each example was classified correctly, shape (examples,)."""


class Program:
    """A model, its optimizer and their graphs, for one spec and shape of data; any seed, any learning rate.

    Training is by one `tf.function` whose loop runs inside TensorFlow: batches are gathered there from images on the
    device, so that a step costs no Python.  Images are uint8 and divided by 255, or finite floats.  The loop itself
    is never compiled by XLA, which is slow at loops on a CPU; `execution` says whether the step within it is.
    """

    def __init__(
        self, spec: TrialSpec, image: tuple[int, int, int], classes: int, pixels: tf.DType, execution: Execution = GRAPH
    ) -> None:
        reset_uids()  # parts of a user's layer get names by number, which shall be those of this model alone
        self.built: Built = attribute(spec.model.target)(spec, image, classes)
        self.model = self.built.model
        self._training_model = with_fast_layers(self.model, execution.step)
        self._inference_model = with_fast_layers(self.model, "inference")
        self._optimizer = optimizers.build(spec.training.optimizer)
        self._optimizer.build(self.model.trainable_variables)
        self._constants = [variable.numpy() for variable in self.model.variables]
        self._optimizer_constants = [variable.numpy() for variable in self._optimizer.variables]
        data = [tf.TensorSpec((None, *image), pixels), tf.TensorSpec((None,), tf.int32)]
        # The batch size is left open: one graph serves whole batches and the smaller last one of an epoch.
        self._stretch = tf.function(partial(_loop, self._update), [*data, tf.TensorSpec((None, None), tf.int32)])
        self._compiled_for = execution.batch_size
        if execution.step == "xla":
            step = tf.function(self._update, jit_compile=True)
            order = tf.TensorSpec((None, execution.batch_size), tf.int32)
            self._compiled_stretch = tf.function(partial(_loop, step), [*data, order])
        self._scores = tf.function(self._evaluate_batch, [*data, tf.TensorSpec((None,), tf.int32)])

    def reset(self, spec: TrialSpec, seed: int, first_batch: tf.Tensor | None = None) -> dict[str, np.ndarray]:
        """Start anew with the weights of this seed and the spec's learning rate; returns each weight by its path.

        `first_batch` are the images (N,H,W,C) of the first step, for a norm that starts from data.  What is returned
        is what the seed drew, before the data had their say: so it is the same in every variant.
        """
        weights = initial_weights(self.built, spec.model, seed, self._constants)
        for variable, value in zip(self.model.variables, weights, strict=True):
            variable.assign(value)
        for variable, value in zip(self._optimizer.variables, self._optimizer_constants, strict=True):
            variable.assign(value)
        self._optimizer.learning_rate = spec.training.optimizer.learning_rate
        if first_batch is not None and getattr(spec.norm, "data_init", False):
            data_dependent_initialization(self.built, _scaled(first_batch))
        return dict(zip(paths(self.model), weights, strict=True))

    def compile(self, images: tf.Tensor, labels: tf.Tensor, batch: np.ndarray) -> None:
        """Trace and optimize both graphs by using them once; what that changes, `reset` sets right."""
        self.train(images, labels, batch[None])
        self.evaluate(images, labels, batch)

    def train(self, images: tf.Tensor, labels: tf.Tensor, order: np.ndarray) -> Stretch:
        """Train on `order`, indices of shape (steps, batch), until its end or the first loss that is not finite."""
        stretch = self._compiled_stretch if order.shape[1] == self._compiled_for else self._stretch
        with tf.device(images.device):
            steps, loss_sum, correct, finite = stretch(images, labels, tf.constant(order, tf.int32))
        return Stretch(int(steps), int(steps) * order.shape[1], float(loss_sum), int(correct), bool(finite))

    def evaluate(self, images: tf.Tensor, labels: tf.Tensor, indices: np.ndarray) -> Scores:
        """Score the examples `indices` (examples,), at least one, in inference mode."""
        return _scored(self._scores, images, labels, indices, EVALUATION_BATCH)

    def evaluate_with_batch_statistics(
        self, images: tf.Tensor, labels: tf.Tensor, indices: np.ndarray, batch_size: int
    ) -> Scores:
        """Score the examples with batch normalizations that use each batch's own statistics.

        Batches of `batch_size` are taken in the order of `indices`; the moving averages stay as they were.
        """
        return _scored(self._batch_scores, images, labels, indices, batch_size)

    def recalibrate(self, images: tf.Tensor, indices: np.ndarray) -> None:
        """Replace the moving averages by statistics over the examples `indices`, for good."""
        starts = range(0, len(indices), RECALIBRATION_BATCH)
        self._batch_statistics.recalibrate(
            _pixels(images, tf.constant(indices[start : start + RECALIBRATION_BATCH], tf.int32)) for start in starts
        )

    @cached_property
    def _batch_statistics(self) -> BatchStatistics:
        return BatchStatistics(self.built)

    @cached_property
    def _batch_scores(self) -> Any:
        return tf.function(self._evaluate_within_batch, self._scores.input_signature, autograph=False)

    @property
    def batch_dependent(self) -> bool:
        """Whether the model keeps statistics of batches, so that it can be scored under others."""
        return bool(batch_dependent(self.built))

    @property
    def precision(self) -> str:
        """The types that weights are held and layers computed in: `float32`, unless a user's own layer has others."""
        types = {variable.dtype for variable in self.model.trainable_variables}
        return ", ".join(sorted(types | {layer.compute_dtype for layer in inside(self.model)}))

    @property
    def optimizer_state(self) -> list[Any]:
        """The variables that a step changes beside the model's: the number of steps, and of each weight its moments."""
        return [variable for variable in self._optimizer.variables if not variable.name.startswith("learning_rate")]

    def finite(self) -> bool:
        """Whether every weight and moving statistic is a finite number."""
        return all(np.isfinite(variable.numpy()).all() for variable in self.model.variables)

    def _update(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One step on a batch: its mean loss before the update, and how many of it were classified correctly."""
        variables = self.model.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            logits = self._training_model(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self._optimizer.apply(gradients, variables)
        return loss, tf.math.count_nonzero(_hits(logits, y), dtype=tf.int32)

    def _evaluate_batch(self, images: tf.Tensor, labels: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = _gather(images, labels, batch)
        return _loss_and_hits(self._inference_model(x, training=False), y)

    def _evaluate_within_batch(self, images: tf.Tensor, labels: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
        x, y = _gather(images, labels, batch)
        return _loss_and_hits(self._batch_statistics.logits(x), y)


def _loop(
    update: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    images: tf.Tensor,
    labels: tf.Tensor,
    order: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """`update` with each batch of `order` (steps, batch): steps done, sum of losses, hits, whether all was finite."""
    steps = tf.constant(0)
    loss_sum = tf.constant(0.0, tf.float64)
    correct = tf.constant(0)
    finite = tf.constant(True)
    while steps < tf.shape(order)[0] and finite:
        x, y = _gather(images, labels, order[steps])
        loss, hits = update(x, y)
        steps += 1
        correct += hits
        loss_sum += tf.cast(loss, tf.float64) * tf.cast(tf.shape(order)[1], tf.float64)
        finite = tf.math.is_finite(loss)
    return steps, loss_sum, correct, finite


def _scored(scores: Any, images: tf.Tensor, labels: tf.Tensor, indices: np.ndarray, batch_size: int) -> Scores:
    """The scores of all `indices`, computed by the graph `scores` batch by batch."""
    loss_sum, correct = 0.0, []
    for start in range(0, len(indices), batch_size):
        loss, hits = scores(images, labels, tf.constant(indices[start : start + batch_size], tf.int32))
        loss_sum += float(loss)
        correct.append(hits.numpy())
    return Scores(loss_sum / len(indices), np.concatenate(correct))


def _gather(images: tf.Tensor, labels: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return _pixels(images, batch), tf.gather(labels, batch)


def _pixels(images: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    return _scaled(tf.gather(images, batch))


def _scaled(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(x, tf.float32) / 255.0 if x.dtype == tf.uint8 else x


def _loss_and_hits(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum of the cross-entropies, and for each example whether it was classified correctly."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return tf.reduce_sum(losses), _hits(logits, labels)


def _hits(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    return tf.argmax(logits, axis=-1, output_type=tf.int32) == labels
