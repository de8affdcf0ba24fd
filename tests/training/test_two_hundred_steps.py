"""Over 200 steps in float32 the loop trains as Keras's `train_on_batch` does.

Two checks, because rounding errors grow: training multiplies a difference of 1e-7 until, where a pooling or a ReLU
switches the other way, two correct ways of computing differ in the second digit.

- Step by step: Keras trains, and the loop makes each step from Keras's state (weights, moving averages, the optimizer's
  moments).  Nothing can grow.  Losses and updates agree to a bound that follows from rounding, `PLAIN` or `KERNEL`;
  an update may be over it only where a pooling or a ReLU of the two models chose differently from the same state.  Such
  switches are counted: there are few in a step, few steps are over the bound, and none by more than `SWITCHED`.
- On its own: the loop runs freely from the same start, at a fifth of Adam's usual rate.  Losses may differ by
  3e-5 · 1.12ᵗ after t steps (1e-4 after 10, 9e-3 after 50), at most 0.05.  At SGD's rates differences grow tenfold a
  step, in Keras as here, and nothing can be seen but noise.

Which steps have a switch, and so the largest difference, is another matter on each processor: convolutions round
differently under each instruction set, and a tie that is near on one is none on the next.  The bounds do not depend
on it.  A wrong ε, a variance of n − 1, a wrong momentum or a missing bias correction breaks them in almost every step:
the last test makes each of these mistakes.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from beside_keras import compiled, keras_step, our_step, pixels
from small_trial import images, started

from bnexp.data.division import split
from bnexp.specs.trial import TrialSpec
from bnexp.training.loop import epoch_order

pytestmark = pytest.mark.numeric

STEPS, BATCH = 200, 15
DATA = {"name": "mnist-5k", "train": 3000, "validation": 100}
CNN = {"name": "cnn", "filters": [8, 16], "dense": [16], "pools": 2}
GRAPH, COMPILED = "graph", "xla"
ADAM = {"name": "adam", "learning_rate": 1e-3}
SGD = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}
BATCH_AFTER = {"name": "batch", "place": "after-activation"}
GROUPS = {"name": "group", "groups": 4}


class Bounds(NamedTuple):
    """How far the loop's step may be from Keras's where no pooling and no ReLU switched."""

    loss: float
    """Relative."""
    update: float
    """Mean difference of a variable after the step, of the largest element of its update."""


# Sums of up to 10,140 numbers (15 images of 26x26) in another order: 1e-6 of most updates and, seen under four settings
# of oneDNN, up to 8e-5 of those of γ and β, in whose gradients most terms cancel.
PLAIN = Bounds(1e-5, 2e-4)
# The kernel of batch normalization adds these numbers one by one: 5e-5 of a variance and more
# (`training.fast_layers`), seen up to 7e-5 of a loss and 1.6e-3 of an update of γ or β.
KERNEL = Bounds(3e-4, 5e-3)
# A switch moves the part of one image in a gradient: 7 % of 15 images whose parts are alike.
SWITCHED = 0.25
# Channels in which a choice switched, of 64.  A ReLU may switch on all of the images' background, hundreds of pixels,
# which are one number; so channels are counted and not pixels.  Seen are 5.
SWITCHES = 12
# Of the 200 steps, those that a switch took over their bound.  Seen are 7.
STEPS_WITH_SWITCHES = 20

QUICK = ("batch",)
"""The others are slow tests."""

CASES = {
    "none": ("none", CNN, ADAM, GRAPH),
    "batch": ("batch", CNN, ADAM, GRAPH),
    "batch, compiled": ("batch", CNN, ADAM, COMPILED),
    "batch after the activation, sgd": (BATCH_AFTER, CNN, SGD, GRAPH),
    "layer": ("layer", CNN, ADAM, GRAPH),
    "group, sgd": (GROUPS, CNN, SGD, GRAPH),
    "instance": ("instance", CNN, ADAM, GRAPH),
    "ghost-batch": ({"name": "ghost-batch", "ghost_size": 4}, CNN, ADAM, GRAPH),
    "mlp, batch": ("batch", {"name": "mlp", "widths": [32, 16]}, ADAM, GRAPH),
    "lstm, layer": ("layer", {"name": "lstm", "units": 16}, ADAM, GRAPH),
}


class Pair:
    """The loop and a Keras model that start from the same weights, and the batches for both."""

    def __init__(self, case):
        norm, model, optimizer, way = CASES[case]
        training = {"batch_size": BATCH, "optimizer": optimizer}
        self.spec = TrialSpec.model_validate({"data": DATA, "norm": norm, "model": model, "training": training})
        order = epoch_order(split(images().dataset, self.spec.data, 0).train, 3, 0)
        self.batches = order[: STEPS * BATCH].reshape(STEPS, BATCH)
        self.program = started(self.spec, way)
        self.keras = compiled(started(self.spec).model, self.spec)
        self.keras.optimizer.build(self.keras.trainable_variables)
        self.bounds = KERNEL if way == GRAPH and self.spec.norm.name == "batch" else PLAIN
        models = (self.program._training_model, way == COMPILED), (self.keras, False)
        self._choices = [tf.function(lambda x, m=model: _choices(m, x), jit_compile=xla) for model, xla in models]

    def start(self, rate=1.0):
        """Both anew from the same weights, at `rate` times their learning rate."""
        self.program.reset(self.spec, seed=3)
        self.keras.set_weights(self.program.model.get_weights())
        for variable in optimizer_state(self.keras.optimizer):
            variable.assign(np.zeros(variable.shape))
        learning_rate = rate * self.spec.training.optimizer.learning_rate
        self.program._optimizer.learning_rate.assign(learning_rate)
        self.keras.optimizer.learning_rate = learning_rate
        return self

    def take_over_the_state_of_keras(self):
        for ours, theirs in zip(self.program.model.variables, self.keras.variables, strict=True):
            ours.assign(theirs)
        for ours, theirs in zip(
            optimizer_state(self.program._optimizer), optimizer_state(self.keras.optimizer), strict=True
        ):
            ours.assign(theirs)

    def switches(self, batch, before):
        """In how many channels the two models choose differently for this batch, with the variables `before`."""
        after = [variable.numpy() for variable in self.keras.variables]
        for variables in (self.program.model.variables, self.keras.variables):
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
        x = tf.constant(pixels(batch))
        ours, theirs = (choices(x) for choices in self._choices)
        for variable, value in zip(self.keras.variables, after, strict=True):
            variable.assign(value)
        differ = [(one != other).numpy() for one, other in zip(ours, theirs, strict=True)]
        return sum(int(each.any(tuple(range(each.ndim - 1))).sum()) for each in differ)


def optimizer_state(optimizer):
    """The number of steps, then of each weight its moments, in this order in ours and in Keras's."""
    return [variable for variable in optimizer.variables if not variable.name.startswith("learning_rate")]


