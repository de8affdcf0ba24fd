"""Noise and frozen statistics in a training: the same draws in each variant of a seed, and the three statistics."""

import numpy as np
import pytest
import tensorflow as tf
from beside_keras import compiled, labels, our_step, pixels
from small_trial import TINY_CNN, images, numbers, small, started

pytestmark = pytest.mark.numeric

ORDER = np.arange(300).reshape(6, 50)
NOISY = {"name": "noisy-batch"}
FROZEN = {"name": "frozen-batch", "freeze_after": 3, "momentum": 0.5}


def program(norm, seed=3, **blocks):
    return started(small(norm=norm, model=TINY_CNN, **blocks), seed=seed)


def trained(norm, seed=3):
    """After six steps."""
    one = program(norm, seed)
    one.train(images().images, images().labels, ORDER)
    return one


def values(one):
    return {variable.path: variable.numpy() for variable in one.model.variables}


def states(one):
    """Those of random layers, in order."""
    return [variable.numpy() for variable in one.model.variables if variable.name == "seed_generator_state"]


def test_noise_starts_from_seed_and_layer_whichever_variant_has_it():
    noisy, noise, other = program("noisy-batch"), program("noise"), program("noise", seed=4)
    assert len(states(noise)) == 2
    np.testing.assert_array_equal(states(noisy), states(noise))
    assert (np.array(states(other))[:, 0] != np.array(states(noise))[:, 0]).all()
    assert states(noise)[0][0] != states(noise)[1][0]


def test_a_reset_program_draws_the_noise_of_its_seed():
    used = trained("noise", seed=4)
    used.reset(small(norm="noise", model=TINY_CNN), 3)
    used.train(images().images, images().labels, ORDER)
    for one, other in zip(used.model.variables, trained("noise", seed=3).model.variables, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("norm", ["noise", "noisy-batch", "frozen-batch"])
def test_a_trial_comes_to_the_same_bits_again(train, norm):
    first, other, again = (train(seed=seed, norm=norm, model=TINY_CNN) for seed in (1, 2, 1))
    assert numbers(first) == numbers(again)
    assert first.evaluations[0].train_loss != other.evaluations[0].train_loss


def test_the_noise_is_another_at_each_step():
    """And training by a stretch of steps goes on with it from step to step."""
    noise = program("noise")
    before = np.array(states(noise))
    noise.train(images().images, images().labels, ORDER)
    np.testing.assert_array_equal(np.array(states(noise)) - before, [[0, 24], [0, 24]])  # four draws a step


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "norm",
    ["noise", "noisy-batch", {**NOISY, "noise_per": "example"}, FROZEN],
    ids=["noise", "noisy", "each", "frozen"],
)
def test_losses_and_weights_are_those_of_kerass_train_on_batch(norm):
    """In the loop's own forms and in Keras's plain step, from the same start; noise draws the same in both."""
    spec = small(norm=norm, model=TINY_CNN)
    ours, theirs = started(spec), started(spec)
    model = compiled(theirs.model, spec)
    losses = []
    for batch in ORDER:
        model.reset_metrics()
        losses.append((our_step(ours, batch), float(model.train_on_batch(pixels(batch), labels(batch)))))
    np.testing.assert_allclose(*zip(*losses, strict=True), rtol=1e-6)
    for one, other in zip(ours.model.variables, model.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=3e-6, err_msg=one.path)


@pytest.mark.usefixtures("float64")
def test_frozen_it_trains_as_kerass_batch_normalization_in_inference_mode():
    """Keras's own layer: three steps in training mode and three in inference mode, where γ and β have gradients too."""
    spec = small(norm=FROZEN, model=TINY_CNN)
    plain = small(norm={"name": "batch", "momentum": 0.5}, model=TINY_CNN)
    frozen, batch = started(spec), started(plain)
    optimizer = compiled(batch.model, plain).optimizer
    for k, indices in enumerate(ORDER):
        our_step(frozen, indices)
        with tf.GradientTape() as tape:
            logits = batch.model(pixels(indices), training=k < 3)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels(indices), logits)
            loss = tf.reduce_mean(each)
        variables = batch.model.trainable_variables
        optimizer.apply(tape.gradient(loss, [one.value for one in variables]), variables)
    found, expected = values(frozen), values(batch)
    assert found.keys() - expected.keys() == {"conv1_norm/steps", "dense1_norm/steps"}
    for path, value in expected.items():
        np.testing.assert_allclose(found[path], value, rtol=0, atol=3e-6, err_msg=path)


def test_once_frozen_all_three_statistics_are_one():
    frozen, data, few = trained(FROZEN), images(), np.arange(100)
    before = values(frozen)
    moving = frozen.evaluate(data.images, data.labels, few)
    by_batch = frozen.evaluate_with_batch_statistics(data.images, data.labels, few, 50)
    frozen.recalibrate(data.images, np.arange(500))
    recalibrated = frozen.evaluate(data.images, data.labels, few)
    assert by_batch.loss == pytest.approx(moving.loss, rel=1e-6)
    assert recalibrated.loss == moving.loss
    for path, value in values(frozen).items():
        np.testing.assert_array_equal(value, before[path])


def test_statistics_of_the_batch_and_recalibrated_ones_are_those_without_noise():
    """As those of batch normalization with the same weights; and no draw is taken from the training's.

    Keras's batch normalization rounds otherwise, to 1e-4 here; scales of 1.125 would be far off.
    """
    noisy, batch, data = trained("noisy-batch"), program("batch"), images()
    weights, drawn = values(noisy), states(noisy)
    for variable in batch.model.variables:
        variable.assign(weights[variable.path])
    one, other = (
        each.evaluate_with_batch_statistics(data.images, data.labels, np.arange(100), 50) for each in (noisy, batch)
    )
    assert one.loss == pytest.approx(other.loss, rel=1e-5)
    for each in (noisy, batch):
        each.recalibrate(data.images, np.arange(500))
    found = values(noisy)
    for path, value in values(batch).items():
        np.testing.assert_allclose(found[path], value, rtol=1e-3, atol=1e-3, err_msg=path)
    np.testing.assert_array_equal(states(noisy), drawn)
    assert np.abs(found["dense1_norm/moving_variance"] - weights["dense1_norm/moving_variance"]).max() > 0.1
