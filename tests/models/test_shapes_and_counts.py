"""What each model is made of, counted by hand, and that variants of one seed start from the same kernels."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from bnexp.lazy import attribute
from bnexp.models.blocks import Built
from bnexp.models.own_state import inside
from bnexp.specs.norms.table import METHODS
from bnexp.specs.trial import TrialSpec
from bnexp.training.initial import initial_weights, paths

IMAGE = (28, 28, 1)


def built(**blocks: Any) -> tuple[TrialSpec, Built]:
    spec = TrialSpec.model_validate(blocks)
    return spec, attribute(spec.model.target)(spec, IMAGE, 10)


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
    # four gates of 64, each of 28 inputs, 64 states and a bias; 64·10+10
    ({"model": "lstm"}, 4 * 64 * (28 + 64 + 1) + 650),
    ({"model": "lstm", "norm": "layer"}, 4 * 64 * (28 + 64 + 1) + 650 + 2 * 28 + 2 * 64),
    ({"model": "lstm", "norm": {"name": "layer", "layers": "state"}}, 4 * 64 * (28 + 64 + 1) + 650 + 2 * 64),
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


@pytest.mark.parametrize("model", ["cnn", "mlp", "lstm"])
def test_the_state_of_dropout_is_named_after_its_layer_however_many_models_were_built_before(model):
    seeds = [[path for path in paths(built(model={"name": model, "dropout": 0.5})[1].model) if "seed" in path]] * 2
    assert seeds[0] == [path for path in paths(built(model={"name": model, "dropout": 0.5})[1].model) if "seed" in path]
    assert all(path.partition("/")[0].endswith(("_dropout", "lstm")) for path in seeds[0])


def normalized_rows(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows of random images, and what goes into the LSTM, while training."""
    model = built(model={"name": "lstm", "units": 4}, norm=norm)[1].model
    part = tf.keras.Model(model.input, model.get_layer("lstm").input)
    images = np.random.default_rng(1).normal(2, 3, (5, *IMAGE)).astype("float32")
    return images[..., 0].astype(float), part(images, training=True).numpy()


@pytest.mark.parametrize(
    ("norm", "sequences", "axes"),
    [
        ({"name": "layer"}, 5, 2),  # each row by itself
        ({"name": "batch"}, 5, (0, 1)),  # the batch and all rows
        ({"name": "ghost-batch", "ghost_size": 2}, 2, (0, 1)),  # a chunk counts sequences
    ],
)
def test_a_norm_on_the_rows_of_an_lstm_takes_statistics_over(norm, sequences, axes):
    rows, got = (each[:sequences] for each in normalized_rows({**norm, "layers": "rows"}))
    expected = (rows - rows.mean(axes, keepdims=True)) / np.sqrt(rows.var(axes, keepdims=True) + 1e-3)
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
