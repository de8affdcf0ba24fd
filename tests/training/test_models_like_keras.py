"""Models with strides, dropout, depth and sequences of pixels, beside the same written by hand in Keras."""

from typing import Any

import keras
import numpy as np
import pytest
from beside_keras import compiled, keras_step, our_step, pixels
from keras import layers
from small_trial import small, started

from bnexp.models.lstm import permutation

pytestmark = [pytest.mark.numeric, pytest.mark.usefixtures("float64")]


def block(linear: layers.Layer, *after: layers.Layer) -> list[layers.Layer]:
    return [linear, *after, layers.ReLU()]


def dropout() -> layers.Layer:
    return layers.Dropout(0.3)


def bn() -> layers.Layer:
    return layers.BatchNormalization()


def strided(*after: Any) -> list[layers.Layer]:
    """4, 4 and 8 filters with strides 1, 2 and 3."""
    sizes = [(4, 1), (4, 2), (8, 3)]
    linear = [layers.Conv2D(filters, 3, stride, padding="same") for filters, stride in sizes]
    hidden = [part for conv in linear for part in block(conv, *(make() for make in after))]
    return [*hidden, layers.Flatten(), layers.Dense(10)]


STRIDED = {"name": "cnn", "filters": [4, 4, 8], "strides": [1, 2, 3], "padding": "same", "pools": 0, "dense": []}
DROPPED = {"name": "cnn", "filters": [4, 4], "pools": 1, "dense": [8], "dropout": 0.3}
BEFORE_NORM = {"dropout": 0.3, "dropout_place": "before-norm"}
PIXELS = {"name": "lstm", "units": 6, "sequence": "pixels", "downsample": 4}
LAST = {"name": "batch", "place": "after-activation"}
BY_HAND: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "strides": (STRIDED, "none", strided),
    "strides, batch": (STRIDED, "batch", lambda: strided(bn)),
    "dropout before norm": (STRIDED | BEFORE_NORM, "batch", lambda: strided(dropout, bn)),
    "dropout before no norm": (STRIDED | BEFORE_NORM, "none", lambda: strided(dropout)),
    "dropout before the last norm": (
        DROPPED | BEFORE_NORM,
        LAST,
        lambda: [
            *(layers.Conv2D(4, 3), layers.ReLU(), dropout(), bn(), layers.MaxPooling2D()),
            *(layers.Conv2D(4, 3), layers.ReLU(), dropout(), bn(), layers.Flatten()),
            *(layers.Dense(8), layers.ReLU(), dropout(), bn(), layers.Dense(10)),
        ],
    ),
    "dropout after norm": (
        DROPPED | {"dropout_place": "after-norm"},
        "batch",
        lambda: [
            *(*block(layers.Conv2D(4, 3), bn()), layers.MaxPooling2D(), dropout()),
            *(*block(layers.Conv2D(4, 3), bn()), dropout(), layers.Flatten()),
            *(*block(layers.Dense(8), bn()), dropout(), layers.Dense(10)),
        ],
    ),
    "dropout before the output": (
        DROPPED | {"dropout_place": "before-output", "dense": []},
        "batch",
        lambda: [
            *(*block(layers.Conv2D(4, 3), bn()), layers.MaxPooling2D()),
            *(*block(layers.Conv2D(4, 3), bn()), dropout(), layers.Flatten(), layers.Dense(10)),
        ],
    ),
    "width and depth": (
        {"name": "mlp", "width": 6, "depth": 3},
        "layer",
        lambda: [
            layers.Flatten(),
            *(part for _ in range(3) for part in block(layers.Dense(6), layers.LayerNormalization())),
            layers.Dense(10),
        ],
    ),
    "columns": (
        {"name": "lstm", "units": 6, "sequence": "columns"},
        {"name": "batch", "layers": "inputs"},
        lambda: [
            *(layers.Permute((2, 1, 3)), layers.Reshape((28, 28)), bn()),
            *(layers.LSTM(6), layers.Dense(10)),
        ],
    ),
    "pixels": (
        PIXELS,
        "none",
        lambda: [layers.AveragePooling2D(4), layers.Reshape((49, 1)), layers.LSTM(6), layers.Dense(10)],
    ),
    "permuted pixels": (
        PIXELS | {"order": "permuted", "dropout": 0.3},
        "batch",
        lambda: [
            *(layers.AveragePooling2D(4), layers.Reshape((49, 1)), Permuted(), bn()),
            *(layers.LSTM(6), bn(), dropout(), layers.Dense(10)),
        ],
    ),
}  # fmt: skip


class Permuted(layers.Layer):
    def call(self, x: Any) -> Any:
        return keras.ops.stack([x[:, int(k)] for k in permutation(49)], 1)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case in ("strides", "columns") else pytest.mark.slow) for case in BY_HAND]
)
def test_a_model_is_the_one_written_by_hand_and_trains_as_it_does(case):
    """Logits of the same weights, losses of five steps, one of them on a smaller batch, and weights afterwards."""
    model, norm, make = BY_HAND[case]
    spec = small(model=model, norm=norm)
    program = started(spec)
    other = compiled(keras.Sequential([keras.Input((28, 28, 1)), *make()]), spec)
    ours = program.model.variables
    for variable, copy in zip(ours, other.variables, strict=True):  # the states of dropout among them
        assert tuple(variable.shape) == tuple(copy.shape)
        copy.assign(variable.value)
    np.testing.assert_allclose(program.model(pixels(np.arange(9))), other(pixels(np.arange(9))), rtol=0, atol=1e-12)
    batches = [np.arange(k, k + size) for k, size in [(0, 50), (50, 50), (100, 50), (150, 50), (200, 30)]]
    losses = [(our_step(program, batch), keras_step(other, batch)) for batch in batches]
    np.testing.assert_allclose(*zip(*losses, strict=True), rtol=1e-6)
    for variable, copy in zip(ours, other.variables, strict=True):
        np.testing.assert_allclose(variable.numpy(), copy.numpy(), rtol=0, atol=3e-6, err_msg=variable.path)
