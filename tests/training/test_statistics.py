"""The same weights under moving, batch and recalibrated statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_trial import images, small, started

from bnexp.models.blocks import Built, NormLayer
from bnexp.specs.block import Block
from bnexp.training.statistics import BatchStatistics, batch_dependent

pytestmark = pytest.mark.numeric


@pytest.fixture
def program():
    program = started(small(norm="batch", model={"name": "cnn", "dropout": 0.5}))
    program.train(images().images, images().labels, np.arange(300).reshape(6, 50))
    return program


def moving(program):
    return [v.numpy() for v in program.model.variables if v.name.startswith("moving_")]


def accuracies(record):
    others = record.other_statistics
    return record.test.accuracy, others.batch.accuracy, others.recalibrated.accuracy


def test_after_a_few_steps_the_moving_averages_lag_and_the_other_two_do_not(train):
    """14 steps with momentum 0.99 leave 87 % of the initial averages."""
    moving_averages, batch, recalibrated = accuracies(train(norm="batch"))
    assert moving_averages < min(batch, recalibrated) - 0.05
    assert batch == pytest.approx(recalibrated, abs=0.05)


def test_methods_that_do_not_depend_on_the_batch_have_one_figure(train):
    assert train(norm="layer").other_statistics is None


def test_batch_statistics_are_those_of_the_training_mode_without_dropout_and_leave_no_trace(program):
    data, before = images(), moving(program)
    scores = program.evaluate_with_batch_statistics(data.images, data.labels, np.arange(120), 50)
    for one, other in zip(before, moving(program), strict=True):
        np.testing.assert_array_equal(one, other)
    plain = keras.models.clone_model(
        program.model, clone_function=lambda layer: clone(layer, program.model.get_layer(layer.name))
    )
    plain.set_weights(program.model.get_weights())
    x = np.asarray(data.dataset.train_images[:120], "float32") / 255
    logits = np.concatenate([plain(x[start : start + 50], training=True) for start in (0, 50, 100)])
    np.testing.assert_array_equal(scores.correct, logits.argmax(1) == data.dataset.train_labels[:120])


def clone(layer, original):
    """The layer anew, dropout with a rate of zero."""
    config = original.get_config()
    return type(layer).from_config({**config, "rate": 0.0} if "rate" in config else config)


class NormalizedRows(keras.layers.Layer):
    """A recurrent cell that normalizes what comes in and adds it to its state, (N,28)."""

    def __init__(self, **keywords):
        super().__init__(**keywords)
        self.state_size = 28
        self.norm = keras.layers.BatchNormalization(momentum=0.5)

    def build(self, shape):
        self.norm.build(shape)

    def call(self, x, states, training=None):
        state = states[0] + self.norm(x, training=training)
        return state, [state]


def test_a_norm_inside_a_recurrent_cell_counts():
    """Its inputs are those of all rows; in batch mode each row is normalized by its own statistics.

    The first row counts twice, as in training: Keras's loop calls a cell once more, to see what comes out of it.
    """
    cell = NormalizedRows()
    rows = keras.Input((28, 28))
    model = keras.Model(rows, keras.layers.RNN(cell, name="rnn")(rows))
    built = Built(model, (NormLayer(model.get_layer("rnn"), Block("rows", "rows", (28,)), None),))
    assert batch_dependent(built) == [cell.norm]
    x = np.random.default_rng(0).normal(1, 2, (50, 28, 28)).astype("float32")
    statistics = BatchStatistics(built)
    expected = ((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)).sum(1)
    np.testing.assert_allclose(tf.function(statistics.logits)(x), expected, atol=1e-4)
    np.testing.assert_array_equal(cell.norm.moving_mean, np.zeros(28))
    statistics.recalibrate([tf.constant(x[:30]), tf.constant(x[30:])])
    seen = np.concatenate([x[:, :1], x], 1).astype("float64")
    np.testing.assert_allclose(cell.norm.moving_mean, seen.mean((0, 1)), atol=1e-5)
    np.testing.assert_allclose(cell.norm.moving_variance, seen.var((0, 1)), rtol=1e-4)


def test_norms_that_are_not_the_variants_stay_at_inference():
    """A user's own model may have a batch normalization in every variant."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization(name="own")(keras.layers.Conv2D(4, 3)(inputs))
    x = keras.layers.Conv2D(5, 3)(keras.layers.ReLU()(x))
    before = keras.Model(inputs, x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(name="norm")(x))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    norm = model.get_layer("norm")
    statistics = BatchStatistics(Built(model, (NormLayer(norm, Block("norm", "conv", (4, 4, 5)), None),)))
    images = np.random.default_rng(0).normal(1, 2, (40, 8, 8, 3)).astype("float32")
    seen = np.asarray(before(images, training=False), "float64")
    weights = [variable.numpy() for variable in model.variables]
    statistics.logits(tf.constant(images))
    for variable, value in zip(model.variables, weights, strict=True):
        np.testing.assert_array_equal(variable, value)
    statistics.recalibrate([tf.constant(images)])
    np.testing.assert_allclose(norm.moving_mean, seen.mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, seen.var((0, 1, 2)), rtol=1e-4)
    np.testing.assert_array_equal(model.get_layer("own").moving_variance, np.ones(4))


