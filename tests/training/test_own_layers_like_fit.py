"""A step with a user's own layer is a step of Keras's `fit`: added losses, regularizers, constraints, unused weights.

Held in float64 against `train_on_batch` for the reason that `test_like_keras` gives.  A layer's own loss that is left
out, or a constraint, shows at 1e-2.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from beside_keras import held_against_keras
from small_trial import SMALL, started

from bnexp.config.load import from_mapping
from bnexp.errors import UserError
from bnexp.specs.trial import Trial
from bnexp.training.program import Program
from bnexp.usercode.code import code_of, in_use

SOURCE = """
import keras
from keras import ops


class Scaled(keras.layers.Layer):
    how = {}

    def build(self, shape):
        self.g = self.add_weight(name="g", shape=(shape[-1],), initializer="ones", **self.how)

    def call(self, x):
        return x * self.g


class AddLoss(Scaled):
    def call(self, x):
        self.add_loss(3.0 * ops.sum(ops.square(self.g)) + ops.mean(ops.abs(x)))
        return x * self.g


class Regularized(Scaled):
    how = {"regularizer": keras.regularizers.L2(5.0)}


class Constrained(Scaled):
    how = {"constraint": keras.constraints.UnitNorm(axis=0)}


class Unused(Scaled):
    def build(self, shape):
        super().build(shape)
        self.never = self.add_weight(name="never", shape=(3,), initializer="ones")


class Nested(keras.layers.Layer):
    def __init__(self, **keywords):
        super().__init__(**keywords)
        self.part = AddLoss(activity_regularizer=keras.regularizers.L1(0.1))

    def call(self, x):
        return self.part(x)


class LookedUp(keras.layers.Layer):
    def build(self, shape):
        self.table = self.add_weight(name="table", shape=(2 * shape[-1],), initializer="ones")

    def call(self, x):
        return x * ops.take(self.table, ops.arange(x.shape[-1]))


class Holds(keras.layers.Layer):
    def build(self, shape):
        self.worst = self.add_weight(name="worst", shape=(2,), initializer="ones", trainable=False)
        self.limit = self.add_weight(
            name="limit", shape=(), initializer=keras.initializers.Constant(float("inf")), trainable=False
        )

    def call(self, x):
        return ops.minimum(x, self.limit)


class Overflows(Holds):
    def call(self, x):
        self.worst.assign(self.worst * 1e30)
        return ops.minimum(x, self.limit)


class Stretched(keras.layers.BatchNormalization):
    def call(self, x, training=None, mask=None):
        return super().call(8 * x + 3, training=training)


class ByAverages(keras.layers.BatchNormalization):
    def call(self, x, training=None, mask=None):
        super().call(x, training=training)
        return super().call(x, training=False)


class Opening(keras.layers.BatchNormalization):  # by its averages after ten steps
    def build(self, shape):
        super().build(shape)
        self.steps = self.add_weight(name="steps", shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=None, mask=None):
        by_batch = super().call(x, training=training)
        if training:
            self.steps.assign(self.steps + 1)
        by_averages = super().call(x, training=False)
        return ops.where(self.steps > 10, by_averages, by_batch)


class Frozen(keras.layers.Layer):
    def build(self, shape):
        self.norm = keras.layers.BatchNormalization()

    def call(self, x, training=None):
        return self.norm(x, training=False)


class Deviation(keras.layers.Layer):
    def build(self, shape):
        self.moving_mean = self.add_weight(name="moving_mean", shape=(shape[-1],), trainable=False)
        self.moving_variance = self.add_weight(name="moving_variance", shape=(shape[-1],), trainable=False)

    def call(self, x, training=None):
        mean, deviation = self.moving_mean, self.moving_variance
        if training:
            axes = list(range(len(x.shape) - 1))
            mean = ops.mean(x, axes)
            deviation = ops.mean(ops.abs(x - mean), axes)
            self.moving_mean.assign(0.9 * self.moving_mean + 0.1 * mean)
            self.moving_variance.assign(0.9 * self.moving_variance + 0.1 * deviation)
        return (x - mean) / (deviation + 1e-3)


class Wraps(keras.layers.Layer):
    def build(self, shape):
        self.norm = keras.layers.BatchNormalization(momentum=0.9)

    def call(self, x, training=None):
        return self.norm(x, training=training)
