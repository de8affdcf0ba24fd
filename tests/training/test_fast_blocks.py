"""Blocks in fast forms are the layers that they stand for: outputs, gradients and moving averages.

Held against Keras's own layers, in float64 where both compute in it: only sums in another order may differ.  Gradients
of a bias that a norm subtracts again are zero, and rounding in Keras; they are held against zero.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from bnexp.models.cnn import build
from bnexp.norms.evonorm_b0 import EvoNormB0
from bnexp.norms.filter_response import FilterResponseNormalization
from bnexp.specs.norms.table import METHODS
from bnexp.specs.trial import TrialSpec
from bnexp.training.fast_blocks import with_fast_forms

NORMS = {
    "none": "none",
    "batch": "batch",
    "batch after the activation": {"name": "batch", "place": "after-activation"},
    "batch without biases": {"name": "batch", "use_bias": False},
    "layer": "layer",
    "instance": {"name": "instance", "layers": "conv"},
    "group": {"name": "group", "groups": 4},
    "group on dense layers": {"name": "group", "groups": 4, "layers": "dense"},
    "weight": "weight",
    "spectral": "spectral",
    "layer-channel": "layer-channel",
    "rms": "rms",
    "layer-full": "layer-full",
    "mean-only-batch": "mean-only-batch",
    "batch-renorm": {"name": "batch-renorm", "ramp_start": 0, "r_ramp_end": 0, "d_ramp_end": 0},
    "frozen-batch": {"name": "frozen-batch", "freeze_after": 0},
    "frozen-batch, not yet": "frozen-batch",
    "noisy-batch": "noisy-batch",
    "noisy-batch per example": {"name": "noisy-batch", "noise_per": "example"},
    "noise": "noise",
    "noise per example": {"name": "noise", "noise_per": "example"},
    "ghost-batch": {"name": "ghost-batch", "ghost_size": 4},
    "batch-instance": {"name": "batch-instance", "layers": "conv"},
    "switchable": "switchable",
    "filter-response": {"name": "filter-response", "layers": "conv"},
    "weight-standardized-group": {"name": "weight-standardized-group", "groups": 4},
    "evonorm-s0": {"name": "evonorm-s0", "groups": 4},
    "evonorm-b0": "evonorm-b0",
}
MODEL = {"name": "cnn", "filters": [8, 12, 8], "dense": [8], "pools": 2}


def cnn(norm, image=(28, 28, 1), **model):
    """A model with weights and moving averages unlike those it starts with."""
    keras.utils.set_random_seed(3)
    built = build(TrialSpec.model_validate({"norm": norm, "model": {**MODEL, **model}}), image, 10).model
    generator = np.random.default_rng(5)
    for variable in built.weights:
        low = 0.5 if variable.name in ("gamma", "moving_variance") else -0.3
        variable.assign(variable.numpy() + generator.uniform(low, 0.8, variable.shape) * (variable.name != "kernel"))
    return built


def images(shape, count=6, dtype="float64"):
    """Half of the pixels are black, as on the images' background, so that windows have equals."""
    generator = np.random.default_rng(1)
    return (generator.random((count, *shape)) * (generator.random((count, *shape)) > 0.5)).astype(dtype)


def results(model, compute, x, *, training):
    """Logits, gradients by the paths of weights, and the moving averages afterwards."""
    before = [variable.numpy() for variable in model.variables]  # with the states of dropout
    y = np.arange(len(x)) % 10

    @tf.function
    def step(x):
        values = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(values)
            logits = compute(x, training=training)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        return logits, tape.gradient(loss, values)

    logits, gradients = step(tf.constant(x, model.compute_dtype))
    after = [variable.numpy() for variable in model.non_trainable_variables]
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    paths = [variable.path for variable in model.trainable_variables]
    return logits.numpy(), dict(zip(paths, map(np.asarray, gradients), strict=True)), after


def assert_same(model, use, x, digits, batch_size=1):
    training = use != "inference"
    fast = with_fast_forms(model, use, batch_size)
    assert {id(variable) for variable in fast.variables} == {id(variable) for variable in model.variables}
    found, expected = (results(model, compute, x, training=training) for compute in (fast, model))
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=digits * np.abs(expected[0]).max())
    for path, gradient in expected[1].items():
        size = max(np.abs(gradient).max(), 1e-2)
        np.testing.assert_allclose(found[1][path], gradient, rtol=0, atol=digits * size, err_msg=path)
    for one, other in zip(found[2], expected[2], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=digits * np.abs(other).max())


def test_every_method_is_among_them():
    tried = {each if isinstance(each, str) else each["name"] for each in NORMS.values()}
    assert METHODS.keys() - tried == {"affine"}  # which has no form


