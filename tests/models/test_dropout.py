"""Where dropout stands, and that what is dropped is the same in all variants of one seed."""

from typing import Any

import keras
import numpy as np
import pytest

from bnexp.lazy import attribute
from bnexp.models.blocks import Built
from bnexp.specs.trial import TrialSpec
from bnexp.training.initial import initial_weights

IMAGE = (28, 28, 1)
CNN = {"name": "cnn", "filters": [4, 4], "pools": 1, "dense": [8], "dropout": 0.4}
BATCH = {"name": "batch", "place": "before-activation"}
LAST = {"name": "batch", "place": "after-activation"}


def started(norm: Any, **model: Any) -> Built:
    spec = TrialSpec.model_validate({"model": {**CNN, **model}, "norm": norm})
    built: Built = attribute(spec.model.target)(spec, IMAGE, 10)
    weights = initial_weights(built, spec.model, 3, [variable.numpy() for variable in built.model.variables])
    for variable, value in zip(built.model.variables, weights.values(), strict=True):
        variable.assign(value)
    return built


def layers(norm: Any, **model: Any) -> str:
    """The layers between image and output, of each its kind."""
    names = [layer.name for layer in started(norm, **model).model.layers[1:-1]]
    return " ".join(name.rpartition("_")[2] for name in names)


ORDERS = [
    ("none", "after-dense", "conv1 relu pool conv2 relu flatten dense1 relu dropout"),
    ("none", "before-output", "conv1 relu pool conv2 relu flatten dense1 relu dropout"),
    ("none", "before-norm", "conv1 dropout relu pool conv2 dropout relu flatten dense1 dropout relu"),
    ("none", "after-norm", "conv1 relu pool dropout conv2 relu dropout flatten dense1 relu dropout"),
    (
        BATCH,
        "before-norm",
        "conv1 dropout norm relu pool conv2 dropout norm relu flatten dense1 dropout norm relu",
    ),
    (
        LAST,
        "before-norm",
        "conv1 relu dropout norm pool conv2 relu dropout norm flatten dense1 relu dropout norm",
    ),
    (
        LAST,
        "after-norm",
        "conv1 relu norm pool dropout conv2 relu norm dropout flatten dense1 relu norm dropout",
    ),
    (
        {**LAST, "layers": "conv"},  # a block without a norm is one of `none`
        "before-norm",
        "conv1 relu dropout norm pool conv2 relu dropout norm flatten dense1 dropout relu",
    ),
    (
        {"name": "evonorm-s0", "groups": 2},
        "before-norm",
        "conv1 dropout norm pool conv2 dropout norm flatten dense1 dropout norm",
    ),
    ("weight", "before-norm", "conv1 dropout relu pool conv2 dropout relu flatten dense1 dropout relu"),
]  # fmt: skip


@pytest.mark.parametrize(("norm", "place", "order"), ORDERS, ids=[f"{norm} {place}" for norm, place, _ in ORDERS])
def test_dropout_stands(norm, place, order):
    assert layers(norm, dropout_place=place) == order


@pytest.mark.parametrize(
    ("model", "order"),
    [
        ({"dense": []}, "conv1 relu pool conv2 relu dropout flatten"),
        ({"dense": [], "filters": []}, "dropout flatten"),
        ({"dense": [8, 8]}, "conv1 relu pool conv2 relu flatten dense1 relu dense2 relu dropout"),
    ],
)
def test_before_the_output_alone_it_is_at_the_end_of_the_last_block(model, order):
    assert layers("none", dropout_place="before-output", **model) == order


@pytest.mark.parametrize("place", ["after-dense", "after-norm", "before-output"])
def test_an_mlp_drops_the_same(place):
    mlp = {"name": "mlp", "widths": [8], "dropout": 0.4, "dropout_place": place}
    spec = TrialSpec.model_validate({"model": mlp})
    names = [layer.name for layer in attribute(spec.model.target)(spec, IMAGE, 10).model.layers]
    assert names == ["image", "flatten", "dense1", "dense1_relu", "dense1_dropout", "output"]


def kept(built: Built, name: str, x: np.ndarray, step: int) -> np.ndarray:
    """Which numbers the dropout of a block keeps (1) or drops (0) in a training step (from 0); −1 what was 0 before."""
    layer = built.model.get_layer(f"{name}_dropout")
    through = keras.Model(built.model.input, [layer.input, layer.output])
    for _ in range(step + 1):
        given, found = (np.asarray(each) for each in through(x, training=True))
    return np.where(given == 0, -1, found != 0)


@pytest.mark.parametrize("place", ["before-norm", "after-norm"])
@pytest.mark.parametrize("name", ["conv1", "conv2", "dense1"])
def test_variants_of_one_seed_drop_the_same(place, name):
    """In every step, where both have numbers to drop."""
    x = np.random.default_rng(0).uniform(size=(5, *IMAGE)).astype("float32")
    for step in (0, 2):
        one, *others = (
            kept(started(norm, dropout_place=place), name, x, step) for norm in ("none", BATCH, LAST, "layer")
        )
        for other in others:
            both = (one != -1) & (other != -1)
            assert both.mean() > 0.2
            np.testing.assert_array_equal(one[both], other[both])
        assert 0.2 < (one[one != -1] == 0).mean() < 0.6


def test_no_two_blocks_and_no_two_steps_drop_the_same():
    built = started("none", dropout_place="before-norm", dense=[676], filters=[4, 4], pools=0)
    states = {variable.path: variable.numpy()[0] for variable in built.model.variables if "seed" in variable.path}
    assert len(set(states.values())) == len(states) == 3
    x = np.random.default_rng(0).uniform(size=(5, *IMAGE)).astype("float32")
    first, second = (kept(started("none", dropout_place="before-norm"), "conv1", x, step) for step in (0, 1))
    assert (first != second).any()