def _choices(model, x):
    """Of a chain of layers in training: which outputs of each ReLU, after its pooling, are positive, and which corner
    each pooling takes; behind a ReLU only where that is positive.
    """
    choices, after_relu = [], False
    for layer in model.layers[1:]:
        block, pool, inputs = hasattr(layer, "_pooled"), "pool" in layer.name, x
        x = layer(inputs, training=True) if layer._call_has_training_arg else layer(inputs)
        if block:
            pooled = layer._head(inputs)[0] if layer._head else inputs
            choices.append(tf.where(x > 0, _corners(pooled), -1) if layer._pooled else x > 0)
        elif pool and after_relu:
            choices[-1] = tf.where(x > 0, _corners(inputs), -1)
        elif pool:
            choices.append(_corners(inputs))
        elif layer.name.endswith("_relu"):
            choices.append(x > 0)
        after_relu = layer.name.endswith("_relu")
    return choices


def _corners(x):
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    return tf.argmax(tf.stack([x[:, row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]), 0)


class Step(NamedTuple):
    """How far a step of the loop is from Keras's."""

    loss: float
    update: float
    """The largest of the variables', as in `Bounds`."""
    path: str
    """Of that variable."""
    switches: int | None
    """As `Pair.switches`, counted where the update is over its bound."""


def step_by_step(pair, batches):
    for batch in batches:
        pair.take_over_the_state_of_keras()
        before = [variable.numpy() for variable in pair.keras.variables]
        ours, theirs = our_step(pair.program, batch), keras_step(pair.keras, batch)
        off = {}
        for variable, expected, start in zip(pair.program.model.variables, pair.keras.variables, before, strict=True):
            if "seed" in variable.path or _without_gradient(pair, variable.path):
                continue
            difference, update = variable.numpy() - expected.numpy(), expected.numpy() - start
            # 1e-9: a variable that moves by less than that did not move.
            off[variable.path] = np.abs(difference).mean() / max(np.abs(update).max(), 1e-9)
        path = max(off, key=off.get)
        over = off[path] > pair.bounds.update
        yield Step(abs(ours - theirs) / theirs, off[path], path, pair.switches(batch, before) if over else None)


def _without_gradient(pair, path):
    """Biases before batch or instance normalization: their gradient is rounding, which Adam makes a step of."""
    block, _, kind = path.partition("/")
    following = [layer for layer in pair.keras.layers if layer.name == f"{block}_norm"]
    return kind == "bias" and bool(following)


def faults(steps, bounds):
    """The steps, by number, that are not Keras's."""
    wrong = {}
    for number, step in enumerate(steps):
        switched = step.switches is not None and 0 < step.switches <= SWITCHES
        if step.loss > bounds.loss or step.update > (SWITCHED if switched else bounds.update):
            wrong[number] = step
    return wrong


cached_pair = cache(Pair)


@pytest.mark.parametrize(
    "case", [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
)
def test_each_step_from_the_state_of_keras_is_the_step_of_keras(case):
    pair = cached_pair(case).start()
    steps = list(step_by_step(pair, pair.batches))
    assert faults(steps, pair.bounds) == {}
    assert sum(step.switches is not None for step in steps) <= STEPS_WITH_SWITCHES


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if not case.endswith("sgd")])
def test_losses_of_a_free_run_stay_near_those_of_keras(case):
    pair = cached_pair(case).start(rate=0.2)
    ours = np.array([our_step(pair.program, batch) for batch in pair.batches])
    theirs = np.array([keras_step(pair.keras, batch) for batch in pair.batches])
    allowed = np.minimum(3e-5 * 1.12 ** np.arange(STEPS), 0.05)
    over = np.flatnonzero(np.abs(ours - theirs) > allowed)
    assert not over.size, (over, ours[over], theirs[over])
    assert theirs[-50:].mean() < 0.95 * theirs[0], "nothing was learned, so nothing was compared"


