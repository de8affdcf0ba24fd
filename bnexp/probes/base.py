"""What all probes have: steps at which they look, a batch that stays the same, and a model that is left as it was."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import keras
import numpy as np
import tensorflow as tf
from keras.src.random.seed_generator import global_seed_generator

from bnexp.data import shuffle
from bnexp.models.own_state import SEED_STATE, bits, kept
from bnexp.records.record import ProbeLook
from bnexp.specs import probes as specs
from bnexp.specs.trial import stream
from bnexp.training.initial import paths
from bnexp.training.loop import Setup, Stop, learning_rates
from bnexp.training.program import custom_gradients_forgotten, examples

Values = Mapping[str, Mapping[str, float]]
"""Name of a number of the spec to layer, or `specs.MODEL`, to it."""
Spec = TypeVar("Spec", bound=specs.Probe)
OfBatchSpec = TypeVar("OfBatchSpec", bound=specs.OfBatch)


class Probe(Generic[Spec]):
    """An observer of the loop that measures at the steps of its spec, by the plain Keras model."""

    def __init__(self, spec: Spec, setup: Setup) -> None:
        self.spec, self.setup = spec, setup
        self.built = setup.program.built
        self.model = self.built.model
        self.steps = spec.steps(setup.trial.spec.training.evaluation_steps(len(setup.parts.train)))
        self.looks: list[ProbeLook] = []
        self._rates, self._step = learning_rates(setup), 0

    def at(self, stop: Stop) -> None:
        if stop.diverged or stop.step not in self.steps:
            return
        self._step = stop.step
        variables = [*self.model.variables, global_seed_generator().state]
        with kept(variables), generators_kept(), np.errstate(all="ignore"):
            values = self.measured()
        finite = {
            name: {layer: float(value) if np.isfinite(value) else None for layer, value in found.items()}
            for name, found in values.items()
        }
        self.looks.append(ProbeLook(step=stop.step, values=finite))

    def measured(self) -> Values:
        """The numbers of the spec now; weights may be moved, and are put back."""
        raise NotImplementedError

    @property
    def learning_rate(self) -> float:
        """Of the next step, by the schedule; after the last step that of the last."""
        if self._rates is None:
            return self.setup.trial.spec.training.optimizer.learning_rate
        return float(self._rates[min(self._step, len(self._rates) - 1)])

    def part(self, outputs: Sequence[Any]) -> Callable[..., list[tf.Tensor]]:
        """The model with other outputs, as a list, by the same layers."""
        model = keras.Model(self.model.inputs, list(outputs))

        def call(images: tf.Tensor, *, training: bool) -> list[tf.Tensor]:
            found: list[tf.Tensor] = tf.nest.flatten(model(images, training=training))
            return found

        return call


class OfBatch(Probe[OfBatchSpec]):
    """A probe with a batch of training images: the first of an order that follows from the seed alone."""

    def __init__(self, spec: OfBatchSpec, setup: Setup) -> None:
        super().__init__(spec, setup)
        train, seed = setup.parts.train, setup.trial.seed
        size = spec.examples or setup.trial.spec.training.batch_size
        self.chosen = train[shuffle.order(len(train), stream(seed, "probe"))][:size]
        """(n,): their indices."""
        self.images, self.labels = examples(setup.data.images, setup.data.labels, self.chosen)

    def in_training(self, compute: Callable[..., Any]) -> Any:
        """What `compute` says of images and labels of the batch, where it calls layers in training mode.

        Moving averages and random states are then as they were: so each call in a look is alike.
        """
        with kept(self.model.non_trainable_variables):
            for variable, path in zip(self.model.variables, paths(self.model), strict=True):
                if variable.name == SEED_STATE:
                    drawn = bits(self.setup.trial.seed, "probe", path)
                    variable.assign(np.array([drawn, 0], variable.dtype))
            return compute(self.images, self.labels)


class OfStep(OfBatch[OfBatchSpec]):
    """A probe that sees where the trial's own next step on the probe batch would lead."""

    def __init__(self, spec: OfBatchSpec, setup: Setup) -> None:
        super().__init__(spec, setup)
        self._update = graph(setup.program.update)

    def weights(self) -> list[np.ndarray]:
        """The trained weights, in the order of the model's."""
        return [weight.numpy() for weight in self.model.trainable_variables]

    def weights_after_next_step(self) -> list[np.ndarray]:
        """What they would be; model and optimizer are as they were."""
        program = self.setup.program
        before = program.state()
        rate = () if self._rates is None else (tf.constant(self.learning_rate, tf.float32),)
        try:
            self.in_training(lambda images, labels: self._update(images, labels, *rate))
            return self.weights()
        finally:
            program.set_state(before)


def loss(labels: tf.Tensor, logits: tf.Tensor, model: keras.Model) -> tf.Tensor:
    """Mean cross-entropy (nats) of logits (N,classes), and what the layers of the model that was called add to it."""
    found = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    return tf.add_n([found, *(tf.reduce_sum(tf.cast(one, found.dtype)) for one in model.losses)])


def graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of tensors as a graph, which is thrice as fast as its operations one by one."""
    traced = tf.function(function, autograph=False, reduce_retracing=True)

    def call(*arguments: Any) -> Any:
        with custom_gradients_forgotten():
            return traced(*arguments)

    return call


@contextmanager
def generators_kept() -> Iterator[None]:
    """Whatever is drawn within, Python's and NumPy's global generators go on from where they were."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def norm(vector: np.ndarray) -> Any:
    """Its length, ‖v‖, summed in float64."""
    return np.sqrt(np.sum(np.square(vector, dtype=np.float64)))
