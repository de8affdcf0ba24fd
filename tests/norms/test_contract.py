"""What holds for every method of the table, after a convolution and after a dense layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from made import CASES, made, policy

from bnexp import norms
from bnexp.specs.norms.table import METHODS

ALL = pytest.mark.parametrize("case", CASES, ids="-".join)
ONE_KIND = [
    (name, kind) for name, kind in CASES if kind == "conv" or (name, "conv") not in CASES
]  # where the kind changes nothing that is tested, and the test is slow


def exact(case, policy_name="float64", **arguments):
    """In float64, so that two ways to compute the same agree to 1e-12: a few thousand roundings of 1e-16."""
    with policy(policy_name):
        return made(*case, **arguments)


def same(one, other):
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-11, atol=1e-12)


@ALL
def test_the_table_says_which_variables_it_has(case):
    it = made(*case)
    trained = {v.name: tuple(v.shape) for v in it.model.trainable_variables if v.name not in ("kernel", "bias")}
    assert trained == it.spec.parameter_shapes(it.block)
    assert {v.name: tuple(v.shape) for v in it.model.non_trainable_weights} == it.spec.state_shapes(it.block)


@ALL
@pytest.mark.parametrize(
    ("policy_name", "computes", "keeps"),
    [
        ("float64", "float64", "float64"),
        ("float32", "float32", "float32"),
        ("mixed_float16", "float16", "float32"),
        ("mixed_bfloat16", "bfloat16", "float32"),
    ],
)
def test_the_policy_sets_the_types_and_the_shape_is_kept(case, policy_name, computes, keeps):
    it = exact(case, policy_name)
    y = it(it.input(), True)
    assert keras.backend.standardize_dtype(y.dtype) == computes
    # Steps are counted in float32: integers of 32 bits stay on the CPU, where XLA on a GPU cannot reach them.
    assert {v.dtype for v in it.model.weights} <= {keeps, "float32"}
    assert tuple(y.shape) == (it.shape[0], *it.block.shape)
    assert it.spec.linear_target or tuple(y.shape) == it.shape


@ALL
def test_half_precision_is_near_full_precision(case):
    """float16 has 11 bits; statistics are in float32, so what is left is the rounding of inputs and outputs."""
    half, full = exact(case, "mixed_float16"), exact(case)
    x = half.input()
    reference = np.asarray(full(x, True))
    np.testing.assert_allclose(np.asarray(half(x, True), "float64"), reference, rtol=0.01, atol=0.01)


@ALL
def test_float16s_range_is_enough(case):
    """Inputs up to 30000, whose squares float16 cannot hold; where the method acts on weights, kernels of 1000."""
    it = exact(case, "mixed_float16", plain=True)
    x = it.input()
    if it.spec.linear_target is None:
        x *= 30_000 / np.abs(x).max()
    else:
        it.assign(kernel=1000 * it.values()["kernel"])
        if "gain" in it.values():
            it.assign(gain=1.0)
    for training in (True, False):
        y = np.asarray(it(x, training), "float32")
        of_x, others = it.gradients(x / 30_000, training=training)
        assert all(np.isfinite(value).all() for value in (y, of_x, *others.values()))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "name",
    ["filter-response", "evonorm-s0", "evonorm-b0", "ghost-batch", "batch-instance", "batch-renorm", "switchable"],
)
def test_our_own_layers_round_neither_float32_inputs_nor_their_variables_to_float16(name, training):
    """Inputs up to 500,000 and variances of 1e10 would be infinite in float16; what comes out is of order 1."""
    half, full = exact((name, "conv"), "mixed_float16"), exact((name, "conv"))
    powers = {"moving_mean": 1, "moving_deviation": 1, "moving_variance": 2}
    for it in (half, full):
        it.assign(**{key: 1e5 ** powers[key] * value for key, value in it.values().items() if key in powers})
        it.assign(v=1.0)
    y = np.asarray(half(1e5 * half.input(), training), "float64")
    np.testing.assert_allclose(y, np.asarray(full(1e5 * half.input(), training)), rtol=0.01, atol=0.01)


@ALL
@pytest.mark.filterwarnings(  # Keras 3.15 hands its variables to h5py, which asks numpy for them
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
def test_saved_and_loaded_it_is_the_same_and_trains_on_the_same(case, tmp_path):
    it = exact(case)
    it.model.save(tmp_path / "it.keras")
    again = keras.saving.load_model(tmp_path / "it.keras")
    if it.random:  # how far the numbers have got is not saved, nor is it of Keras's Dropout
        again.layers[-1].seed_generator.state.assign(it.values()["seed_generator_state"])
    x = it.input()
    for training in (False, True, False):
        same(it.model(x, training=training), again(x, training=training))


@ALL
@pytest.mark.parametrize("frozen", [False, True])
def test_at_inference_and_frozen_it_changes_nothing_and_repeats_itself(case, frozen):
    it = exact(case)
    it.model.trainable = not frozen
    x, before = it.input(), it.values()
    np.testing.assert_array_equal(it(x, frozen), it(x, False))
    for name, value in it.values().items():
        np.testing.assert_array_equal(value, before[name])


@ALL
def test_training_changes_what_the_table_calls_state_and_modes_differ_where_it_is_of_the_batch(case):
    it = exact(case)
    before = it.values()
    training = it(it.input(), True)
    changed = {name for name, value in it.values().items() if not np.array_equal(value, before[name])}
    assert changed == set(it.spec.state) | ({"seed_generator_state"} if it.random else set())
    inference = it(it.input(), False)
    if it.spec.batch_dependent or it.random:
        assert np.abs(np.asarray(training) - np.asarray(inference)).max() > 1e-3
    else:  # the spectral norm moved its vector in training, and inference uses the moved one
        same(training, inference)


@ALL
def test_gradients_are_finite_where_inputs_do_not_vary(case):
    for x in (np.zeros, np.ones):
        for training in (True, False):
            it = exact(case, "float32")
            of_x, others = it.gradients(3 * x(it.shape), training=training)
            assert all(np.isfinite(value).all() for value in (of_x, *others.values()))


@pytest.mark.parametrize("name", [name for name, row in METHODS.items() if row.linear_target])
@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_gradients_are_finite_for_a_kernel_of_zeros(name, kind):
    it = exact((name, kind), "float32")
    it.assign(kernel=0.0)
    of_x, others = it.gradients(it.input())
    assert all(np.isfinite(value).all() for value in (it(it.input(), True), of_x, *others.values()))


@ALL
def test_every_parameter_has_a_gradient_but_for_a_bias_just_where_the_table_calls_it_redundant(case):
    """Redundant: a number added to a whole channel changes no loss in training."""
    it = exact(case)
    it.assign(steps=1000)  # of batch renormalization beyond its ramp; frozen statistics no longer remove a bias
    of_x, others = it.gradients(it.input(), np.random.default_rng(2).normal(0, 1, (it.shape[0], *it.block.shape)))
    others.setdefault("bias", of_x.reshape(-1, it.shape[-1]).sum(0))  # of a linear layer before it
    redundant = {"bias"} if it.spec.bias_redundant(it.block) else set()
    assert {name for name, value in others.items() if np.abs(value).max() < 1e-9} == redundant


@ALL
@pytest.mark.parametrize("training", [True, False])
def test_an_example_depends_on_its_batch_in_training_alone_and_just_where_the_table_says_so(case, training):
    it = exact(case)
    if it.spec.state.get("singular_vector") or case[0] == "noise":
        it.model.trainable = False  # the power method goes on from call to call, whatever the batch; and so does noise
    x = it.input()
    together, alone = np.asarray(it(x, training))[1:3], np.asarray(it(x[1:3], training))
    if it.spec.batch_dependent and training:
        assert np.abs(together - alone).max() > 1e-3
    else:
        same(together, alone)


@pytest.mark.numeric
@ALL
def test_in_a_graph_with_an_open_batch_size_it_computes_the_same(case):
    eager, graph = exact(case), exact(case)
    signature = [tf.TensorSpec((None, *eager.shape[1:]), tf.float64)]
    call = tf.function(lambda x: graph.model(x, training=True), input_signature=signature)
    for examples in (eager.shape[0], 2):
        x = eager.input()[:examples]
        same(call(tf.constant(x)), eager(x, True))
    for name, value in graph.values().items():
        same(value, eager.values()[name])


@pytest.mark.numeric
@pytest.mark.parametrize("case", ONE_KIND, ids="-".join)
def test_under_xla_it_computes_the_same_with_its_gradients(case):
    no_noise = {"shift_limit": 0, "scale_limit": 1, "shift_spread": 0, "scale_spread": 0}
    arguments = no_noise if made(*case).random else {}  # XLA draws other numbers
    eager, compiled = exact(case, **arguments), exact(case, **arguments)
    x = eager.input()

    @tf.function(jit_compile=True)
    def step(value):
        with tf.GradientTape() as tape:
            tape.watch(value)
            y = compiled.model(value, training=True)
            loss = tf.reduce_sum(y * y)
        return y, tape.gradient(loss, value)

    y, gradient = step(tf.constant(x))
    same(y, exact(case, **arguments)(x, True))
    np.testing.assert_allclose(gradient, eager.gradients(x)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "case",
    [
        case if case in ONE_KIND else pytest.param(case, marks=pytest.mark.slow)
        for case in CASES
        if case[0] != "noise"  # which trains nothing
    ],
    ids="-".join,
)
def test_it_learns(case):
    """Ten steps of plain gradient descent through Keras's own `fit` lower the loss."""
    it = exact(case, "float32", plain=True)
    x = it.input()
    target = np.random.default_rng(3).normal(0, 1, (it.shape[0], *it.block.shape))
    it.model.compile(keras.optimizers.SGD(0.05), "mse")
    losses = it.model.fit(x, target, batch_size=len(x), epochs=10, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["weight", "spectral"])