"""

ADAM = {"name": "adam", "learning_rate": 0.01}
SGD = {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9}
KERAS = "keras.layers:BatchNormalization"
LAYERS: dict[str, Any] = {
    **{name: f"own:{name}" for name in ("AddLoss", "Regularized", "Constrained", "Unused", "Nested", "LookedUp")},
    "ActivityRegularization": {"name": "keras.layers:ActivityRegularization", "l1": 0.1, "l2": 0.1},
    "gamma_regularizer": {"name": KERAS, "gamma_regularizer": "l2", "beta_constraint": "non_neg"},
    "layer, gamma": {
        "name": "keras.layers:LayerNormalization",
        "gamma_regularizer": "l2",
        "gamma_constraint": "unit_norm",
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(SOURCE)
    return tmp_path


def trial(folder: Path, norm: Any, optimizer: dict[str, Any] = ADAM, **model: Any) -> Trial:
    training = {**SMALL["training"], "optimizer": optimizer}
    shape = model or {"name": "cnn", "filters": [4], "pools": 1, "dense": [8]}
    config = {**SMALL, "model": shape, "norm": norm, "training": training}
    made = from_mapping(config, name="x", search_path=[str(folder)])
    return Trial(made.points[0].spec, 0, made.search_path)


def six_steps(made: Trial, step: str = "graph", **bounds: float) -> Program:
    """Held against `train_on_batch`, penalties included."""
    with in_use(code_of(made.spec, made.search_path)["norm"]):
        program = started(made.spec, step)
        held_against_keras(program, made.spec, np.arange(300).reshape(6, 50), **bounds)
    return program


@pytest.mark.usefixtures("float64")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("optimizer", [ADAM, pytest.param(SGD, marks=pytest.mark.slow)], ids=["adam", "sgd"])
@pytest.mark.parametrize("layer", LAYERS)
def test_losses_and_weights_are_those_of_train_on_batch(folder, layer, optimizer):
    program = six_steps(trial(folder, LAYERS[layer], optimizer))
    unused = ["conv1_norm/never", "dense1_norm/never"] if layer == "Unused" else []
    assert program.cautions == [f"norm own:Unused: no gradient reaches {path}, which stays as it is" for path in unused]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("layer", ["AddLoss", "gamma_regularizer"])
def test_with_fast_forms_of_layers_too(folder, layer):
    """In float32, in which alone they stand in; batch normalization lets its roundings grow."""
    six_steps(trial(folder, LAYERS[layer], SGD), rtol=2e-3, atol=2e-3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("layer", ["AddLoss", "Constrained", "Unused"])
def test_in_a_step_compiled_by_xla_too(folder, layer):
    six_steps(trial(folder, LAYERS[layer], ADAM), "xla", rtol=1e-3, atol=1e-3)


def test_what_a_layer_adds_is_recorded_apart_from_the_cross_entropy(folder, trainer):
    record = trainer(trial(folder, "own:AddLoss"), lambda _: None)
    last = record.evaluations[-1]
    assert last.train_loss < 3 < 3 * 8 * 0.1 + 3 < last.train_penalty + 3
    assert "train_penalty" in last.model_dump()
    plain = trainer(trial(folder, "own:Scaled"), lambda _: None).evaluations[-1]
    assert plain.train_penalty is None
    assert "train_penalty" not in plain.model_dump()


def test_a_weight_without_a_gradient_is_named_with_the_record(folder, trainer):
    record = trainer(trial(folder, "own:Unused", name="mlp", widths=[4]), lambda _: None)
    said = "norm own:Unused: no gradient reaches dense1_norm/never, which stays as it is"
    assert record.execution["cautions"] == [said]


@pytest.mark.parametrize(("layer", "status"), [("own:Holds", "ok"), ("own:Overflows", "diverged")])
def test_what_was_infinite_at_the_start_has_not_diverged_and_what_has_become_so_has(folder, trainer, layer, status):
    assert trainer(trial(folder, layer, name="mlp", widths=[4]), lambda _: None).status == status


CONV = {"name": "cnn", "filters": [24], "kernel_size": 5, "pools": 0, "dense": []}  # 24 high, 24 channels
WRONG = {
    "scaled inputs": (CONV, "own:Stretched", "takes in something else"),
    "another statistic": (CONV, "own:Deviation", "takes in something else"),
    "another axis": (CONV, {"name": KERAS, "axis": 1}, "takes in something else"),
    "a part at inference": (CONV, "own:Frozen", "does not move in training"),
    "averages from some step on": (
        {**CONV, "dense": [8]},
        "own:Opening",
        "what dense1_norm is given depends on moving averages",
    ),
    "a frozen layer": (CONV, {"name": KERAS, "trainable": False}, "does not move in training"),
    "averages in training": (
        {**CONV, "dense": [8]},
        "own:ByAverages",
        "what dense1_norm is given depends on moving averages",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_no_scores_under_statistics_that_a_layer_does_not_keep(folder, trainer, case):
    model, norm, reason = WRONG[case]
    record = trainer(trial(folder, norm, **model), lambda _: None)
    assert record.status == "ok"
    assert record.other_statistics is None
    assert {row.recalibrated_accuracy for row in record.evaluations} == {None}
    [caution] = record.execution["cautions"]
    assert "no scores with batch or recalibrated statistics: " in caution
    assert reason in caution


def test_clients_are_not_recalibrated_by_statistics_that_a_layer_does_not_keep(folder, trainer):
    clients = {"name": "federated", "clients": 2, "rounds": 1, "batch_statistics": "recalibrate"}
    training = {"batch_size": 50, "optimizer": ADAM, "procedure": clients}
    config = {**SMALL, "model": CONV, "norm": "own:Deviation", "training": training}
    made = from_mapping(config, name="x", search_path=[str(folder)])
    with pytest.raises(UserError, match="recalibrate: norm own:Deviation: no scores with batch or recalibrated"):
        trainer(Trial(made.points[0].spec, 0, made.search_path), lambda _: None)


@pytest.mark.parametrize("norm", ["own:Wraps", {"name": KERAS, "momentum": 0.5}, {"name": KERAS, "momentum": 0.999}])
def test_scores_under_the_mean_and_variance_that_a_layer_keeps(folder, trainer, norm):
    record = trainer(trial(folder, norm), lambda _: None)
    assert record.other_statistics is not None
    assert "cautions" not in record.execution
