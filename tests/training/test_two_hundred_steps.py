"""Over 200 steps in float32 the loop trains as Keras's `train_on_batch` does.

Two checks, because rounding errors grow: training multiplies a difference of 1e-7 until, where a pooling or a ReLU
switches the other way, two correct ways of computing differ in the second digit.

- Step by step: Keras trains, and the loop makes each step from Keras's state (weights, moving averages, the optimizer's
  moments).  Nothing can grow: losses agree to 1e-4, most of it the rounding of batch normalization's sums, and updates
  to 3 % of their largest element, in the mean.
- On its own: the loop runs freely from the same start, at a fifth of Adam's usual rate.  Losses may differ by
  3e-5 · 1.12ᵗ after t steps (1e-4 after 10, 9e-3 after 50), at most 0.05.  At SGD's rates differences grow tenfold a
  step, in Keras as here, and nothing can be seen but noise.

A wrong ε, a variance of n − 1 or a missing bias correction is off by 1e-3 and more in its first steps.
"""

import keras
import numpy as np
import pytest
from test_like_keras import keras_optimizer, pixels

from bnexp.data import load, split
from bnexp.specs.trial import TrialSpec
from bnexp.training.order import epoch_order
from bnexp.training.program import Program
from bnexp.training.trainer import _Resident
from bnexp.training.ways import GRAPH, Way

STEPS, BATCH = 200, 15
DATA = {"name": "mnist-5k", "train": 3000, "validation": 100}
CNN = {"name": "cnn", "filters": [8, 16], "dense": [16], "pools": 2}
COMPILED = Way("xla", BATCH)
ADAM = {"name": "adam", "learning_rate": 1e-3}
SGD = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}
BATCH_AFTER = {"name": "batch", "place": "after-activation"}
GROUPS = {"name": "group", "groups": 4}

CASES = {
    "none": ("none", CNN, ADAM, GRAPH),
    "none, compiled": ("none", CNN, ADAM, COMPILED),
    "batch": ("batch", CNN, ADAM, GRAPH),
    "batch, compiled": ("batch", CNN, ADAM, COMPILED),
    "batch after the activation, sgd": (BATCH_AFTER, CNN, SGD, GRAPH),
    "layer": ("layer", CNN, ADAM, GRAPH),
    "group, sgd": (GROUPS, CNN, SGD, GRAPH),
    "group, compiled": (GROUPS, CNN, ADAM, COMPILED),
    "instance": ("instance", CNN, ADAM, GRAPH),
    "ghost-batch": ({"name": "ghost-batch", "ghost_size": 4}, CNN, ADAM, GRAPH),
    "mlp, batch": ("batch", {"name": "mlp", "widths": [32, 16]}, ADAM, GRAPH),
    "lstm, layer": ("layer", {"name": "lstm", "units": 16}, ADAM, GRAPH),
}


class Pair:
    """The loop and a Keras model that start from the same weights, and the batches for both."""

    def __init__(self, case, rate=1.0):
        norm, model, optimizer, way = CASES[case]
        optimizer = {**optimizer, "learning_rate": rate * optimizer["learning_rate"]}
        training = {"batch_size": BATCH, "optimizer": optimizer}
        spec = TrialSpec.model_validate({"data": DATA, "norm": norm, "model": model, "training": training})
        self.dataset = load(spec.data)
        self.data = _Resident.of(self.dataset)
        order = epoch_order(split(self.dataset, spec.data, 0).train, 3, 0)
        self.batches = order[: STEPS * BATCH].reshape(STEPS, BATCH)
        self.program = Program(spec, (28, 28, 1), 10, self.data.images.dtype, way)
        self.program.reset(spec, seed=3)
        self.keras = Program(spec, (28, 28, 1), 10, self.data.images.dtype).model
        self.keras.set_weights(self.program.model.get_weights())
        self.keras.compile(
            keras_optimizer(spec.training.optimizer), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        self.keras.optimizer.build(self.keras.trainable_variables)

    def our_step(self, batch):
        return self.program.train(self.data.images, self.data.labels, batch[None]).loss_sum / BATCH

    def keras_step(self, batch):
        self.keras.reset_metrics()
        return float(self.keras.train_on_batch(pixels(self.dataset, batch), self.dataset.train_labels[batch]))

    def take_over_the_state_of_keras(self):
        for ours, theirs in zip(self.program.model.variables, self.keras.variables, strict=True):
            ours.assign(theirs)
        for ours, theirs in zip(self.program.optimizer_state, self.optimizer_state(), strict=True):
            ours.assign(theirs)

    def optimizer_state(self):
        """Of Keras's optimizer, in the order of ours: steps, then of each weight its moments."""
        variables = {variable.path: variable for variable in self.keras.optimizer.variables}
        return [variable for path, variable in variables.items() if not path.endswith("learning_rate")]


@pytest.mark.parametrize("case", CASES)
def test_each_step_from_the_state_of_keras_is_the_step_of_keras(case):
    pair = Pair(case)
    for step, batch in enumerate(pair.batches):
        pair.take_over_the_state_of_keras()
        before = [variable.numpy() for variable in pair.keras.variables]
        ours, theirs = pair.our_step(batch), pair.keras_step(batch)
        assert ours == pytest.approx(theirs, rel=1e-4), step
        for variable, expected, start in zip(pair.program.model.variables, pair.keras.variables, before, strict=True):
            if "seed" in variable.path or _without_gradient(pair, variable.path):
                continue
            update = np.abs(expected.numpy() - start).max()
            off = np.abs(variable.numpy() - expected.numpy())
            assert off.mean() <= 0.03 * update + 1e-7, (step, variable.path, off.mean(), update)


def _without_gradient(pair, path):
    """Biases before batch or instance normalization: their gradient is rounding, which Adam makes a step of."""
    block, _, kind = path.partition("/")
    following = [layer for layer in pair.keras.layers if layer.name == f"{block}_norm"]
    return kind == "bias" and bool(following)


@pytest.mark.parametrize("case", [case for case in CASES if not case.endswith("sgd")])
def test_losses_of_a_free_run_stay_near_those_of_keras(case):
    pair = Pair(case, rate=0.2)
    ours, theirs = (np.array([step(batch) for batch in pair.batches]) for step in (pair.our_step, pair.keras_step))
    allowed = np.minimum(3e-5 * 1.12 ** np.arange(STEPS), 0.05)
    over = np.flatnonzero(np.abs(ours - theirs) > allowed)
    assert not over.size, (over, ours[over], theirs[over])
    assert theirs[-50:].mean() < 0.95 * theirs[0], "nothing was learned, so nothing was compared"