BY_BATCH = [norm for norm in NORMS if ("batch" in norm and "noisy" not in norm) or norm in ("switchable", "evonorm-b0")]
"""Whose training mode is that of inference by the statistics of the batch."""
GREY, COLOUR = ((28, 28, 1), "valid"), ((21, 23, 3), "same")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("norm", "use", "image"),
    [
        *((norm, "graph", GREY) for norm in NORMS),
        *((norm, "inference", COLOUR) for norm in NORMS),
        *((norm, "graph", COLOUR) for norm in ("none", "batch", "group", "weight", "evonorm-b0")),
        *((norm, "batch", GREY) for norm in BY_BATCH),
    ],
    ids=str,
)
def test_a_model_in_fast_forms_is_the_model(norm, use, image):
    shape, padding = image
    assert_same(cnn(NORMS[norm], shape, padding=padding), use, images(shape), 1e-11)


STRIDES = [{"strides": 2, "pools": 0}, {"strides": [1, 2, 1], "padding": "same"}]
DROPOUTS = [
    *({"dropout": 0.3, "dropout_place": place, "pools": 1} for place in ("before-norm", "after-norm")),
    {"dropout": 0.3, "dropout_place": "before-output", "dense": []},
]
OTHER_BLOCKS = [
    *((norm, STRIDES[0]) for norm in ("none", "batch", "weight", "evonorm-s0")),
    ("batch", STRIDES[1]),
    *(("batch", model) for model in DROPOUTS),
    *((norm, DROPOUTS[0]) for norm in ("none", "batch after the activation", "evonorm-s0")),
]


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("norm", "model"), OTHER_BLOCKS, ids=str)
def test_so_it_is_with_strides_and_dropout(norm, model):
    assert_same(cnn(NORMS[norm], **model), "graph", images((28, 28, 1)), 1e-11)


def test_a_stride_or_a_dropout_leaves_the_layers_around_it_to_keras():
    def fast(**model):
        built = cnn("batch", filters=[8, 8], pools=0, **model)
        return {layer.name for layer in with_fast_forms(built, "graph", 64).layers}

    assert "conv1_fast" in fast()
    assert {"conv1_fast", "conv2", "conv2_norm_fast", "conv2_relu"} <= fast(strides=[1, 2])
    assert {"conv1", "conv1_dropout", "conv1_norm_fast"} <= fast(dropout=0.3, dropout_place="before-norm")
    assert {"conv1_fast", "conv1_dropout", "conv2_fast"} <= fast(dropout=0.3, dropout_place="after-norm")


@pytest.mark.numeric
@pytest.mark.parametrize(
    "norm", ["none", "batch", "batch after the activation", "layer", "group", "weight", "evonorm-s0"]
)
def test_in_float32_all_but_rounding_is_the_same(norm):
    """Batch normalization's kernel, which there is in float32 alone, is off by 3e-4."""
    assert_same(cnn(NORMS[norm]), "graph", images((28, 28, 1), dtype="float32"), 1e-3, batch_size=10_000)


@pytest.mark.numeric
@pytest.mark.parametrize("norm", [name for name in NORMS if name != "evonorm-b0"])
def test_of_images_with_a_large_mean(norm):
    """Covariances are those of centred columns: E[x²] − E[x]² would have no digit left at 300 ± 0.3."""
    model = cnn(NORMS[norm], (12, 12, 1), filters=[8], pools=1)
    x = images((12, 12, 1), dtype="float32") + 300
    found, expected = (
        results(model, compute, x, training=True)[0] for compute in (with_fast_forms(model, "graph"), model)
    )
    np.testing.assert_allclose(found, expected, atol=1e-2 * np.abs(expected).max())


BLOCKS = {"conv1_fast", "conv2_fast"}
RELUS = {"conv2_relu_fast"}
PATCHES = {"conv2_fast", "conv3_fast"}
CONVOLUTIONS = BLOCKS | {"conv3_fast"}
OTHERS = {"conv2_norm_fast", "conv3_norm_fast", "dense1_norm_fast"}
REPLACED = {
    ("none", "graph", 256): BLOCKS,
    ("none", "graph", 8): BLOCKS | PATCHES,
    ("batch", "graph", 64): CONVOLUTIONS | {"dense1_fast"},
    ("group", "graph", 256): CONVOLUTIONS | {"dense1_norm_fast"},
    ("group", "graph", 8): CONVOLUTIONS | {"dense1_norm_fast"},
    ("ghost-batch", "graph", 64): CONVOLUTIONS,
    ("ghost-batch", "inference", 64): CONVOLUTIONS | {"dense1_fast"},
    ("switchable", "inference", 64): CONVOLUTIONS,
    ("evonorm-b0", "graph", 64): CONVOLUTIONS,
    ("mean-only-batch", "graph", 64): CONVOLUTIONS,
    ("none", "inference", 64): BLOCKS,
    ("batch", "inference", 64): CONVOLUTIONS | {"dense1_fast"},
    ("layer", "inference", 64): CONVOLUTIONS | {"dense1_norm_fast"},
    ("layer-channel", "graph", 256): {"conv1_fast"} | RELUS | OTHERS,
    ("layer-full", "graph", 256): CONVOLUTIONS,
    ("batch", "xla", 64): {"conv1_pool_fast", "conv2_pool_fast"},
    ("group", "xla", 64): {"conv1_pool_fast", "conv2_pool_fast", "conv1_norm_fast"} | OTHERS,
    ("ghost-batch", "xla", 64): {"conv1_pool_fast", "conv2_pool_fast"},
}


