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
        ("frozen-batch", {}, "batch", X),  # as long as it is not frozen
        ("batch-instance", {}, "batch", X),  # ρ starts at 1
        ("batch", {}, "instance", X[:1]),
    ],
)
def test_one_method_is_another_while_training(one, arguments, other, x):
    equal_with_gradients(layer(one, x, **arguments), layer(other, x), x)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ghost-batch", {"ghost_size": 6}),
        ("batch-renorm", {"r_max": 1.0, "d_max": 0.0, **CONSTANT_LIMITS}),
        ("batch-instance", {}),
        ("switchable", {}),
        ("evonorm-b0", {}),
        ("frozen-batch", {}),
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


@pytest.mark.parametrize(
    ("x", "members"), [(X, ["instance", "layer", "batch"]), (FLAT, ["layer", "batch"])], ids=["conv", "dense"]
)
def test_switchable_with_all_weight_on_one_member_is_that_member(x, members):
    for member in members:
        it = layer("switchable", x)
        # The softmax of the others is exp(−200) of the first: nothing in float64.
        logits = np.array([0.0 if one == member else -200.0 for one in members])
        it.assign(mean_logits=logits, variance_logits=logits)
        equal_with_gradients(it, layer(member, x), x)


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


@pytest.mark.parametrize(("name", "of_each_unit"), [("weight", True), ("spectral", False)])
@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_the_gradient_is_at_right_angles_to_what_may_be_scaled(name, of_each_unit, kind):
    """Weight norm undoes the scale of each unit's weights, W/σ₁(W) that of W: only with a gradient through σ₁."""
    it = made(name, kind)
    it(it.input(), True)
    _, others = it.gradients(it.input(), np.random.default_rng(1).normal(0, 1, (it.shape[0], *it.block.shape)))
    gradient, kernel = others["kernel"], it.values()["kernel"]
    products = (gradient * kernel).reshape(-1, 8).sum(0)
    off = np.abs(products).max() if of_each_unit else abs(products.sum())
    assert off < 1e-12 * np.linalg.norm(gradient) * np.linalg.norm(kernel)


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_the_power_method_finds_the_largest_singular_value(kind):
    it = made("spectral", kind, power_iterations=60)
    for _ in range(5):
        it(it.input(), True)
    kernel = it.model.layers[1].effective_kernel().numpy()
    assert np.linalg.svd(kernel.reshape(-1, 8))[1][0] == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_data_dependent_initialization_makes_a_first_batch_of_mean_0_and_variance_1(kind):
    it = made("weight", kind)
    it.model.layers[1].initialize_from_data(it.input())
    y = np.asarray(it(it.input(), True)).reshape(-1, 8)
    equal(y.mean(0), np.zeros(8))
    equal(y.var(0), np.ones(8))


@pytest.mark.parametrize("scale", [0, 1e-9])
def test_data_dependent_initialization_gives_a_unit_that_is_constant_but_for_rounding_the_gain_1(scale):
    it = made("weight", "dense")
    it.model.layers[1].initialize_from_data(bool(scale) + scale * it.input())
    np.testing.assert_array_equal(it.values()["gain"], np.ones(8))
    assert scale or not it.values()["bias"].any()


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
