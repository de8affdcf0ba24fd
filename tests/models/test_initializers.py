"""What each initializer draws: Keras's own numbers, from the seed of the weight."""

import keras
import numpy as np
import pytest

from bnexp.lazy import attribute
from bnexp.models.own_state import bits
from bnexp.specs.trial import TrialSpec
from bnexp.training.initial import initial_weights

IMAGE = (28, 28, 1)
KERAS = keras.initializers


def drawn(**model):
    spec = TrialSpec.model_validate({"model": model})
    built = attribute(spec.model.target)(spec, IMAGE, 10)
    return initial_weights(built, spec.model, 3, [variable.numpy() for variable in built.model.variables])


INITIALIZERS = [
    ("glorot_uniform", KERAS.GlorotUniform, {}),
    ("glorot_normal", KERAS.GlorotNormal, {}),
    ("he_uniform", KERAS.HeUniform, {}),
    ("he_normal", KERAS.HeNormal, {}),
    ("lecun_normal", KERAS.LecunNormal, {}),
    ("orthogonal", KERAS.Orthogonal, {}),
    ({"name": "orthogonal", "gain": 2.0}, KERAS.Orthogonal, {"gain": 2.0}),
    ("normal", KERAS.RandomNormal, {}),
    ({"name": "normal", "stddev": 0.2}, KERAS.RandomNormal, {"stddev": 0.2}),
    ("truncated_normal", KERAS.TruncatedNormal, {}),
    ({"name": "truncated_normal", "stddev": 0.2}, KERAS.TruncatedNormal, {"stddev": 0.2}),
    ("uniform", KERAS.RandomUniform, {}),
    ({"name": "uniform", "minval": 0, "maxval": 1}, KERAS.RandomUniform, {"minval": 0, "maxval": 1}),
    ("variance_scaling", KERAS.VarianceScaling, {}),
    (
        {"name": "variance_scaling", "scale": 2.0, "mode": "fan_out", "distribution": "uniform"},
        KERAS.VarianceScaling,
        {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"},
    ),
]


@pytest.mark.parametrize(
    ("initializer", "kind", "arguments"), INITIALIZERS, ids=[str(case[0]) for case in INITIALIZERS]
)
@pytest.mark.parametrize("path", ["conv2/kernel", "dense1/kernel", "output/kernel"])
def test_a_kernel_is_drawn_by_keras_with_these_arguments(initializer, kind, arguments, path):
    kernel = drawn(name="cnn", initializer=initializer)[path]
    expected = kind(**arguments, seed=bits(3, "weight", path))(kernel.shape)
    np.testing.assert_array_equal(kernel, np.asarray(expected))


def test_an_identity_is_ones_on_the_diagonal_times_gain_and_scale():
    weights = drawn(name="mlp", width=100, depth=2, initializer={"name": "identity", "gain": 0.5}, initial_scale=3.0)
    for path, shape in {"dense1/kernel": (784, 100), "dense2/kernel": (100, 100), "output/kernel": (100, 10)}.items():
        np.testing.assert_array_equal(weights[path], 1.5 * np.eye(*shape))


def test_an_identity_of_an_lstm_is_in_each_gate():
    weights = drawn(name="lstm", units=5, recurrent_initializer={"name": "identity", "gain": 0.5})
    np.testing.assert_array_equal(weights["lstm/lstm_cell/recurrent_kernel"], np.hstack([0.5 * np.eye(5)] * 4))
    assert np.unique(weights["lstm/lstm_cell/kernel"]).size > 4 * 28
    kernel = drawn(name="lstm", units=5, initializer="identity")["lstm/lstm_cell/kernel"]
    np.testing.assert_array_equal(kernel, np.hstack([np.eye(28, 5)] * 4))


def test_a_recurrent_kernel_has_its_own_gain():
    weights = drawn(name="lstm", units=8, recurrent_initializer={"name": "orthogonal", "gain": 2})
    kernel = weights["lstm/lstm_cell/recurrent_kernel"]
    np.testing.assert_allclose(kernel @ kernel.T, 4 * np.eye(8), atol=1e-5)
    one, other = weights["lstm/lstm_cell/kernel"], drawn(name="lstm", units=8)["lstm/lstm_cell/kernel"]
    np.testing.assert_array_equal(one, other)
