"""An LSTM with normalization in its cell trains, pairs and is recalibrated as other models are."""

import keras
import numpy as np
import pytest
from beside_keras import compiled, keras_step, our_step
from small_trial import images, numbers, small, started

pytestmark = pytest.mark.numeric

MODEL = {"name": "lstm", "units": 6}
NORMS = {
    "batch": {"name": "batch", "place": "in-cell"},
    "batch, inputs": {"name": "batch", "place": "inputs", "initial_gamma": 0.5},
    "layer": {"name": "layer", "place": "in-cell"},
}


def averages(program):
    return {v.path: v.numpy() for v in program.model.non_trainable_variables if "moving" in v.path}


@pytest.fixture(scope="module")
def trained():
    program = started(small(model=MODEL, norm=NORMS["batch"]))
    program.train(images().images, images().labels, np.arange(300).reshape(6, 50))
    return program, program.state()


@pytest.fixture
def program(trained):
    program, state = trained
    program.set_state(state)
    return program


@pytest.mark.usefixtures("float64")
@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_it_trains_as_by_train_on_batch(norm):
    """One of the batches is smaller.  What an LSTM could draw random numbers from is no weight, and not compared."""
    spec = small(model=MODEL, norm=NORMS[norm])
    program = started(spec)
    other = keras.models.clone_model(program.model)
    other.set_weights(program.model.get_weights())
    compiled(other, spec)
    batches = [np.arange(0, 50), np.arange(50, 100), np.arange(100, 130)]
    losses = [(our_step(program, batch), keras_step(other, batch)) for batch in batches]
    np.testing.assert_allclose(*zip(*losses, strict=True), rtol=1e-6)
    for variable, expected in zip(program.model.weights, other.weights, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected.numpy(), rtol=0, atol=3e-6, err_msg=variable.path)


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_a_trial_is_the_same_twice_and_a_pair_with_the_plain_lstm(train, norm):
    one, again, plain = (train(seed=4, model=MODEL, norm=each) for each in (NORMS[norm], NORMS[norm], "none"))
    assert numbers(one) == numbers(again)
    assert plain.fingerprints.weights.items() <= one.fingerprints.weights.items()
    assert one.fingerprints.order == plain.fingerprints.order
    assert (one.other_statistics is None) == (norm == "layer")
    assert one.parameters.normalization == {"batch": 48 + 12, "batch, inputs": 24, "layer": 96 + 12}[norm]


def test_recalibrated_each_step_has_the_moments_of_all_examples_as_one_batch(program):
    """300 images, though others are recalibrated by 250: so these logits are those by the statistics of that batch."""
    data, indices, before = images(), np.arange(300), averages(program)
    within = program.evaluate_with_batch_statistics(data.images, data.labels, indices, 300)
    program.recalibrate(data.images, indices)
    with_averages = program.evaluate(data.images, data.labels, indices)
    assert with_averages.loss == pytest.approx(within.loss, rel=1e-3)
    np.testing.assert_array_equal(with_averages.predicted, within.predicted)
    for path, value in averages(program).items():
        assert value.shape == before[path].shape
        assert np.ptp(value, axis=0).min() > 0  # not the same at all steps


def test_over_many_steps_roundings_do_not_part_recalibrated_statistics_from_those_of_the_batch():
    """196 pixels: a last digit of an image or a mean, multiplied at every step, changed half of what was predicted."""
    pixels = {"name": "lstm", "sequence": "pixels", "downsample": 2}
    program = started(small(model=pixels, norm={**NORMS["batch"], "initial_gamma": 0.3}))
    data, indices = images(), np.arange(600)
    within = program.evaluate_with_batch_statistics(data.images, data.labels, indices, 600)
    program.recalibrate(data.images, indices)
    with_averages = program.evaluate(data.images, data.labels, indices)
    assert np.mean(within.predicted == with_averages.predicted) > 0.99
    assert with_averages.loss == pytest.approx(within.loss, rel=1e-3)


def test_batch_statistics_leave_no_trace_and_recalibration_is_right(program):
    data, indices, before = images(), np.arange(200), averages(program)
    program.evaluate_with_batch_statistics(data.images, data.labels, indices, 200)
    for path, value in averages(program).items():
        np.testing.assert_array_equal(value, before[path])
    assert program.wrong_recalibration(data.images, indices) is None


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_where_all_sequences_begin_with_the_same_numbers_its_gradient_is_finite(norm):
    """196 pixels, of which the first forty are black: 1/√ε at each of these steps would be beyond float32."""
    program = started(small(model=MODEL | {"sequence": "pixels", "downsample": 2}, norm=NORMS[norm]))
    for variable in program.model.trainable_variables:
        if variable.name == "gamma":
            variable.assign(np.ones(variable.shape))
    done = program.train(images().images, images().labels, np.arange(60).reshape(3, 20))
    assert (done.steps, done.finite) == (3, True)
    assert program.finite()


@pytest.mark.slow
def test_a_step_compiled_by_xla_is_the_same():
    spec, found = small(model=MODEL, norm=NORMS["batch"]), []
    for step in ("graph", "xla"):
        program = started(spec, step)
        done = program.train(images().images, images().labels, np.arange(100).reshape(2, 50))
        found.append([done.loss_sum, *program.model.get_weights()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=3e-5)
