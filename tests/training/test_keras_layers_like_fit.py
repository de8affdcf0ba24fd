"""Keras's own layers as `keras.layers:X`, with every argument, and layers of others that draw, count and nest.

Held in float64 against `train_on_batch` on a copy with the same state, that of random generators included.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from beside_keras import compiled, keras_step, our_step
from small_trial import SMALL, started

from bnexp.config.load import from_mapping
from bnexp.specs.trial import Trial
from bnexp.usercode.code import code_of, in_use

SCALED: list[dict[str, Any]] = [
    {"center": False, "gamma_initializer": "random_uniform", "gamma_constraint": "unit_norm"},
    {"scale": False, "beta_initializer": "ones", "beta_constraint": "non_neg"},
    {"epsilon": 0.1, "beta_regularizer": "l2", "gamma_regularizer": "l1"},
]
ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "BatchNormalization": [
        *SCALED,
        {"axis": -1, "momentum": 0.5},
        {"moving_mean_initializer": "ones", "moving_variance_initializer": "zeros"},
        {"renorm": True, "renorm_momentum": 0.5},
        {"trainable": False},
    ],
    "LayerNormalization": [*SCALED, {"axis": -1}],
    "GroupNormalization": [{"groups": 2, **each} for each in (*SCALED, {"axis": -1})],
    "RMSNormalization": [{}, {"axis": -1, "epsilon": 0.1}],
    "UnitNormalization": [{}, {"axis": -1}],
    "ActivityRegularization": [{"l1": 0.1}, {"l2": 0.1}],
    "Dropout": [{"rate": 0.5}, {"rate": 0.5, "seed": 3}],
    "GaussianNoise": [{"stddev": 0.5}, {"stddev": 0.5, "seed": 3}],
    "GaussianDropout": [{"rate": 0.5}],
    "AlphaDropout": [{"rate": 0.5}],
    "PReLU": [{}, {"alpha_initializer": "ones", "alpha_regularizer": "l2", "alpha_constraint": "non_neg"}],
    "LeakyReLU": [{"negative_slope": 0.5}],
    "ELU": [{"alpha": 0.5}],
}
KERAS = [{"name": f"keras.layers:{name}", **each} for name, some in ARGUMENTS.items() for each in some]
SOURCE = """
import keras
from keras import ops


class Draws(keras.layers.Layer):
    def __init__(self, **keywords):
        super().__init__(**keywords)
        self.one, self.other = keras.random.SeedGenerator(1), keras.random.SeedGenerator(2)
        self.drop = keras.layers.Dropout(0.5)

    def call(self, x, training=None):
        if training:
            shape = ops.shape(x)
            x = x + keras.random.normal(shape, seed=self.one) - keras.random.normal(shape, seed=self.other)
        return self.drop(x, training=training)


class Nests(keras.layers.Layer):
    def build(self, shape):
        inputs = keras.Input(shape[1:])
        inner = keras.layers.BatchNormalization()(inputs)
        self.model = keras.Model(inputs, keras.layers.Dense(shape[-1], kernel_regularizer="l2")(inner))
        self.tail = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(shape[-1])])
        self.tail.build(shape)

    def call(self, x, training=None):
        return x + self.tail(self.model(x, training=training))


class Counts(keras.layers.Layer):
    def build(self, shape):
        self.n = self.add_weight(name="n", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.seen = self.add_weight(name="seen", shape=(), dtype="bool", initializer="zeros", trainable=False)
        self.mean = self.add_weight(name="mean", shape=shape[1:], initializer="zeros", trainable=False)
        self.g = self.add_weight(name="g", shape=shape[-1:], initializer="ones")

    def call(self, x, training=None):
        if training:
            self.n.assign(self.n + 1)
            new = ops.mean(x, 0)
            self.mean.assign(ops.where(self.seen, 0.9 * self.mean + 0.1 * new, new))
            self.seen.assign(True)
        return (x - self.mean) * self.g / (1 + 0.1 * ops.cast(self.n, x.dtype))


class Single(keras.layers.Layer):
    def __init__(self, dtype="float32", **keywords):
        super().__init__(dtype=dtype, **keywords)

    def build(self, shape):
        self.g = self.add_weight(name="g", shape=shape[-1:], initializer="ones")
        self.wide = self.add_weight(name="wide", shape=shape[-1:], initializer="ones", dtype="float64", autocast=False)

    def call(self, x):
        return ops.cast(ops.cast(x * self.g, "float64") * self.wide, "float32")
"""
OWN = [f"own:{name}" for name in ("Draws", "Nests", "Counts", "Single")]


def label(norm: Any) -> str:
    words = (f"{key}={value}" for key, value in list(norm.items())[1:]) if isinstance(norm, dict) else ()
    return norm if isinstance(norm, str) else " ".join([norm["name"][13:], *words])


def held(folder: Path, norm: Any, optimizer: str, steps: int) -> None:
    """Trained by bnexp's loop and by Keras, each freely from the same start; roundings grow with the steps."""
    (folder / "own.py").write_text(SOURCE)
    training = {**SMALL["training"], "optimizer": {"name": optimizer, "learning_rate": 0.01}}
    model = {"name": "cnn", "filters": [4], "pools": 1, "dense": [8]}
    made = from_mapping(
        {**SMALL, "model": model, "norm": norm, "training": training}, name="x", search_path=[str(folder)]
    )
    trial = Trial(made.points[0].spec, 0, made.search_path)
    bound = (1e-3 if norm == "own:Single" else 1e-6) * (1 if steps < 10 else 50)
    with in_use(code_of(trial.spec, trial.search_path)["norm"]):
        program = started(trial.spec)
        other = compiled(keras.models.clone_model(program.model), trial.spec)
        for variable, copy in zip(program.model.variables, other.variables, strict=True):
            copy.assign(variable.value)
        losses = [
            (our_step(program, batch), keras_step(other, batch)) for batch in np.resize(np.arange(300), (steps, 50))
        ]
    np.testing.assert_allclose(*zip(*losses, strict=True), rtol=bound)
    for variable, copy in zip(program.model.variables, other.variables, strict=True):
        given = (np.asarray(each.numpy(), float) for each in (variable, copy))
        np.testing.assert_allclose(*given, rtol=bound, atol=3 * bound, err_msg=variable.path)


@pytest.mark.usefixtures("float64")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize(
    ("norm", "optimizer"),
    [*((norm, "sgd") for norm in KERAS), *((norm, optimizer) for norm in OWN for optimizer in ("adam", "sgd"))],
    ids=label,
)
def test_losses_and_state_are_those_of_train_on_batch(tmp_path: Path, norm: Any, optimizer: str) -> None:
    held(tmp_path, norm, optimizer, 6)


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("norm", ["own:Draws", "own:Nests", "keras.layers:BatchNormalization"])
def test_after_two_hundred_steps_too(tmp_path: Path, norm: Any) -> None:
    held(tmp_path, norm, "adam", 200)
