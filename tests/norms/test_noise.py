"""The noise of `noise` and `noisy-batch`: how it is distributed, who shares it, and that it can be turned off."""

import keras
import numpy as np
import pytest
from made import made, policy

pytestmark = pytest.mark.numeric

SHAPE = (20, 5, 4, 8)
PAPERS = {"shift_limit": 0.5, "scale_limit": 1.25, "shift_spread": 0.1, "scale_spread": 0.1, "noise_per": "activation"}
OFF = {"shift_limit": 0.0, "scale_limit": 1.0, "shift_spread": 0.0, "scale_spread": 0.0}


def observed(noise_per, steps=300):
    """Scales and shifts (steps,N,H,W,C) that the layer itself was seen to apply: what it makes of 0, and of 1.

    Both calls of a step start from one state.
    """
    with policy("float64"):
        it = made("noise", "conv", SHAPE, **{**PAPERS, "noise_per": noise_per})
    scales, shifts = [], []
    for _ in range(steps):
        state = it.values()
        shift = np.asarray(it(np.zeros(SHAPE), True))
        it.assign(**state)
        scales.append(np.asarray(it(np.ones(SHAPE), True)) - shift)
        shifts.append(shift)
    return np.array(scales), np.array(shifts)


def test_each_activation_has_a_scale_and_a_shift_around_those_of_its_channel_at_the_step():
    """400 numbers a channel and step, 2,400 channels and steps; tolerances are four standard errors or more.

    A uniform variable on an interval of length L has standard deviation L/√12.
    """
    scales, shifts = observed("activation")
    for each, low, high, spread in [(scales, 1, 1.25, 0.1), (shifts, -0.5, 0.5, 0.1 / 3**0.5)]:
        means = each.mean((1, 2, 3))  # of the channel at the step, up to spread/20
        assert means.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
        assert means.std() == pytest.approx((high - low) / 12**0.5, rel=0.06)
        assert low - 0.02 < means.min() < low + 0.02
        assert high - 0.02 < means.max() < high + 0.02
        rest = each - means[:, None, None, None]
        assert rest.std() == pytest.approx(spread, rel=0.01)
        # Neighbours of a channel, channels of a pixel, and steps have nothing in common.
        for one, other in [
            (rest[:, :, :-1], rest[:, :, 1:]),
            (rest[..., :-1], rest[..., 1:]),
            (rest[:-1], rest[1:]),
            (means[:, :-1], means[:, 1:]),
            (means[:-1], means[1:]),
        ]:
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / one.size**0.5 + 0.004
    assert abs(shifts - shifts.mean((1, 2, 3), keepdims=True)).max() < 0.1 + 0.02  # uniform ends where normal does not
    assert abs(scales - scales.mean((1, 2, 3), keepdims=True)).max() > 0.4


def test_per_example_all_pixels_of_a_channel_share_them():
    for each in observed("example"):
        np.testing.assert_allclose(each, np.broadcast_to(each[:, :, :1, :1], each.shape), atol=1e-12)
        assert each[:, :, 0, 0].std(1).min() > 0.01  # examples do not


@pytest.mark.parametrize("kind", ["conv", "dense"])
@pytest.mark.parametrize(("noisy", "plain"), [("noisy-batch", "batch"), ("noise", "affine")])
def test_without_limits_and_spreads_it_is_the_method_without_noise(noisy, plain, kind):
    """`affine` starts as the identity."""
    shape = SHAPE if kind == "conv" else SHAPE[:1] + SHAPE[-1:]
    with policy("float64"):
        one, other = made(noisy, kind, shape, plain=True, **OFF), made(plain, kind, shape, plain=True)
    x, upstream = one.input(), np.random.default_rng(4).normal(0, 1, shape)
    np.testing.assert_allclose(one(x, True), other(x, True), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(one.gradients(x, upstream)[0], other.gradients(x, upstream)[0], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(one(x, False), other(x, False), rtol=1e-11, atol=1e-12)


def test_noisy_batch_is_the_noise_of_the_same_state_on_batch_normalization():
    with policy("float64"):
        noisy, batch, noise = (
            made(name, "conv", SHAPE, plain=True, **(PAPERS if "nois" in name else {}))
            for name in ("noisy-batch", "batch", "noise")
        )
    for _ in range(3):
        x = noisy.input()
        np.testing.assert_allclose(noisy(x, True), noise(np.asarray(batch(x, True)), True), rtol=1e-11, atol=1e-12)
    for name in ("moving_mean", "moving_variance"):
        np.testing.assert_allclose(noisy.values()[name], batch.values()[name], rtol=1e-12)


def test_a_gradient_is_multiplied_by_the_scales_that_were_drawn():
    with policy("float64"):
        it = made("noise", "conv", SHAPE, **PAPERS)
    state = it.values()
    shift = np.asarray(it(np.zeros(SHAPE), True))
    it.assign(**state)
    scale = np.asarray(it(np.ones(SHAPE), True)) - shift
    it.assign(**state)
    np.testing.assert_allclose(it.gradients(it.input(), np.ones(SHAPE))[0], scale, rtol=1e-12)


def test_a_layer_with_a_seed_draws_from_it():
    def drawn(seed):
        layer = keras.saving.deserialize_keras_object(
            {"class_name": "ActivationNoise", "config": {"seed": seed}, "registered_name": "bnexp>ActivationNoise"}
        )
        return np.asarray(layer(np.ones((2, 3), "float32"), training=True))

    np.testing.assert_array_equal(drawn(3), drawn(3))
    assert not np.array_equal(drawn(3), drawn(4))