@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_the_rule_for_the_kernel_sees_more_than_the_compute_dtype_holds(name, kind):
    """Both rules undo the scale of the kernel.  float16 knows nothing between 0 and 6e-8."""
    plain, tiny = (exact((name, kind), "mixed_float16") for _ in range(2))
    tiny.assign(kernel=1e-9 * plain.values()["kernel"])
    found, expected = (np.asarray(it(plain.input(), True), "float64") for it in (tiny, plain))
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("name", ["WeightNormDense", "WeightStandardizedDense", "SpectralNormDense"])
def test_a_linear_layer_applies_its_activation_after_the_bias(name):
    x = np.random.default_rng(6).normal(0, 1, (7, 5)).astype("float32")
    layer, linear = getattr(norms, name)(4, activation="relu"), getattr(norms, name)(4)
    layer.build(x.shape), linear.build(x.shape)
    linear.bias.assign([0.5, -0.5, 1, -1])
    layer.set_weights(linear.get_weights())
    np.testing.assert_array_equal(layer(x), np.maximum(linear(x), 0))


def test_the_first_singular_vector_is_that_of_its_seed():
    def started(seed):
        layer = norms.SpectralNormDense(4, vector_seed=seed)
        layer.build((None, 5))
        return layer.singular_vector.numpy()

    np.testing.assert_array_equal(started(3), started(3))
    assert not np.array_equal(started(3), started(4))


