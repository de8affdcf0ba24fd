"""Equalities between methods, and invariances, that need no oracle.

In float64; equal means to 1e-10 relative to numbers of order 1, some ten thousand roundings.  Where a text says ε → 0,
ε is 1e-12 and the tolerance is that of the remaining ε.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from made import made, policy

pytestmark = pytest.mark.numeric

X = np.random.default_rng(17).normal(0, 1, (6, 5, 4, 8)) * np.linspace(0.5, 3, 8) + np.linspace(-2, 2, 8)
FLAT = X[:, 0, 0]
CONSTANT_LIMITS = {"ramp_start": 0, "r_ramp_end": 0, "d_ramp_end": 0}


@pytest.fixture(autouse=True)
def _float64():
    with policy("float64"):
        yield


def layer(name, x=X, **arguments):
    """With γ, β of `scale_and_shift` and all else as it starts."""
    kind = "conv" if x.ndim == 4 else "dense"
    it = made(name, kind, x.shape, plain=True, **arguments)
    it.assign(gamma=np.linspace(0.5, 2, 8), beta=np.linspace(-1, 1, 8))
    return it


def equal(one, other, atol=1e-10):
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-9, atol=atol)


def equal_with_gradients(one, other, x=X, training=True):
    upstream = np.random.default_rng(4).normal(0, 1, x.shape)
    of_x, others = one.gradients(x, upstream, training)
    expected_of_x, expected = other.gradients(x, upstream, training)
    equal(one(x, training), other(x, training))
    equal(of_x, expected_of_x)
    for name in ("gamma", "beta"):
        equal(others[name], expected[name])


@pytest.mark.parametrize(
    ("one", "arguments", "other", "x"),
    [
        ("group", {"groups": 1}, "layer", X),
        ("group", {"groups": 1}, "layer", FLAT),
        ("group", {"groups": 8}, "instance", X),
        ("layer-channel", {}, "layer", FLAT),
        ("layer-full", {}, "layer", FLAT),
        ("ghost-batch", {"ghost_size": 6}, "batch", X),
        ("ghost-batch", {"ghost_size": 6}, "batch", FLAT),
        ("ghost-batch", {"ghost_size": 100}, "batch", X),
        ("ghost-batch", {"ghost_size": 1}, "instance", X),
        ("batch-renorm", {"r_max": 1.0, "d_max": 0.0, **CONSTANT_LIMITS}, "batch", X),
        ("batch-renorm", {"r_max": 1.0, "d_max": 0.0, **CONSTANT_LIMITS}, "batch", FLAT),
        ("batch-renorm", {"ramp_start": 5, "r_ramp_end": 9, "d_ramp_end": 9}, "batch", X),  # before the ramp starts
        ("batch-instance", {}, "batch", X),  # ρ starts at 1
    ],
)
def test_one_method_is_another_while_training(one, arguments, other, x):
    if other == "batch":
        arguments = {"momentum": 0.9, **arguments}
    equal_with_gradients(
        layer(one, x, **arguments), layer(other, x, **({"momentum": 0.9} if other == "batch" else {})), x
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ghost-batch", {"ghost_size": 6}),
        ("batch-renorm", {"r_max": 1.0, "d_max": 0.0, **CONSTANT_LIMITS}),
        ("batch-instance", {}),
        ("switchable", {}),
        ("evonorm-b0", {}),
        ("mean-only-batch", {}),
    ],
)
def test_with_the_statistics_of_a_batch_inference_is_training_on_it(name, arguments):
    it = made(name, "conv", **({} if name == "mean-only-batch" else {"shape": X.shape}), **arguments)
    norm, x = it.model.layers[-1], it.input()
    seen = np.asarray(keras.Model(it.model.input, norm.input)(x))
    norm.set_statistics(seen.mean((0, 1, 2)), seen.var((0, 1, 2)))
    inference = np.asarray(it(x, False))
    equal(it(x, True), inference)


def test_with_rho_0_batch_instance_is_instance():
    it = layer("batch-instance")
    it.assign(rho=0.0)
    equal_with_gradients(it, layer("instance"))


def test_batch_norm_of_one_example_is_instance_norm():
    equal_with_gradients(layer("batch", X[:1]), layer("instance", X[:1]), X[:1])


@pytest.mark.parametrize(("name", "arguments"), [("ghost-batch", {"ghost_size": 6}), ("batch-instance", {})])
def test_averages_move_and_serve_as_those_of_batch_norm(name, arguments):
    one, other = layer(name, **arguments), layer("batch")
    for k in range(3):
        one(X + k, True), other(X + k, True)
    for key in ("moving_mean", "moving_variance"):
        equal(one.values()[key], other.values()[key])
    equal_with_gradients(one, other, training=False)


@pytest.mark.parametrize(("member", "position"), [("instance", 0), ("layer", 1), ("batch", 2)])
def test_switchable_with_all_weight_on_one_member_is_that_member(member, position):
    it = layer("switchable")
    logits = np.full(3, -200.0)  # the softmax of the other two is exp(−200) of the first: nothing in float64
    logits[position] = 0
    it.assign(mean_logits=logits, variance_logits=logits)
    equal_with_gradients(it, layer(member))


@pytest.mark.parametrize(("member", "position"), [("layer", 0), ("batch", 1)])
def test_switchable_after_a_dense_layer_mixes_layer_and_batch(member, position):
    it = layer("switchable", FLAT)
    logits = np.full(2, -200.0)
    logits[position] = 0
    it.assign(mean_logits=logits, variance_logits=logits)
    equal_with_gradients(it, layer(member, FLAT), FLAT)


def test_filter_response_of_centred_filters_is_instance_norm_under_its_threshold():
    centred = X - X.mean((1, 2), keepdims=True)
    it = layer("filter-response")
    it.assign(tau=-1e9)
    equal(it(centred, True), layer("instance")(centred, True))


def test_rms_of_centred_pixels_is_layer_norm_over_channels():
    centred = X - X.mean(-1, keepdims=True)
    one, other = made("rms", "conv", X.shape, plain=True), made("layer-channel", "conv", X.shape, plain=True)
    equal(one(centred, True), other(centred, True))


def test_batch_renorm_with_constant_limits_is_kerass():
    """Keras's keeps moving averages of its own for r and d, which move as ours do."""
    limits = {"rmax": 1.5, "rmin": 1 / 1.5, "dmax": 0.5}
    theirs = keras.layers.BatchNormalization(epsilon=1e-3, renorm=True, renorm_clipping=limits, renorm_momentum=0.99)
    ours = layer("batch-renorm", r_max=1.5, d_max=0.5, epsilon=1e-3, momentum=0.99, **CONSTANT_LIMITS)
    theirs.build(X.shape)
    theirs.gamma.assign(np.linspace(0.5, 2, 8))
    theirs.beta.assign(np.linspace(-1, 1, 8))
    for k in range(3):
        equal(ours(X + k, True), theirs(X + k, training=True), atol=1e-6)  # Keras keeps ε out of its first deviations


