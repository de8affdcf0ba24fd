"""Each fast form is its layer: outputs, gradients and moving averages, held against Keras's own layer in float64.

Tolerance: float32 keeps 7 digits; sums over up to 2,400 numbers with cancellation leave 5, of the largest number.
A wrong ε, a variance of n−1, or a gradient that forgets one of its sums is off by more than a hundred times that.
"""

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from bnexp.training.fast_layers import (
    channel_layer_normalization,
    fused_batch_normalization,
    group_normalization,
    max_of_slices,
    root_mean_square_normalization,
)

pytestmark = pytest.mark.numeric

SHAPES = [(6, 5, 4, 8), (2, 1, 1, 8), (7, 8), (2, 8)]
DIGITS = 1e-5


def inputs(shape, offset=0.0):
    generator = np.random.default_rng(5)
    return generator.normal(offset, 2, shape), generator.normal(0, 1, shape)


def layer_of(kind, dtype, shape, **keywords):
    """A layer with weights and moving averages unlike those it starts with."""
    layer = kind(dtype=dtype, **keywords)
    layer.build(shape)
    generator = np.random.default_rng(7)
    layer.set_weights([generator.uniform(0.5, 2, weight.shape) for weight in layer.get_weights()])
    return layer


def results(compute, layer, x, upstream):
    """Outputs, gradients of the input and of all weights, and afterwards all weights."""
    x = tf.constant(x, layer.dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = compute(layer, x)
    gradients = tape.gradient(
        y, [x, *(weight.value for weight in layer.trainable_weights)], tf.constant(upstream, layer.dtype)
    )
    return [y, *gradients, *layer.get_weights()]


def assert_same(form, kind, shape, offset=0.0, digits=DIGITS, *, xla=False, **keywords):
    x, upstream = inputs(shape, offset)
    found = results(tf.function(form, jit_compile=xla), layer_of(kind, "float32", shape, **keywords), x, upstream)
    exact = layer_of(kind, "float64", shape, **keywords)
    expected = results(lambda layer, x: layer(x, training=True), exact, x.astype("float32"), upstream)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=digits * max(1, np.abs(other).max()))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("momentum", [0.99, 0.5])
def test_fused_batch_normalization(shape, momentum):
    assert_same(fused_batch_normalization, layers.BatchNormalization, shape, momentum=momentum, epsilon=0.02)


def test_fused_batch_normalization_of_one_number():
    """n − 1 is 0 there, and the variance is 0, not 0/0."""
    assert_same(fused_batch_normalization, layers.BatchNormalization, (1, 8))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("groups", [1, 2, 8, -1])
@pytest.mark.parametrize("xla", [False, True], ids=["graph", "xla"])
def test_group_normalization(shape, groups, xla):
    assert_same(group_normalization, layers.GroupNormalization, shape, xla=xla, groups=groups, epsilon=0.02)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("xla", [False, True], ids=["graph", "xla"])
def test_channel_layer_normalization(shape, xla):
    assert_same(channel_layer_normalization, layers.LayerNormalization, shape, xla=xla, epsilon=0.02)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("xla", [False, True], ids=["graph", "xla"])
def test_root_mean_square_normalization(shape, xla):
    assert_same(root_mean_square_normalization, layers.RMSNormalization, shape, xla=xla, epsilon=0.02)


@pytest.mark.parametrize(
    ("form", "kind", "keywords"),
    [
        (fused_batch_normalization, layers.BatchNormalization, {}),
        (group_normalization, layers.GroupNormalization, {"groups": 2}),
        (channel_layer_normalization, layers.LayerNormalization, {}),
    ],
)
def test_of_a_large_mean(form, kind, keywords):
    """The mean itself is known to 3e-5 only; mean of squares minus square of mean would be off by 1e-2."""
    assert_same(form, kind, (6, 5, 4, 8), offset=300.0, digits=3e-4, **keywords)


@pytest.mark.parametrize("size", [(6, 6), (7, 5)])
def test_maximum_of_slices_with_ties(size):
    """Small whole numbers: most windows have equals, and the gradient goes to the same one of them."""
    shape = (3, *size, 2)
    x = np.random.default_rng(0).integers(0, 3, shape).astype("float32")
    layer = layers.MaxPooling2D(2)
    layer.build(shape)
    upstream = np.random.default_rng(1).normal(size=layer.compute_output_shape(shape))
    for one, other in zip(
        results(max_of_slices, layer, x, upstream), results(lambda layer, x: layer(x), layer, x, upstream), strict=True
    ):
        np.testing.assert_array_equal(one, other)
