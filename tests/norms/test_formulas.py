"""The four methods of most papers in float32 against analytic formulas, forward and backward, 4-D and 2-D.

Tolerances: float32 has 24 bits, so a mean of a few hundred numbers of order 1 is good to about 1e-6; 2e-5 leaves
room for the division by small standard deviations and still notices ε or an axis taken wrongly (1e-3 and more).
"""

import numpy as np
import pytest
import tensorflow as tf
from reference import normalize, normalize_gradient, statistics_of

from bnexp.norms.build import build
from bnexp.specs.norms.batch import BatchNorm
from bnexp.specs.norms.group import GroupNorm
from bnexp.specs.norms.table import METHODS

pytestmark = pytest.mark.numeric

COMMON = ["batch", "layer", "instance", "group"]
CASES = [
    (method, shape)
    for method in COMMON
    for shape in [(6, 5, 4, 8), (16, 16)]
    if not (method == "instance" and len(shape) == 2)
]


def made(method: str, shape: tuple[int, ...], epsilon: float = 1e-3):
    """A built layer with γ, β other than 1, 0; an input, and an upstream gradient."""
    generator = np.random.default_rng([3, *shape])
    extra = {"groups": 4} if method == "group" else {}
    layer = build(METHODS[method](epsilon=epsilon, **extra), "conv1_norm")
    layer.build((None, *shape[1:]))
    gamma, beta = generator.normal(1, 0.5, shape[-1]), generator.normal(0, 0.5, shape[-1])
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    x, upstream = generator.normal(1.5, 2, shape), generator.normal(0, 1, shape)
    return layer, gamma, beta, x, upstream


@pytest.mark.parametrize(("method", "shape"), CASES)
def test_forward_is_the_papers_formula(method, shape):
    layer, gamma, beta, x, _ = made(method, shape)
    view, axes = statistics_of(method, shape, groups=4)
    expected = gamma * normalize(x.reshape(view), axes, 1e-3).reshape(shape) + beta
    np.testing.assert_allclose(layer(tf.constant(x, tf.float32), training=True), expected, atol=2e-5)


@pytest.mark.parametrize(("method", "shape"), CASES)
def test_gradients_of_input_scale_and_shift_are_the_papers(method, shape):
    layer, gamma, _, x, upstream = made(method, shape)
    view, axes = statistics_of(method, shape, groups=4)
    channels = tuple(range(len(shape) - 1))
    scaled = (gamma * upstream).reshape(view)
    with tf.GradientTape() as tape:
        value = tf.constant(x, tf.float32)
        tape.watch(value)
        loss = tf.reduce_sum(layer(value, training=True) * tf.constant(upstream, tf.float32))
    of_x, of_gamma, of_beta = tape.gradient(loss, [value, layer.gamma.value, layer.beta.value])
    expected = normalize_gradient(x.reshape(view), scaled, axes, 1e-3).reshape(shape)
    np.testing.assert_allclose(of_x, expected, rtol=2e-5, atol=2e-5)
    normalized = normalize(x.reshape(view), axes, 1e-3).reshape(shape)
    np.testing.assert_allclose(of_gamma, (upstream * normalized).sum(channels), rtol=2e-5, atol=2e-4)
    np.testing.assert_allclose(of_beta, upstream.sum(channels), rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("method", COMMON)
def test_epsilon_of_the_config_is_the_layers(method):
    """On an input that varies as little as ε, another ε gives another output."""
    shape = (6, 5, 4, 8)
    layer, gamma, beta, x, _ = made(method, shape, epsilon=0.5)
    view, axes = statistics_of(method, shape, groups=4)
    expected = gamma * normalize((0.1 * x).reshape(view), axes, 0.5).reshape(shape) + beta
    np.testing.assert_allclose(layer(tf.constant(0.1 * x, tf.float32), training=True), expected, atol=2e-5)


@pytest.mark.parametrize("shape", [(6, 5, 4, 8), (16, 16)])
def test_batch_norm_moves_its_averages_by_the_configs_momentum_and_uses_them_at_inference(shape):
    """moving ← momentum · moving + (1 − momentum) · batch, with the biased variance, from 0 and 1."""
    generator = np.random.default_rng(5)
    layer = build(BatchNorm(momentum=0.7), "conv1_norm")
    mean, variance = np.zeros(shape[-1]), np.ones(shape[-1])
    for _ in range(3):
        x = generator.normal(2, 3, shape)
        layer(tf.constant(x, tf.float32), training=True)
        axes = tuple(range(len(shape) - 1))
        mean, variance = 0.7 * mean + 0.3 * x.mean(axes), 0.7 * variance + 0.3 * x.var(axes)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-5)
    expected = (x - mean) / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(layer(tf.constant(x, tf.float32), training=False), expected, atol=2e-5)


@pytest.mark.parametrize("method", ["layer", "instance", "group"])
def test_an_example_gets_the_same_output_in_any_batch(method):
    layer, _, _, x, _ = made(method, (6, 5, 4, 8))
    together = layer(tf.constant(x, tf.float32), training=True)
    alone = layer(tf.constant(x[2:3], tf.float32), training=True)
    np.testing.assert_allclose(together[2:3], alone, atol=1e-6)


def test_group_norm_with_one_group_is_layer_norm_and_with_all_is_instance_norm():
    x = tf.constant(np.random.default_rng(1).normal(0, 2, (6, 5, 4, 8)), tf.float32)
    for groups, other in [(1, "layer"), (8, "instance")]:
        np.testing.assert_array_equal(build(GroupNorm(groups=groups), "a")(x), build(METHODS[other](), "b")(x))


def test_a_group_by_hand():
    """Two groups of two channels: (1,3) and (10,30) have means 2, 20 and deviations 1, 10, so −1, 1, −1, 1."""
    layer = build(GroupNorm(groups=2, epsilon=1e-12), "a")
    np.testing.assert_allclose(layer(tf.constant([[1.0, 3.0, 10.0, 30.0]])), [[-1, 1, -1, 1]], rtol=1e-5)


def test_a_batch_by_hand():
    """Two examples of one channel, 1 and 5: mean 3, deviation 2, so −1 and 1 in training."""
    layer = build(BatchNorm(epsilon=1e-12), "a")
    np.testing.assert_allclose(layer(tf.constant([[1.0], [5.0]]), training=True), [[-1], [1]], rtol=1e-5)