def test_batch_renorm_with_wide_limits_is_its_inference_on_the_same_batch():
    """With r = σ_B/σ and d = (μ_B − μ)/σ unclipped, x̂ = (x − μ)/σ."""
    it = layer("batch-renorm", r_max=1e6, d_max=1e6, **CONSTANT_LIMITS)
    inference = np.asarray(it(X, False))
    equal(it(X, True), inference)


# Invariances of a linear layer followed by a normalization without ε.


def scale_of_the_kernel(normalize, alpha):
    """Loss and gradient of a dense layer's kernel αW under a normalization, for a loss that is not symmetric."""
    generator = np.random.default_rng(21)
    x, target = tf.constant(generator.normal(0, 1, (16, 6))), tf.constant(generator.normal(0, 1, (16, 8)))
    kernel = tf.constant(alpha * generator.normal(0, 1, (6, 8)))
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = tf.reduce_sum((normalize(x @ kernel) - target) ** 2)
    return float(loss), tape.gradient(loss, kernel).numpy(), kernel.numpy()


@pytest.mark.parametrize("alpha", [0.1, 7.0])
def test_a_batch_normalized_loss_does_not_feel_the_scale_of_the_kernel_and_its_gradient_shrinks_with_it(alpha):
    norm = layer("batch", np.empty((16, 8)), epsilon=1e-12).model
    normalize = lambda y: norm(y, training=True)  # noqa: E731  # one line, used twice
    loss, gradient, kernel = scale_of_the_kernel(normalize, 1.0)
    scaled_loss, scaled_gradient, _ = scale_of_the_kernel(normalize, alpha)
    assert scaled_loss == pytest.approx(loss, rel=1e-9)
    np.testing.assert_allclose(scaled_gradient, gradient / alpha, rtol=1e-6, atol=1e-6)  # ε beside α² σ²
    assert abs((gradient * kernel).sum()) < 1e-8 * np.linalg.norm(gradient) * np.linalg.norm(kernel)


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_under_weight_norm_the_gradient_is_at_right_angles_to_each_units_weights(kind):
    it = made("weight", kind)
    _, others = it.gradients(it.input(), np.random.default_rng(1).normal(0, 1, (it.shape[0], *it.block.shape)))
    products = (others["kernel"] * it.values()["kernel"]).reshape(-1, 8).sum(0)
    assert np.abs(products).max() < 1e-12 * np.abs(others["kernel"]).sum()


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_under_spectral_norm_with_the_exact_vectors_the_gradient_is_at_right_angles_to_the_kernel(kind):
    """W/σ₁(W) does not change with the scale of W: this fails if no gradient goes through σ₁."""
    it = made("spectral", kind)
    it(it.input(), True)
    _, others = it.gradients(it.input(), np.random.default_rng(1).normal(0, 1, (it.shape[0], *it.block.shape)))
    gradient, kernel = others["kernel"], it.values()["kernel"]
    assert abs((gradient * kernel).sum()) < 1e-10 * np.linalg.norm(gradient) * np.linalg.norm(kernel)


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_the_power_method_finds_the_largest_singular_value(kind):
    it = made("spectral", kind, power_iterations=60)
    for _ in range(5):
        it(it.input(), True)
    kernel = it.model.layers[1].effective_kernel().numpy()
    assert np.linalg.svd(kernel.reshape(-1, 8))[1][0] == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_standardized_weights_have_mean_0_and_variance_1(kind):
    it = made("weight-standardized-group", kind, weight_epsilon=1e-12)
    kernel = it.model.layers[1].effective_kernel().numpy().reshape(-1, 8)
    equal(kernel.mean(0), np.zeros(8))
    equal(kernel.var(0), np.ones(8))


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_data_dependent_initialization_makes_a_first_batch_of_mean_0_and_variance_1(kind):
    it = made("weight", kind)
    it.model.layers[1].initialize_from_data(it.input())
    y = np.asarray(it(it.input(), True)).reshape(-1, 8)
    equal(y.mean(0), np.zeros(8))
    equal(y.var(0), np.ones(8))


