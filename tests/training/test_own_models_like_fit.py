"""A step with a user's own model is Keras's `train_on_batch` of the same function, called with Keras's norm by hand.

In float64 for the reason that `test_like_keras` gives.  What one layer gives to several, by other operations too, is
where a form of several layers in one would go wrong.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from beside_keras import compiled, keras_step, our_step
from keras import layers
from small_trial import SMALL, started

from bnexp.config.load import from_mapping
from bnexp.usercode.code import code_of, in_use

SOURCE = """
import keras
from keras import layers, ops


def relu(x):
    return layers.Activation("relu")(x)


def residual(inputs, classes, norm):
    x = relu(norm(layers.Conv2D(4, 3, strides=2, name="stem")(inputs), "stem"))
    for block in "ab":
        y = relu(norm(layers.Conv2D(4, 3, padding="same", name=f"{block}1")(x), f"{block}1"))
        y = norm(layers.Conv2D(4, 3, padding="same", name=f"{block}2")(y), f"{block}2")
        x = relu(layers.Add()([x, y]))
    return layers.Dense(classes, name="output")(layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(x)))


def seen_twice(inputs, classes, norm):
    # Outputs of layers that fast forms take together go to operations, too, and to a model within.
    x = layers.Conv2D(4, 3, name="stem")(inputs)
    y = relu(x)
    x = layers.MaxPooling2D()(x + y)
    z = layers.Conv2D(4, 3, name="next", kernel_regularizer="l2")(x)
    image = keras.Input(z.shape[1:])
    inner = keras.Model(image, layers.Conv2D(4, 1, name="within")(image), name="inner")
    z = layers.MaxPooling2D()(relu(norm(z, "next")) + inner(z))
    return layers.Dense(classes, name="output")(layers.Flatten()(z))


def shared(inputs, classes, norm):
    # Layers that are called twice.
    conv, pool = layers.Conv2D(4, 3, padding="same", name="conv"), layers.MaxPooling2D(name="pool")
    x = pool(relu(norm(layers.Conv2D(4, 3, name="stem")(inputs), "stem")))
    x = pool(relu(conv(relu(norm(conv(x), "conv")))))
    x = layers.Dense(8, name="dense", kernel_constraint="unit_norm")(layers.Flatten()(x))
    return layers.Dense(classes, name="output")(relu(norm(x, "dense")))
"""
NORMS: dict[str, Any] = {
    "none": lambda x, name: x,
    "batch": lambda x, name: layers.BatchNormalization(name=f"{name}_norm", epsilon=1e-3)(x),
    "group": lambda x, name: layers.GroupNormalization(2, name=f"{name}_norm", epsilon=1e-3)(x),
}
SGD = {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("norm", ["none", "batch", pytest.param("group", marks=pytest.mark.slow)])
@pytest.mark.parametrize("model", [pytest.param("residual", marks=pytest.mark.slow), "seen_twice", "shared"])
def test_losses_and_weights_are_those_of_train_on_batch(tmp_path: Path, model: str, norm: str) -> None:
    six_steps(tmp_path, model, norm, rtol=1e-6, atol=3e-6)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["graph", "xla"])
@pytest.mark.parametrize("model", ["residual", "seen_twice", "shared"])
def test_in_float32_too_in_which_alone_some_forms_stand_in(tmp_path: Path, model: str, step: str) -> None:
    six_steps(tmp_path, model, "batch", step, rtol=2e-3, atol=2e-3)


def six_steps(folder: Path, model: str, norm: str, step: str = "graph", **bounds: float) -> None:
    (folder / "own.py").write_text(SOURCE)
    arguments = {"name": "group", "groups": 2} if norm == "group" else norm
    training = {**SMALL["training"], "optimizer": SGD}
    config = {**SMALL, "model": f"own:{model}", "norm": arguments, "training": training}
    made = from_mapping(config, name="x", search_path=[str(folder)])
    spec = made.points[0].spec
    with in_use(code_of(spec, made.search_path)["model"]):
        program = started(spec, step)
    functions: dict[str, Any] = {}
    exec(SOURCE, functions)
    inputs = keras.Input((28, 28, 1))
    other = compiled(keras.Model(inputs, functions[model](inputs, 10, NORMS[norm])), spec)
    assert [one.shape for one in other.variables] == [one.shape for one in program.model.variables]
    other.set_weights([np.array(weight) for weight in program.model.get_weights()])
    for batch in np.arange(300).reshape(6, 50):
        np.testing.assert_allclose(our_step(program, batch), keras_step(other, batch), rtol=bounds["rtol"])
    for variable, expected in zip(program.model.variables, other.variables, strict=True):
        np.testing.assert_allclose(
            variable.numpy(), expected.numpy(), rtol=0, atol=bounds["atol"], err_msg=variable.path
        )
