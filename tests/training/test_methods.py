"""Methods with a start or a state of their own: from data, from the seed, under three kinds of statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_trial import TINY_CNN, images, small, started

from bnexp.specs.norms.table import METHODS
from bnexp.training.statistics import batch_dependent

pytestmark = pytest.mark.numeric

BATCH_DEPENDENT = [name for name, row in METHODS.items() if row.batch_dependent]


def start(norm, seed=3):
    """A program for a norm, reset to a seed with the first 50 images, and what the seed drew."""
    spec = small(norm=norm, model=TINY_CNN)
    program = started(spec)
    return program, program.reset(spec, seed, images().images[:50])


def values(program):
    return {variable.path: variable.numpy() for variable in program.model.variables}


@pytest.mark.parametrize("norm", BATCH_DEPENDENT)
def test_batch_statistics_leave_no_trace_and_no_batch_sees_the_one_before(norm):
    (program, _), data = start(norm), images()
    program.train(data.images, data.labels, np.arange(150).reshape(3, 50))
    before = values(program)
    both = program.evaluate_with_batch_statistics(data.images, data.labels, np.arange(100), 50)
    halves = [
        program.evaluate_with_batch_statistics(data.images, data.labels, np.arange(start, start + 50), 50)
        for start in (50, 0)
    ]
    assert both.loss == pytest.approx((halves[0].loss + halves[1].loss) / 2, rel=1e-6)
    for path, value in values(program).items():
        np.testing.assert_array_equal(value, before[path])


@pytest.mark.parametrize("norm", BATCH_DEPENDENT)
def test_recalibrated_statistics_are_moments_of_the_first_norms_inputs(norm):
    (program, _), data = start(norm), images()
    program.train(data.images, data.labels, np.arange(150).reshape(3, 50))
    steps = {path: value for path, value in values(program).items() if path.endswith("steps")}
    program.recalibrate(data.images, np.arange(1200))  # five batches, the last smaller
    x = data.dataset.train_images[:1200].astype("float32") / 255
    outputs = np.asarray(program.model.get_layer("conv1")(x), "float64")
    mean, variance = outputs.mean((0, 1, 2)), outputs.var((0, 1, 2))
    after = values(program)
    expected = {"moving_mean": mean, "moving_variance": variance, "moving_deviation": np.sqrt(variance + 1e-3)}
    found = {path.rpartition("/")[2]: value for path, value in after.items() if path.startswith("conv1_norm/moving")}
    assert found.keys() <= expected.keys()
    for name, value in found.items():  # float32 convolutions, summed in another order
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-5)
    assert {path: after[path] for path in steps} == steps


def test_just_the_methods_that_the_table_calls_batch_dependent_have_layers_with_statistics():
    for name, row in METHODS.items():
        arguments = {"groups": 4} if "groups" in row.model_fields else {}
        program, _ = start({"name": name, **arguments})
        assert bool(batch_dependent(program.built)) == row.batch_dependent, name


def test_weight_norm_starts_from_the_first_batch_layer_by_layer():
    """Each hidden layer's outputs of that batch have mean 0 and variance 1, given the layers below as they then are."""
    program, _ = start("weight")
    x = tf.cast(images().images[:50], tf.float32) / 255
    for name in ("conv1", "dense1"):
        layer = program.model.get_layer(name)
        below = keras.Model(program.model.inputs, layer.input)
        outputs = np.asarray(layer(below(x)), "float64").reshape(-1, 8)
        np.testing.assert_allclose(outputs.mean(0), np.zeros(8), atol=1e-4)
        np.testing.assert_allclose(outputs.var(0), np.ones(8), rtol=1e-3)


def test_what_the_seed_drew_is_the_same_with_and_without_a_start_from_data():
    """So that pairs with other variants, whose fingerprints are of these weights, stay pairs."""
    (_, plain), (_, drawn), (_, other) = start("none"), start("weight"), start({"name": "weight", "data_init": False})
    for path in plain:
        np.testing.assert_array_equal(drawn[path], plain[path])
        np.testing.assert_array_equal(other[path], plain[path])


def test_without_a_start_from_data_weight_norm_starts_as_no_normalization():
    plain, weight = start("none")[0], start({"name": "weight", "data_init": False})[0]
    x = tf.cast(images().images[:50], tf.float32) / 255
    np.testing.assert_allclose(plain.model(x), weight.model(x), atol=1e-5)


def test_a_start_from_data_is_the_same_each_time():
    one, other = start("mean-only-batch")[0], start("mean-only-batch")[0]
    for path, value in values(one).items():
        np.testing.assert_array_equal(value, values(other)[path])


def test_the_vectors_of_the_power_method_come_from_the_seed():
    drawn = [start("spectral", seed)[1] for seed in (3, 3, 4)]
    for path in ("conv1/singular_vector", "dense1/singular_vector"):
        np.testing.assert_array_equal(drawn[0][path], drawn[1][path])
        assert (drawn[0][path] != drawn[2][path]).all()
    assert not np.array_equal(drawn[0]["conv1/singular_vector"], drawn[0]["dense1/singular_vector"])
