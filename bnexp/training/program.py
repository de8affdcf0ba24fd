"""A compiled model: one graph that trains for a stretch of steps, and one that evaluates."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras.src.utils.naming import reset_uids
from tensorflow.python.framework import ops

from bnexp.errors import UserError
from bnexp.lazy import attribute
from bnexp.models.blocks import Built
from bnexp.models.own_state import building, inside, seed_everything, unknown_variable
from bnexp.specs.model import OwnModel
from bnexp.specs.trial import TrialSpec, authors
from bnexp.training.fast_blocks import with_fast_forms
from bnexp.training.fast_layers import Step
from bnexp.training.initial import data_dependent_initialization, initial_weights
from bnexp.training.statistics import RECALIBRATION_BATCH, BatchStatistics, normalizing_by_themselves

EVALUATION_BATCH = 125
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
    """Whether the last loss, with all that the model adds to the cross-entropy, was a finite number."""
    penalty_sum: float | None
    """Sum over examples of the losses that the model adds itself, likewise; None where it adds none."""


class Scores(NamedTuple):
    """What was measured on some examples in inference mode."""

    loss: float
    """Mean cross-entropy, nats."""
    correct: np.ndarray
    """Whether each example was classified correctly, shape (examples,)."""
    predicted: np.ndarray
    """The class that each was taken for, (examples,), int32."""


class State(NamedTuple):
    """All that training changes, by value: the variables of the model and those of its optimizer, in their order."""

    model: list[np.ndarray]
    optimizer: list[np.ndarray]


_ALIKE, _ALIKE_IN_HALF = 1e-3, 3e-2
"""How far outputs may lie apart by rounding, of their size: in float32, and in 16 bits."""


class Program:
    """A model, its optimizer and their graphs, for one spec and shape of data; any seed, any learning rate.

    A user's own model or layer is drawn while it is built, from `seed`, and may keep what only building it anew sets
    right; so a program with one is for one trial of this seed.

    Training is by one `tf.function` whose loop runs inside TensorFlow: batches are gathered there from images on the
    device, so that a step costs no Python.  Images are uint8 and divided by 255, or finite floats.  The loop itself
    is never compiled by XLA; the `step` within it is on a GPU.

    A step is one of Keras's `fit`: what is differentiated is the cross-entropy and all losses that the model adds
    itself (`add_loss`, regularizers), constraints are applied after the update, and a weight without a gradient stays.
    """

    def __init__(
        self,
        spec: TrialSpec,
        image: tuple[int, int, int],
        classes: int,
        pixels: tf.DType,
        step: Step = "graph",
        *,
        seed: int = 0,
    ) -> None:
        reset_uids()  # layers without a name get one by number, which shall be those of this model alone
        self.step = step
        self._authors = authors(spec)
        self._only_seed = seed if self._authors else None
        self._chance = seed_everything(seed, "global")
        with building(seed) as made:
            self.built: Built = attribute(spec.model.target)(spec, image, classes)
        self.model = self.built.model
        if self._only_seed is not None and (unknown := unknown_variable(made, self.model)):
            own_model = isinstance(spec.model, OwnModel)
            hint = ", and leave out layers that do not lead to the logits" if own_model else ""
            raise UserError(
                f"{self._authors[0]}: keeps a variable that is no weight of the {'model' if own_model else 'layer'} "
                f"({unknown}), so it would be neither trained nor counted as one; make it with self.add_weight(...)"
                f"{' of a layer' if own_model else ''}{hint}"
            )
        seed_everything(seed, "global", self._chance)
        self._training_model = with_fast_forms(self.model, step, spec.training.batch_size)
        inference_model = with_fast_forms(self.model, "inference")
        self._spec, self._training = spec, spec.training
        self._optimizer = attribute(spec.training.optimizer.target)(**spec.training.optimizer.arguments)
        self._optimizer.build(self.model.trainable_variables)
        self._constants = [variable.numpy() for variable in self.model.variables]
        self._optimizer_constants = [variable.numpy() for variable in self._optimizer.variables]
        self._finite_at_start: list[np.ndarray] = []
        self._penalized = False
        self._unused: list[keras.Variable] = []
        self.files_read: list[Path] = []  # by a user's code while the model was made
        self._statistics = BatchStatistics(self.built)
        data = [tf.TensorSpec((None, *image), pixels), tf.TensorSpec((None,), tf.int32)]

        # Nothing here is for autograph to convert, which takes half of the time of the first trace.
        traced = partial(tf.function, autograph=False)

        def stretch(update: Callable[..., Any], batch_size: int | None) -> Any:
            rates = [tf.TensorSpec((None,), tf.float32)] if spec.training.scheduled else []
            return traced(partial(_loop, update), [*data, tf.TensorSpec((None, batch_size), tf.int32), *rates])

        # The batch size is left open: one graph serves whole batches and the smaller last one of an epoch.
        self._stretches: dict[int | None, Any] = {None: stretch(self.update, None)}
        if step == "xla":
            size = spec.training.batch_size
            self._stretches[size] = stretch(traced(self.update, jit_compile=True), size)
        batches = [*data, tf.TensorSpec((None, None), tf.int32)]
        self._scores = traced(partial(_score, partial(inference_model, training=False)), batches)
        # As in the graph that scores, where x / 255 becomes x · (1 / 255): cells that normalize tell the two apart.
        self._pixels = traced(_pixels, [data[0], tf.TensorSpec((None,), tf.int32)])
        self._batch_scores = traced(partial(_score, self._statistics.logits), batches)

    def reset(self, spec: TrialSpec, seed: int, first_batch: tf.Tensor | None = None) -> dict[str, np.ndarray]:
        """Start anew with the weights of this seed and the spec's learning rate; returns each weight by its path.

        `first_batch` are the images (N,H,W,C) of the first step, for a norm that starts from data.  What is returned
        is what the seed drew, before the data had their say: so it is the same in every variant.
        """
        assert self._only_seed in (None, seed), "a user's code has drawn from another seed"
        # Nothing of ours draws from these generators, and TensorFlow optimizes its graphs anew after each seed.
        if self._only_seed is not None:
            seed_everything(seed, "global", self._chance)
        weights = initial_weights(self.built, spec.model, seed, self._constants)
        for variable, value in zip(self.model.variables, weights.values(), strict=True):
            variable.assign(value)
        self._finite_at_start = [np.isfinite(value) for value in weights.values()]
        for variable, value in zip(self._optimizer.variables, self._optimizer_constants, strict=True):
            variable.assign(value)
        self._optimizer.learning_rate.assign(spec.training.optimizer.learning_rate)
        if first_batch is not None and getattr(spec.norm, "data_init", False):
            data_dependent_initialization(self.built, _scaled(first_batch))
        return weights

    def state(self) -> State:
        """A copy of where training stands."""
        return State(*([one.numpy() for one in part.variables] for part in (self.model, self._optimizer)))

    def set_state(self, state: State) -> None:
        """Go on from there."""
        for part, values in zip((self.model, self._optimizer), state, strict=True):
            for variable, value in zip(part.variables, values, strict=True):
                variable.assign(value)

    def train(
        self, images: tf.Tensor, labels: tf.Tensor, order: np.ndarray, rates: np.ndarray | None = None
    ) -> Stretch:
        """Train on `order`, indices of shape (steps, batch), until its end or the first loss that is not finite.

        Of a schedule `rates`, shape (steps,), are the learning rates; without them, zero.
        """
        stretch = self._stretches.get(order.shape[1], self._stretches[None])
        given = [tf.constant(order, tf.int32)]
        if self._training.scheduled:
            given.append(tf.constant(np.zeros(len(order)) if rates is None else rates, tf.float32))
        with tf.device(images.device):
            steps, loss_sum, penalty_sum, correct, finite = stretch(images, labels, *given)
        penalty = float(penalty_sum) if self._penalized else None
        return Stretch(int(steps), int(steps) * order.shape[1], float(loss_sum), int(correct), bool(finite), penalty)

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

    def logits_with_batch_statistics(self, x: tf.Tensor) -> tf.Tensor:
        """Logits (n,classes) of one such batch, of images (n,H,W,C) as the model takes them; for a graph."""
        return self._statistics.logits(x)

    def recalibrate(self, images: tf.Tensor, indices: np.ndarray) -> None:
        """Replace the moving averages by statistics over the examples `indices`, for good."""
        size = len(indices) if self._statistics.of_steps else RECALIBRATION_BATCH
        self._statistics.recalibrate(
            self._pixels(images, tf.constant(indices[start : start + size], tf.int32))
            for start in range(0, len(indices), size)
        )

    @contextmanager
    def recalibrated(self, images: tf.Tensor, indices: np.ndarray) -> Iterator[None]:
        """The same for as long as this lasts."""
        with self._statistics.kept():
            self.recalibrate(images, indices)
            yield

    def wrong_recalibration(self, images: tf.Tensor, indices: np.ndarray) -> str | None:
        """Why `recalibrate` would put wrong numbers into a layer, seen on the batch `indices`; None where it fits."""
        return self._statistics.disagreement(_pixels(images, tf.constant(indices, tf.int32)))

    def depends_on_batch(self, images: tf.Tensor, indices: np.ndarray) -> bool:
        """Whether what the model says of the examples `indices` at inference depends on who else is in their batch."""
        if len(indices) < 2:
            return False
        x = _pixels(images, tf.constant(indices, tf.int32))
        together = self.model(x, training=False)
        apart = tf.concat([self.model(part, training=False) for part in (x[:1], x[1:])], 0)
        gap, size = (float(tf.reduce_max(tf.abs(value))) for value in (together - apart, together))
        return gap > (_ALIKE if self.precision == "float32" else _ALIKE_IN_HALF) * size

    @property
    def batch_dependent(self) -> bool:
        """Whether the model keeps statistics of batches, so that it can be scored under others."""
        return bool(self._statistics.layers)

    @property
    def precision(self) -> str:
        """The types that weights are held and layers computed in: `float32`, unless a user's own layer has others."""
        types = {variable.dtype for variable in self.model.trainable_variables}
        return ", ".join(sorted(types | {layer.compute_dtype for layer in inside(self.model)}))

    @property
    def cautions(self) -> list[str]:
        """What whoever reads the results should know of how this model trains; once it has trained a step."""
        norm, model = f"norm {self._spec.norm.name}", f"model {self._spec.model.name}"
        own_model, of_norms = isinstance(self._spec.model, OwnModel), self.built.of_norms
        found = []
        for variable in self._unused:
            whose = model if own_model and id(variable) not in of_norms else norm
            found.append(f"{whose}: no gradient reaches {variable.path}, which stays as it is")
        for path in self.files_read:
            identity = "which is no part of a trial's identity: an edit of it would not be noticed"
            found.append(f"{' or '.join(self._authors)}: reads {path.name}, {identity}")
        if not own_model:  # of ours nothing else was open before it was built
            return found
        each = (self._spec.norm.caution(one.block, self._training.batch_size) for one in self.built.norms)
        return [
            *found,
            *(
                f"{model}: layer {layer.name} normalizes in every variant, and counts, recalibrated statistics and "
                "probes leave it out; call norm(x, name) where the variant is to decide"
                for layer in normalizing_by_themselves(self.built)
            ),
            *(f"{norm}: {text}" for text in each if text),
        ]

    def finite(self) -> bool:
        """Whether every weight and moving statistic that was a finite number at the start still is."""
        pairs = zip(self.model.variables, self._finite_at_start, strict=True)
        return all(np.isfinite(variable.numpy()).all(where=at_start) for variable, at_start in pairs)

    def update(self, x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor | None = None) -> tuple[tf.Tensor, ...]:
        """One step of `train`, for a graph: of images x (n,H,W,C) as the model takes them, labels (n,), and the rate.

        Returns the batch's mean cross-entropy and the model's own losses, both before the update, and hits (n,).
        """
        if rate is not None:
            self._optimizer.learning_rate.assign(rate)
        variables = self.model.trainable_variables
        values = [variable.value for variable in variables]
        with custom_gradients_forgotten():
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                logits = self._training_model(x, training=True)
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
                loss = tf.reduce_mean(each)
                own = self._training_model.losses  # of the layers that were called just now, and of weights
                sums = [tf.reduce_sum(tf.cast(one, loss.dtype)) for one in own]
                penalty = tf.add_n(sums) if own else tf.zeros_like(loss)
                total = (tf.reduce_mean(self._trained_on(each, logits, y)) if self._reweighted else loss) + penalty
            pairs = list(zip(tape.gradient(total, values), variables, strict=True))
        reached = [(gradient, variable) for gradient, variable in pairs if gradient is not None]
        self._optimizer.apply(*zip(*reached, strict=True))
        self._penalized = bool(own)
        self._unused = [variable for gradient, variable in pairs if gradient is None]
        return loss, penalty, tf.math.count_nonzero(_predicted(logits) == y, dtype=tf.int32)

    @property
    def _reweighted(self) -> bool:
        """Whether what is trained on is another loss than the cross-entropy of the true labels."""
        return bool(self._training.label_smoothing or self._training.class_weights)

    def _trained_on(self, each: tf.Tensor, logits: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Of the cross-entropies (N) of true labels those of smoothed ones, times the weights of their classes.

        A label of s/C for each of C classes, and 1 − s more for the true one, has the cross-entropy
        (1 − s)·that of the true label + s·(log Σ exp z − mean z), for logits z.
        """
        if smoothing := self._training.label_smoothing:
            uniform = tf.reduce_logsumexp(logits, -1) - tf.reduce_mean(logits, -1)
            each = (1 - smoothing) * each + smoothing * uniform
        if weights := self._training.class_weights:
            each *= tf.gather(tf.constant(weights, each.dtype), y)
        return each


@contextmanager
def custom_gradients_forgotten() -> Iterator[None]:
    """While a graph is traced: what `tf.custom_gradient` registers for good, and its graph with it, goes afterwards.

    Gradients are taken within, if any, so nothing asks for them again.
    """
    registered: dict[str, Any] = ops.gradient_registry._registry  # TensorFlow has no public way to it
    before = set(registered)
    try:
        yield
    finally:
        for name in registered.keys() - before:
            del registered[name]


def _loop(
    update: Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]],
    images: tf.Tensor,
    labels: tf.Tensor,
    order: tf.Tensor,
    *rates: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """`update` with each batch of `order` (steps, batch) and, of a schedule, its learning rate of `rates` (steps,).

    Steps done, sums of both losses, hits, whether finite.
    """
    size = tf.cast(tf.shape(order)[1], tf.float64)

    def step(steps: tf.Tensor, loss_sum: tf.Tensor, penalty_sum: tf.Tensor, correct: tf.Tensor, _: tf.Tensor) -> Any:
        batch = _pixels(images, order[steps]), tf.gather(labels, order[steps])
        loss, penalty, hits = update(*batch, *(each[steps] for each in rates))
        loss_sum += tf.cast(loss, tf.float64) * size
        penalty_sum += tf.cast(penalty, tf.float64) * size
        return steps + 1, loss_sum, penalty_sum, correct + hits, tf.math.is_finite(loss + penalty)

    none, no_sum = tf.constant(0), tf.constant(0.0, tf.float64)
    found: tuple[tf.Tensor, ...] = tf.while_loop(
        lambda steps, *sums_and_finite: tf.logical_and(steps < tf.shape(order)[0], sums_and_finite[-1]),
        step,
        (none, no_sum, no_sum, none, tf.constant(True)),
    )
    return found


def _scored(scores: Any, images: tf.Tensor, labels: tf.Tensor, indices: np.ndarray, batch_size: int) -> Scores:
    """The scores of all `indices`, computed by the graph `scores` batch by batch."""
    whole = len(indices) // batch_size * batch_size
    orders = [indices[:whole].reshape(-1, batch_size), indices[None, whole:]]
    found = [scores(images, labels, tf.constant(order, tf.int32)) for order in orders if order.size]
    loss, correct, predicted = (
        np.concatenate([part.numpy().ravel() for part in parts]) for parts in zip(*found, strict=True)
    )
    return Scores(float(loss.cumsum()[-1]) / len(indices), correct, predicted)  # one by one, in any version of Python


def _score(
    logits_of: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor, labels: tf.Tensor, order: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Of each batch of `order` (batches, batch) the sum of the cross-entropies (batches,).

    And of each example whether its predicted class is right, and that class, (batches, batch).
    """

    def of_one(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with custom_gradients_forgotten():
            logits, y = logits_of(_pixels(images, batch)), tf.gather(labels, batch)
        predicted = _predicted(logits)
        loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        return tf.cast(loss, tf.float64), predicted == y, predicted

    # One batch at a time: their outputs are large, and a trial has one thread.
    found: tuple[tf.Tensor, tf.Tensor, tf.Tensor] = tf.map_fn(
        of_one, order, fn_output_signature=(tf.float64, tf.bool, tf.int32), parallel_iterations=1
    )
    return found


def examples(images: tf.Tensor, labels: tf.Tensor, indices: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    """Images (n,H,W,C) as the model takes them, and their labels (n,)."""
    return _pixels(images, tf.constant(indices, tf.int32)), tf.gather(labels, indices)


def _pixels(images: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    return _scaled(tf.gather(images, batch))


def _scaled(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(x, tf.float32) / 255.0 if x.dtype == tf.uint8 else x


def _predicted(logits: tf.Tensor) -> tf.Tensor:
    return tf.argmax(logits, axis=-1, output_type=tf.int32)