def norm_epsilon(pair, patch):
    """That of torch."""
    for layer in _norms(pair):
        layer.epsilon = 1e-5


def norm_momentum(pair, patch):
    for layer in _norms(pair):
        layer.momentum = 0.9


def _norms(pair):
    return [layer for layer in pair.program.model.layers if layer.name.endswith("_norm")]


def unbiased_variance_in_outputs(pair, patch):
    """Outputs are divided by the root of the variance with n − 1."""
    _change(
        patch, "FusedBatchNormV3", lambda x, scale, **rest: {"x": x, "scale": scale * _biased_to_unbiased(x), **rest}
    )


def unbiased_variance_in_moving_averages(pair, patch):
    kernel = tf.raw_ops.FusedBatchNormV3

    def changed(x, **rest):
        done = kernel(x=x, **rest)
        return done._replace(batch_variance=done.batch_variance / tf.square(_biased_to_unbiased(x)))

    patch.setattr(tf.raw_ops, "FusedBatchNormV3", changed)


def _biased_to_unbiased(x):
    n = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), x.dtype)
    return tf.sqrt((n - 1) / n)


def no_bias_correction(pair, patch):
    _change(patch, "ResourceApplyAdam", lambda **all_: {**all_, "beta1_power": 0.0, "beta2_power": 0.0})


def adam_epsilon(pair, patch):
    """That of torch is 1e-8, that of Keras 1e-7."""
    _change(patch, "ResourceApplyAdam", lambda **all_: {**all_, "epsilon": 1e-8})


def sgd_momentum(pair, patch):
    pair.program._optimizer.momentum = 0.8


def no_nesterov(pair, patch):
    pair.program._optimizer.nesterov = False


def _change(patch, name, arguments):
    kernel = getattr(tf.raw_ops, name)
    patch.setattr(tf.raw_ops, name, lambda **given: kernel(**arguments(**given)))


MISTAKES = [
    ("batch", norm_epsilon),
    ("batch", norm_momentum),
    ("batch", unbiased_variance_in_outputs),
    ("batch", unbiased_variance_in_moving_averages),
    ("batch", no_bias_correction),
    ("none", no_bias_correction),
    ("none", adam_epsilon),
    ("group, sgd", norm_epsilon),
    ("group, sgd", sgd_momentum),
    ("group, sgd", no_nesterov),
]


@pytest.mark.slow
@pytest.mark.parametrize(("case", "mistake"), MISTAKES)
def test_each_mistake_fails_by_far(case, mistake, monkeypatch):
    """Of 20 steps almost all are faults, and half of them are over a bound by more than five times."""
    pair = Pair(case).start()
    mistake(pair, monkeypatch)
    steps = list(step_by_step(pair, pair.batches[:20]))
    assert len(faults(steps, pair.bounds)) >= 15
    assert np.median([max(step.loss / pair.bounds.loss, step.update / pair.bounds.update) for step in steps]) > 5