@pytest.mark.parametrize("name", ["Affine", "EvoNormS0", "GhostBatchNormalization"])
def test_a_built_layer_refuses_another_number_of_channels(name):
    """With one channel γ would be broadcast, and nobody would notice."""
    layer = getattr(norms, name)()
    layer.build((None, 8))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 8"):
        layer(np.ones((2, 1), "float32"))


@pytest.mark.numeric
@pytest.mark.parametrize("name", ["ghost-batch", "batch-instance", "batch-renorm"])
def test_a_large_mean_costs_no_digits(name):
    """At a mean of 1000 float32 has steps of 6e-5; mean of squares minus square of mean would be wrong by 0.1."""
    single, double = exact((name, "conv"), "float32"), exact((name, "conv"))
    x = np.round(16 * single.input()) / 16 + 1000  # float32 holds these exactly
    np.testing.assert_allclose(single(x, True), double(x, True), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["WeightNormConv2D", "WeightStandardizedConv2D", "SpectralNormConv2D"])
def test_a_convolution_refuses_channels_first(name):
    """The bias would be added along the width."""
    with pytest.raises(ValueError, match="takes data_format='channels_last'; received 'channels_first'"):
        getattr(norms, name)(4, 3, data_format="channels_first").build((None, 3, 6, 6))
