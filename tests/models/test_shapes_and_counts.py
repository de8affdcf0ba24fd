"""What each model is made of, counted by hand, and that variants of one seed start from the same kernels."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from bnexp.lazy import attribute
from bnexp.models.blocks import Built
from bnexp.models.lstm import permutation
from bnexp.models.own_state import inside
from bnexp.specs.norms.table import METHODS
from bnexp.specs.trial import TrialSpec
from bnexp.training.initial import fingerprint, initial_weights, paths

IMAGE = (28, 28, 1)


def built(**blocks: Any) -> tuple[TrialSpec, Built]:
    spec = TrialSpec.model_validate(blocks)
    return spec, attribute(spec.model.target)(spec, IMAGE, 10)


DEEP = {
    "name": "cnn",
    "filters": [8] * 7 + [16] * 6 + [32] * 6,
    "strides": [1] * 7 + [2] + [1] * 5 + [2] + [1] * 5,
    "padding": "same",
    "pools": 0,
    "dense": [],
}
"""19 convolutions."""
COUNTS = [
    # 9·32+32, 288·64+64, 576·64+64, 576·64+64, 64·10+10
    ({"model": "cnn"}, 320 + 18_496 + 36_928 + 36_928 + 650),
    # 784·256+256, 256·128+128, 128·10+10
    ({"model": "mlp"}, 200_960 + 32_896 + 1_290),
    ({"model": {"name": "mlp", "widths": [5]}}, 784 * 5 + 5 + 5 * 10 + 10),
    ({"model": {"name": "mlp", "widths": [5]}, "norm": "batch"}, 784 * 5 + 5 + 2 * 5 + 5 * 10 + 10),
    ({"model": {"name": "mlp", "widths": [5]}, "norm": {"name": "batch", "use_bias": False}}, 784 * 5 + 10 + 60),
    ({"model": {"name": "mlp", "widths": [5]}, "norm": {"name": "none", "use_bias": False}}, 784 * 5 + 60),
    # the biases of the three convolutions, and not that of the dense layer, which is not normalized
    (
        {"model": "cnn", "norm": {"name": "batch", "layers": "conv", "use_bias": False}},
        320 + 18_496 + 36_928 + 36_928 + 650 - 160 + 2 * 160,
    ),
    ({"model": {"name": "mlp", "widths": [5]}, "norm": "weight"}, 784 * 5 + 5 + 5 + 5 * 10 + 10),
    ({"model": {"name": "mlp", "width": 5, "depth": 3}}, 784 * 5 + 5 + 2 * (5 * 5 + 5) + 5 * 10 + 10),
    # 28x28 to 14x14 to 7x7 pixels: 80 + 6·584, 1168 + 5·2320, 4640 + 5·9248, and 7·7·32·10 + 10
    ({"model": DEEP}, 80 + 3_504 + 1_168 + 11_600 + 4_640 + 46_240 + 15_690),
    ({"model": DEEP, "norm": "batch"}, 82_922 + 2 * (7 * 8 + 6 * 16 + 6 * 32)),
    # four gates of 64, each of 28 inputs, 64 states and a bias; 64·10+10
    ({"model": "lstm"}, 4 * 64 * (28 + 64 + 1) + 650),
    ({"model": "lstm", "norm": "layer"}, 4 * 64 * (28 + 64 + 1) + 650 + 2 * 28 + 2 * 64),
    ({"model": "lstm", "norm": {"name": "layer", "layers": "state"}}, 4 * 64 * (28 + 64 + 1) + 650 + 2 * 64),
    ({"model": "lstm", "norm": {"name": "batch", "place": "inputs"}}, 4 * 64 * (28 + 64 + 1 + 1) + 650),
    ({"model": "lstm", "norm": {"name": "batch", "place": "in-cell"}}, 4 * 64 * (28 + 64 + 1 + 2) + 2 * 64 + 650),
    ({"model": "lstm", "norm": {"name": "layer", "place": "in-cell"}}, 4 * 64 * (28 + 64 + 1 + 4) + 2 * 64 + 650),
    ({"model": {"name": "lstm", "sequence": "pixels"}}, 4 * 64 * (1 + 64 + 1) + 650),
    ({"model": {"name": "lstm", "sequence": "columns", "downsample": 2}}, 4 * 64 * (14 + 64 + 1) + 650),
]


@pytest.mark.parametrize(("blocks", "trainable"), COUNTS, ids=str)
def test_trainable_parameters_are_those_counted_by_hand(blocks, trainable):
    _, network = built(**blocks)
    assert sum(int(np.prod(variable.shape)) for variable in network.model.trainable_variables) == trainable


FITS = [
    (model, name)
    for model in ("cnn", "mlp", "lstm")
    for name in METHODS
    if not (model == "mlp" and name in ("instance", "batch-instance", "filter-response"))
    and not (model == "lstm" and METHODS[name].linear_target)
    and not (model == "lstm" and name in ("instance", "batch-instance", "filter-response", "evonorm-s0", "evonorm-b0"))
]


@pytest.mark.parametrize(("model", "norm"), FITS)
def test_every_method_that_fits_gives_logits_and_leaves_the_kernels_of_the_seed(model, norm):
    extra = {"groups": 4} if "groups" in METHODS[norm].model_fields else {}
    spec, network = built(model=model, norm={"name": norm, **extra})
    images = np.random.default_rng(0).uniform(size=(6, *IMAGE)).astype("float32")
    assert network.model(images, training=True).shape == (6, 10)
    plain_spec, plain = built(model=model)
    kernels = {path: value for path, value in drawn(plain_spec, plain).items() if path.endswith("kernel")}
    others = drawn(spec, network)
    assert len(kernels) > 1
    for path, kernel in kernels.items():
        np.testing.assert_array_equal(others[path], kernel, err_msg=path)


def drawn(spec: TrialSpec, network: Built) -> dict[str, np.ndarray]:
    return initial_weights(network, spec.model, 3, [variable.numpy() for variable in network.model.variables])


def test_a_recurrent_kernel_is_orthogonal_and_scaled_and_comes_from_the_seed():
    spec, network = built(model={"name": "lstm", "units": 8, "initial_scale": 3.0})
    kernel = drawn(spec, network)["lstm/lstm_cell/recurrent_kernel"]
    np.testing.assert_allclose(kernel @ kernel.T, 9 * np.eye(8), atol=1e-5)
    np.testing.assert_array_equal(drawn(*built(model=spec.model))["lstm/lstm_cell/recurrent_kernel"], kernel)


def test_the_blocks_of_a_spec_have_the_shapes_of_the_layers():
    """Counted by the spec before anything is built, valid and same, with strides that do not divide the image."""
    sizes = {}
    for padding in ("valid", "same"):
        model = {"name": "cnn", "filters": [2] * 3, "kernel_size": 2, "strides": [3, 1, 2], "pools": 1}
        spec, network = built(model={**model, "padding": padding})
        expected = [network.model.get_layer(block.name).output.shape[1:] for block in spec.model.blocks(IMAGE)]
        assert [block.shape for block in spec.model.blocks(IMAGE)] == expected
        sizes[padding] = [shape[0] for shape in expected[:3]]
    assert sizes == {"valid": [9, 3, 1], "same": [10, 5, 3]}


@pytest.mark.parametrize("model", ["cnn", "mlp", "lstm"])
def test_the_state_of_dropout_is_named_after_its_layer_however_many_models_were_built_before(model):
    seeds = [[path for path in paths(built(model={"name": model, "dropout": 0.5})[1].model) if "seed" in path]] * 2
    assert seeds[0] == [path for path in paths(built(model={"name": model, "dropout": 0.5})[1].model) if "seed" in path]
    assert all(path.partition("/")[0].endswith(("_dropout", "lstm")) for path in seeds[0])


def sequences(norm: Any, **model: Any) -> tuple[np.ndarray, np.ndarray]:
    """Random images, (5,28,28), and the sequences that go into the LSTM, (5,T,F), while training."""
    model = built(model={"name": "lstm", "units": 4, **model}, norm=norm)[1].model
    part = tf.keras.Model(model.input, model.get_layer("lstm").input)
    images = np.random.default_rng(1).normal(2, 3, (5, *IMAGE)).astype("float32")
    return images[..., 0].astype(float), part(images, training=True).numpy()


def means(images: np.ndarray) -> np.ndarray:
    """Of blocks of 2x2 pixels."""
    return (images[:, ::2, ::2] + images[:, ::2, 1::2] + images[:, 1::2, ::2] + images[:, 1::2, 1::2]) / 4


MEANS = {"downsample": 2}
SEQUENCES = [
    ({}, lambda images: images),
    (MEANS, means),
    ({"sequence": "columns"}, lambda images: images.transpose(0, 2, 1)),
    ({"sequence": "columns", **MEANS}, lambda images: means(images).transpose(0, 2, 1)),
    ({"sequence": "pixels"}, lambda images: images.reshape(5, 784, 1)),
    ({"sequence": "pixels", **MEANS}, lambda images: means(images).reshape(5, 196, 1)),
    ({"sequence": "pixels", "order": "permuted"}, lambda images: images.reshape(5, 784, 1)[:, permutation(784)]),
]


@pytest.mark.parametrize(("model", "expected"), SEQUENCES, ids=[str(model) for model, _ in SEQUENCES])
def test_an_lstm_reads_the_image_by(model, expected):
    images, got = sequences("none", **model)
    np.testing.assert_allclose(got, expected(images), atol=1e-5)


@pytest.mark.parametrize("steps", [196, 784])
def test_permuted_pixels_come_each_once_in_one_order_that_never_changes(steps):
    order = permutation(steps)
    assert sorted(order) == list(range(steps))
    assert fingerprint([order.astype("<i8")]) == {196: "616be5aacb302e3b", 784: "849332f57463ebcd"}[steps]


def test_the_pixels_of_a_colour_image_have_three_numbers():
    spec = TrialSpec.model_validate({"model": {"name": "lstm", "sequence": "pixels", "downsample": 4}})
    inputs, _ = spec.model.blocks((32, 32, 3))
    assert inputs.shape == (3,)
    assert attribute(spec.model.target)(spec, (32, 32, 3), 10).model.get_layer("pixels").output.shape == (None, 64, 3)


ROWS, COLUMNS, PIXELS = ({"sequence": name} for name in ("rows", "columns", "pixels"))


@pytest.mark.parametrize(
    ("model", "norm", "examples", "axes"),
    [
        (ROWS, {"name": "layer", "layers": "rows"}, 5, 2),  # each row by itself
        (ROWS, {"name": "layer", "layers": "inputs"}, 5, 2),
        (COLUMNS, {"name": "layer", "layers": "inputs"}, 5, 2),
        (ROWS, {"name": "batch", "layers": "rows"}, 5, (0, 1)),  # the batch and all rows
        (COLUMNS, {"name": "batch", "layers": "inputs"}, 5, (0, 1)),
        (PIXELS, {"name": "batch", "layers": "all"}, 5, (0, 1)),  # the batch and all pixels
        (ROWS, {"name": "ghost-batch", "ghost_size": 2, "layers": "rows"}, 2, (0, 1)),  # a chunk counts sequences
    ],
)
def test_a_norm_on_the_inputs_of_an_lstm_takes_statistics_over(model, norm, examples, axes):
    steps, got = (each[:examples] for each in (sequences("none", **model)[1], sequences(norm, **model)[1]))
    expected = (steps - steps.mean(axes, keepdims=True)) / np.sqrt(steps.var(axes, keepdims=True) + 1e-3)
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize(
    ("norm", "order"),
    [
        ({"name": "batch", "place": "before-activation"}, ["dense1", "dense1_norm", "dense1_relu"]),
        ({"name": "batch", "place": "after-activation"}, ["dense1", "dense1_relu", "dense1_norm"]),
        ({"name": "evonorm-s0", "groups": 2}, ["dense1", "dense1_norm"]),  # brings its activation
    ],
)
def test_the_norm_stands_where_its_place_says(norm, order):
    model = built(model={"name": "mlp", "widths": [8]}, norm=norm)[1].model
    assert [layer.name for layer in model.layers][2:] == [*order, "output"]


def test_layers_conv_leaves_the_dense_layer_alone():
    _, network = built(norm={"name": "group", "layers": "conv"})
    assert [norm.layer.name for norm in network.norms] == ["conv1_norm", "conv2_norm", "conv3_norm"]
    found = [layer for layer in inside(network.model) if isinstance(layer, tf.keras.layers.GroupNormalization)]
    assert found == [norm.layer for norm in network.norms]


NORMS = [
    ("cnn", "batch", {"conv1": ["gamma", "beta"], "dense1": ["gamma", "beta"]}),
    ("cnn", "weight", {"conv1": ["gain"], "dense1": ["gain"]}),
    ("cnn", "spectral", {"conv1": [], "dense1": []}),
    ("cnn", "weight-standardized-group", {"conv1": ["gamma", "beta"], "dense1": ["gamma", "beta"]}),
    ("cnn", "mean-only-batch", {"conv1": ["gain", "beta"], "dense1": ["gain", "beta"]}),
    ("mlp", "rms", {"dense1": ["scale"]}),
    ("lstm", "layer", {"rows": ["gamma", "beta"], "state": ["gamma", "beta"]}),
]


@pytest.mark.parametrize(("model", "norm", "expected"), NORMS)
def test_a_builder_tells_each_norm_with_its_block_linear_layer_and_parameters(model, norm, expected):
    """By identity, not by name: a method that acts on weights is its linear layer, and adds neither kernel nor bias."""
    sizes = {"cnn": {"filters": [8], "dense": [8], "pools": 1}, "mlp": {"widths": [8]}, "lstm": {"units": 4}}[model]
    extra = {"groups": 4} if "groups" in METHODS[norm].model_fields else {}
    _, network = built(model={"name": model, **sizes}, norm={"name": norm, **extra})
    found: dict[str, list[str]] = {}
    for one in network.norms:
        assert one.layer in network.model.layers
        assert one.linear is (None if model == "lstm" else network.model.get_layer(one.block.name))
        found.setdefault(one.block.name, []).extend(variable.name for variable in one.parameters)
    assert found == expected