@pytest.mark.parametrize(("norm", "use", "batch_size"), REPLACED)
def test_what_is_replaced_in_the_reference_cnn(norm, use, batch_size):
    model = build(TrialSpec.model_validate({"norm": norm}), (28, 28, 1), 10).model
    fast = {layer.name for layer in with_fast_forms(model, use, batch_size).layers}
    assert fast - {layer.name for layer in model.layers} == REPLACED[norm, use, batch_size]


BLOCKS_THAT_STAY = {
    "strides": ({"strides": 2}, {}, {}),
    "dilated": ({"dilation_rate": 2}, {}, {}),
    "an activation of its own": ({"activation": "tanh"}, {}, {}),
    "regularized outputs": ({"activity_regularizer": "l2"}, {}, {}),
    "no scale": ({}, {"scale": False}, {}),
    "frozen": ({}, {"trainable": False}, {}),
    "another axis": ({}, {"axis": 1}, {}),
    "another activation": ({}, {}, {"activation": "tanh"}),
}


@pytest.mark.parametrize("case", BLOCKS_THAT_STAY)
def test_a_block_that_no_form_computes_stays(case):
    of_conv, of_norm, of_relu = BLOCKS_THAT_STAY[case]
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, name="conv", **of_conv)(image)
    x = layers.BatchNormalization(name="norm", **of_norm)(x)
    x = layers.Activation(**{"activation": "relu", **of_relu}, name="relu")(x)
    names = {layer.name for layer in with_fast_forms(keras.Model(image, x), "graph", 10_000).layers}
    assert "conv" in names


def test_what_others_look_at_too_is_not_taken_together():
    image = keras.Input((8, 8, 1))
    linear = layers.Conv2D(4, 3, name="conv")(image)
    y = layers.Activation("relu", name="relu")(layers.BatchNormalization(name="norm")(linear))
    fast = with_fast_forms(keras.Model(image, layers.Add()([linear, y])), "graph", 10_000)
    assert {"conv", "relu", "norm_fast"} <= {layer.name for layer in fast.layers}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("norm", [EvoNormB0, FilterResponseNormalization])
def test_an_activation_after_a_norm_that_brings_its_own(norm):
    image = keras.Input((8, 8, 1))
    x = layers.Activation("relu")(norm()(layers.Conv2D(4, 3)(image)))
    x = layers.Dense(10)(layers.Flatten()(layers.MaxPooling2D(2)(x)))
    model = keras.Model(image, x)
    for variable in model.variables:
        if variable.name == "tau":
            variable.assign(variable - 1.0)
    assert_same(model, "graph", images((8, 8, 1)), 1e-11)


STAYS = {
    "renorm": (layers.BatchNormalization, {"renorm": True}),
    "no scale": (layers.BatchNormalization, {"scale": False}),
    "axis 1": (layers.BatchNormalization, {"axis": 1}),
    "frozen": (layers.BatchNormalization, {"trainable": False}),
    "float16": (layers.BatchNormalization, {"dtype": "mixed_float16"}),
    "regularized outputs": (layers.BatchNormalization, {"activity_regularizer": "l2"}),
    "no centre": (layers.GroupNormalization, {"groups": 4, "center": False}),
    "groups on axis 1": (layers.GroupNormalization, {"groups": 4, "axis": 1}),
    "layer on three axes": (layers.LayerNormalization, {"axis": (1, 2, 3)}),
    "layer without scale": (layers.LayerNormalization, {"scale": False}),
    "rms by an old switch": (layers.LayerNormalization, {"rms_scaling": True}),
}


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling")
@pytest.mark.parametrize("case", STAYS)
def test_a_layer_that_a_form_does_not_compute_stays(case):
    kind, arguments = STAYS[case]
    image, layer = keras.Input((4, 6, 8)), kind(**arguments)
    model = keras.Model(image, layer(image))
    assert with_fast_forms(model, "graph").layers[-1] is layer