def test_data_dependent_initialization_leaves_a_dead_unit_finite():
    it = made("weight", "dense")
    it.model.layers[1].initialize_from_data(np.zeros((7, 5)))
    np.testing.assert_array_equal(it.values()["gain"], np.ones(8))
    np.testing.assert_array_equal(it.values()["bias"], np.zeros(8))


def test_data_dependent_initialization_takes_a_unit_that_varies_by_rounding_alone_for_a_dead_one():
    it = made("weight", "dense")
    it.model.layers[1].initialize_from_data(1 + 1e-9 * it.input())
    np.testing.assert_array_equal(it.values()["gain"], np.ones(8))


def test_data_dependent_initialization_without_a_bias_leaves_the_mean():
    it = made("weight", "dense", use_bias=False)
    it.model.layers[1].initialize_from_data(it.input())
    y = np.asarray(it(it.input(), True))
    equal(y.var(0), np.ones(8))
    assert np.abs(y.mean(0)).max() > 0.1


def test_the_ramp_of_batch_renorm_is_linear_between_its_steps():
    """From 1 at step 10 to 3 at step 20, and from 0 at step 10 to 5 at step 30."""
    it = made("batch-renorm", "dense", r_max=3.0, d_max=5.0, ramp_start=10, r_ramp_end=20, d_ramp_end=30, plain=True)
    norm = it.model.layers[1]
    found = []
    for step in (0, 10, 15, 20, 25, 40):
        norm.steps.assign(step)
        found.append((1 + 2 * float(norm._ramp(20)), 5 * float(norm._ramp(30))))
    np.testing.assert_allclose(found, [(1, 0), (1, 0), (2, 1.25), (3, 2.5), (3, 3.75), (3, 5)])


def test_each_training_call_is_a_step_of_the_ramp():
    it = made("batch-renorm", "dense", plain=True)
    it(it.input(), True), it(it.input(), False), it(it.input(), True)
    assert it.values()["steps"] == 2


def test_rho_stays_in_its_interval_through_an_optimizers_step():
    it = made("batch-instance", "conv", X.shape, plain=True)
    rho = it.model.layers[1].rho
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([rho])
    for gradient, expected in [(-5.0, 1.0), (0.25, 0.75), (9.0, 0.0)]:
        optimizer.apply([tf.fill((8,), tf.constant(gradient, tf.float64))], [rho])
        np.testing.assert_allclose(rho, np.full(8, expected))
