"""The exact twins of claims: what of a claim can be proven, in seconds, with the layers that trials are trained with.

All in float64, in training mode unless told otherwise.
"""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from keras import layers

from bnexp.norms.build import build
from bnexp.specs.norms.table import METHODS

CONFIGS = Path(__file__).parents[2] / "configs/claims"
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(16, 6))
Y = RANDOM.integers(0, 3, 16)


@pytest.fixture(autouse=True)
def _float64():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(before)


def batch_norm(**arguments):
    """bnexp's own layer."""
    return build(METHODS["batch"](**arguments), "norm")


def dense(units, scale=1.0, seed=0):
    return layers.Dense(units, kernel_initializer=keras.initializers.RandomNormal(stddev=scale, seed=seed))


def network(*hidden):
    """Logits of three classes."""
    return keras.Sequential([keras.Input((6,)), *hidden, dense(3, seed=9)])


def gradients(model, weights, x=X, y=Y):
    """Of the mean cross-entropy, in training mode."""
    with tf.GradientTape() as tape:
        loss = keras.losses.sparse_categorical_crossentropy(y, model(x, training=True), from_logits=True)
        total = tf.reduce_mean(loss)
    return [np.asarray(each) for each in tape.gradient(total, weights, unconnected_gradients="zero")]


@pytest.mark.parametrize(("after_activation", "redundant"), [(False, True), (True, False)])
def test_bias(after_activation, redundant):
    """Of b and b + c the logits are the same, and ∂L/∂b is 0, where batch normalization follows; not after a ReLU."""
    linear, relu, norm = dense(5), layers.ReLU(), batch_norm()
    model = network(linear, *((relu, norm) if after_activation else (norm, relu)))
    before = np.asarray(model(X, training=True))
    (of_bias,) = gradients(model, [linear.bias])
    linear.bias.assign(linear.bias + np.linspace(-3, 3, 5))
    moved = np.abs(np.asarray(model(X, training=True)) - before).max()
    assert (moved < 1e-12, np.abs(of_bias).max() < 1e-12) == (redundant, redundant)


def test_initialization():
    """Weights before batch normalization that are α times as large, at a rate α² times as large, train alike as ε → 0:
    the functions are the same at each step, and the weights stay α times as large."""
    scale, steps, rate = 8.0, 20, 0.05
    linear, twin = (dense(5) for _ in range(2))
    models = [network(each, batch_norm(epsilon=1e-14), layers.Activation("tanh")) for each in (linear, twin)]
    models[1].set_weights(models[0].get_weights())
    twin.kernel.assign(scale * twin.kernel)
    twin.bias.assign(scale * twin.bias)
    for _ in range(steps):
        for model, first, factor in zip(models, (linear, twin), (1, scale**2), strict=True):
            trained = model.trainable_variables
            for weight, gradient in zip(trained, gradients(model, trained), strict=True):
                own = factor if weight is first.kernel or weight is first.bias else 1
                weight.assign(weight - own * rate * gradient)
    one, other = (np.asarray(model(X, training=True)) for model in models)
    assert np.abs(one - other).max() < 1e-8
    np.testing.assert_allclose(np.asarray(twin.kernel), scale * np.asarray(linear.kernel), rtol=1e-7)


@pytest.mark.parametrize("x", X[:3])
def test_online(x):
    """Of one example a dense batch normalization is β, whatever comes in, and no gradient reaches what is before it."""
    linear, norm = dense(5), batch_norm()
    model = network(linear, norm)
    norm.beta.assign(np.linspace(-1, 1, 5))
    np.testing.assert_allclose(np.asarray(norm(linear(x[None]), training=True))[0], np.linspace(-1, 1, 5), atol=1e-12)
    assert all(np.abs(each).max() < 1e-12 for each in gradients(model, [linear.kernel, linear.bias], x[None], Y[:1]))


def test_dropout():
    """Dropout of p makes (v + p m²)/(1 − p) of a variance v and a mean m, which stays; at inference it is v again, and
    the moving variance is too large by so much (Li et al. 2019, §3)."""
    mean, variance, rate, examples = 1.5, 0.8, 0.5, 200_000
    x = RANDOM.normal(mean, variance**0.5, (examples, 1))
    norm = batch_norm(momentum=0.0)
    model = keras.Sequential([keras.Input((1,)), layers.Dropout(rate, seed=1), norm])
    model(x, training=True)
    expected = (variance + rate * mean**2) / (1 - rate)
    assert float(norm.moving_variance[0]) == pytest.approx(expected, rel=0.02)
    assert np.asarray(model(x, training=False)).var() == pytest.approx(variance / expected, rel=0.02)


def test_each_twin_that_a_claim_names_is_here_or_in_another_test():
    """`twin` ends with the file of tests that holds it, in parentheses."""
    twins = {
        path.stem: [claim["twin"] for claim in yaml.safe_load(path.read_text())["claims"].values() if "twin" in claim]
        for path in CONFIGS.glob("*.yaml")
    }
    named = {name: re.split(r"[(;] ?", twin)[-1].rstrip(")") for name, found in twins.items() for twin in found}
    assert all((CONFIGS.parents[1] / file).is_file() for file in named.values())
    here = [name for name, file in named.items() if file.endswith(Path(__file__).name)]
    assert sorted(here) == sorted(name.removeprefix("test_") for name in globals() if name in TESTS)


TESTS = ("test_bias", "test_initialization", "test_online", "test_dropout")