def test_with_one_batch_recalibrated_and_batch_statistics_agree(program):
    data, indices = images(), np.arange(400)
    within = program.evaluate_with_batch_statistics(data.images, data.labels, indices, 400)
    program.recalibrate(data.images, indices)
    assert program.evaluate(data.images, data.labels, indices).loss == pytest.approx(within.loss, rel=1e-3)


WITHOUT_NOISE = {"shift_limit": 0, "scale_limit": 1, "shift_spread": 0, "scale_spread": 0}


@pytest.mark.parametrize(
    "norm",
    [
        {"name": "batch"},
        {"name": "batch", "place": "after-activation"},
        {"name": "mean-only-batch"},
        {"name": "batch-renorm"},
        {"name": "frozen-batch"},
        {"name": "noisy-batch", **WITHOUT_NOISE},
        {"name": "ghost-batch", "ghost_size": 300},
        {"name": "batch-instance", "layers": "conv"},
        {"name": "switchable"},
        {"name": "evonorm-b0"},
    ],
    ids=lambda norm: "-".join(map(str, norm.values())),
)
def test_recalibrated_statistics_are_those_that_a_step_without_momentum_leaves(norm):
    program, data = started(small(norm={**norm, "momentum": 0}, model={"name": "cnn", "filters": [8, 8]})), images()
    program.recalibrate(data.images, np.arange(250))
    recalibrated = moving(program)
    program.model(np.asarray(data.dataset.train_images[:250], "float32") / 255, training=True)
    assert recalibrated
    for one, other in zip(recalibrated, moving(program), strict=True):
        assert one.std() > 0
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)  # of Keras's own sums over 169,000 numbers


def test_what_batch_renormalization_makes_of_its_averages_is_not_what_they_are_replaced_by():
    """Once its ramp is open it normalizes by them in training, also where they are far off."""
    ramp = {"ramp_start": 0, "r_ramp_end": 0, "d_ramp_end": 0, "r_max": 100, "d_max": 100}
    found, expected = [], []
    for norm, into in (({"name": "batch-renorm", **ramp}, found), ({"name": "batch"}, expected)):
        program = started(small(norm=norm))
        program.recalibrate(images().images, np.arange(250))
        program.recalibrate(images().images, np.arange(250, 500))
        for variable in program.model.variables:
            if variable.name.startswith("moving_"):
                squared = variable.name == "moving_variance"
                into.append(np.sqrt(variable.numpy() + 1e-3) if squared else variable.numpy())
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
