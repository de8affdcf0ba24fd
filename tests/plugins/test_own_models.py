"""A user's own model: read, called with the variant's norm, paired however it is written, or refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from test_whole_runs import bnexp

from bnexp.config.load import from_mapping, load
from bnexp.config.mistakes import ConfigError
from bnexp.errors import UserError
from bnexp.records.record import TrialRecord
from bnexp.specs.experiment import foreign_code
from bnexp.specs.trial import Trial
from bnexp.training import Trainer
from bnexp.training.program import Program
from bnexp.training.resources import trains_with
from bnexp.usercode.code import in_use

CONFIGS = (Path(__file__).parents[2] / "configs/README.md").read_text()
SOURCE = """
import random

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def plain(inputs, classes, norm, width=4, dropout=0.0, deep=False):
    x = layers.Conv2D(width, 3, strides=4, name="conv1")(inputs)
    x = layers.Activation("relu")(norm(x, "conv1"))
    x = layers.Dropout(dropout, name="drop")(layers.GlobalAveragePooling2D()(x))
    x = layers.Activation("relu")(norm(layers.Dense(6, name="dense1")(x), "dense1"))
    return layers.Dense(classes, name="output")(x)


def careless(inputs, classes, norm):
    # No names, numbers from everywhere, one initializer for several layers, a layer that is called twice.
    start = keras.initializers.HeNormal()
    x = norm(layers.Conv2D(4, 3, strides=4, kernel_initializer=start)(inputs), "first")
    x = norm(layers.Conv2D(4, 3, kernel_initializer=start)(x) + random.random(), "second")
    again = layers.Dense(4, kernel_initializer=lambda shape, dtype: np.random.normal(size=shape))
    x = layers.Dropout(0.5)(again(again(x)))
    x = layers.Flatten()(layers.GaussianNoise(0.1)(x + np.random.default_rng().normal()))
    x = norm(x, "third")
    x = layers.Dense(4, kernel_initializer=keras.initializers.Constant(random.random()))(x)
    return layers.Dense(classes)(x)


def fixed(inputs, classes, norm):
    start = keras.initializers.HeNormal(seed=5)
    return layers.Dense(classes, kernel_initializer=start, name="output")(norm(layers.Flatten()(inputs), "image"))


def normalizes(inputs, classes, norm):
    x = layers.BatchNormalization(name="mine")(layers.Flatten()(inputs))
    return layers.Dense(classes, name="output")(norm(x, "image"))


def wrong(inputs, classes, norm, how):
    x = layers.Conv2D(4, 3, strides=4, name="conv1")(inputs)
    flat, dense = layers.Flatten()(x), layers.Dense(classes, name="output")
    if how == "twice":
        return dense(norm(norm(flat, "a"), "a"))
    if how == "unnamed":
        return dense(norm(flat, None))
    if how == "sequence":
        return dense(layers.Flatten()(norm(layers.Reshape((-1, 4))(x), "a")))
    if how == "array":
        return dense(flat + norm(np.ones(4), "a"))
    if how == "unused":
        norm(layers.Dense(3)(flat), "a")
        return dense(norm(flat, "b"))
    if how == "inner":
        image = keras.Input(x.shape[1:])
        return dense(layers.Flatten()(keras.Model(image, norm(layers.Conv2D(3, 3)(image), "a"))(x)))
    if how == "name taken":
        return dense(layers.Activation("relu", name="a_norm")(norm(flat, "a")))
    if how == "nowhere":
        return dense(flat)
    flat = norm(flat, "a")
    if how == "softmax":
        return layers.Activation("softmax", name="end")(dense(flat))
    if how == "shape":
        return layers.Dense(classes + 1)(flat)
    if how == "model":
        return keras.Model(inputs, dense(flat))
    if how == "nothing":
        return None
    if how == "whole numbers":
        return ops.cast(dense(flat), "int32")
    if how == "no weights":
        return ops.ones((1, classes)) * ops.mean(inputs, (1, 2))
    if how == "names":
        return dense(layers.Activation("relu", name="conv1")(flat))
    if how == "apart":
        return dense(keras.Input((3,)))
    if how == "beside":
        layers.Dense(3, name="beside")(flat)
        return dense(flat)
    if how == "hidden":
        hidden = tf.Variable(1.0, name="hidden")
        return dense(layers.Lambda(lambda x: x * hidden)(flat))
    if how == "right":
        return dense(flat)
    raise RuntimeError("not written yet")


def short(inputs, classes): ...


class Network(keras.Model): ...


class Own(layers.Layer):
    def build(self, shape):
        self.g = self.add_weight(name="g", shape=shape[-1:], initializer="random_normal")
        np.random.normal(), layers.Dense(3)

    def call(self, x):
        return x * self.g
"""
BASE: dict[str, Any] = {
    "name": "own",
    "data": {"name": "mnist-5k", "train": 120, "validation": 100},
    "norm": "none",
    "training": {"batch_size": 40, "epochs": 1},
    "seeds": 1,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SOURCE)
    return tmp_path


def trial(folder: Path, model: Any, norm: Any = "none", seed: int = 0, **more: Any) -> Trial:
    experiment = from_mapping({**BASE, "model": model, "norm": norm, **more}, search_path=(str(folder),))
    return Trial(experiment.points[0].spec, seed, experiment.search_path)


def start(made: Trial) -> tuple[Program, dict[str, Any]]:
    """What the trial's weights start at, by path."""
    with in_use(*trains_with(made)):
        program = Program(made.spec, (28, 28, 1), 10, tf.uint8, seed=made.seed)
        return program, program.reset(made.spec, made.seed)


def numbers(record: TrialRecord) -> tuple[Any, ...]:
    rows = [row.model_copy(update={"seconds": 0.0}) for row in record.evaluations]
    return record.fingerprints, rows, record.test, record.other_statistics


def test_the_norm_of_the_variant_stands_where_the_function_calls_it(folder: Path) -> None:
    for norm, names in [
        ("none", []),
        ("batch", ["conv1_norm", "dense1_norm"]),
        ({"name": "group", "groups": 2, "layers": "conv"}, ["conv1_norm"]),
        ("instance", ["conv1_norm"]),
        ({"name": "layer", "layers": "dense"}, ["dense1_norm"]),
    ]:
        program, _ = start(trial(folder, "mine:plain", norm))
        assert [one.layer.name for one in program.built.norms] == names
        assert [layer.name for layer in program.model.layers if layer.name.endswith("_norm")] == names
        assert program.cautions == []


@pytest.mark.parametrize("model", ["mine:plain", "mine:careless"])
def test_weights_follow_from_the_seed_alone_in_every_variant(folder: Path, model: str) -> None:
    program, plain = start(trial(folder, model))
    for norm in ("batch", "mine:Own", "noisy-batch", {"name": "layer", "layers": "dense"}):
        variant, found = start(trial(folder, model, norm))
        of_norms = variant.built.of_norms
        paths = zip(found, variant.model.variables, strict=True)
        assert [path for path, variable in paths if id(variable) not in of_norms] == list(plain)
        for path, value in plain.items():
            np.testing.assert_array_equal(value, found[path], err_msg=path)
    _, other = start(trial(folder, model, seed=1))
    drawn = [path for path in plain if path.endswith(("kernel", "state"))]
    assert len(drawn) == (3 if model == "mine:plain" else 7)
    assert not any(np.intersect1d(plain[path][:1], other[path][:1]).size for path in drawn)
    kernels = [plain[path] for path in drawn if path.endswith("kernel")]
    assert len({value.tobytes() for value in kernels}) == len(kernels)
    assert program.cautions == []


def test_a_seed_of_an_initializer_stays(folder: Path) -> None:
    one, other = (start(trial(folder, "mine:fixed", seed=seed))[1]["output/kernel"] for seed in (0, 1))
    np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_trial_has_its_bits_by_a_new_trainer_and_after_others(folder: Path) -> None:
    trainer = Trainer(device="cpu", threads=1)
    trials = [trial(folder, "mine:careless", norm) for norm in ("none", "batch")]
    first = [numbers(trainer(each, lambda _: None)) for each in trials]
    assert numbers(Trainer(device="cpu", threads=1)(trials[1], lambda _: None)) == first[1]
    assert numbers(trainer(trials[0], lambda _: None)) == first[0]
    assert first[1][-1] is not None  # scores under the batch's and recalibrated statistics


def test_dropout_is_drawn_by_its_layers_name(folder: Path) -> None:
    """The same share of the same numbers in two variants, whose gradients differ elsewhere."""
    images = np.random.default_rng(0).random((50, 28, 28, 1), "float32")
    masks = []
    for norm in ("none", "batch"):
        program, _ = start(trial(folder, {"name": "mine:plain", "dropout": 0.5, "width": 8}, norm))
        masks.append(program.model.get_layer("drop")(np.ones((50, 8), "float32"), training=True).numpy() > 0)
        program.model(images, training=True)
    np.testing.assert_array_equal(*masks)
    assert 0.3 < masks[0].mean() < 0.7


def test_what_normalizes_in_every_variant_is_said(folder: Path) -> None:
    program, _ = start(trial(folder, "mine:normalizes", "batch"))
    (said,) = program.cautions
    assert said.startswith("model mine:normalizes: layer mine normalizes in every variant")


def test_arguments_in_variants_and_on_a_grid_and_the_file_are_part_of_the_identity(folder: Path) -> None:
    config = {
        **{key: value for key, value in BASE.items() if key != "norm"},
        "model": {"name": "mine:plain", "width": 3},
        "variants": {"none": {"norm": "none"}, "deep": {"norm": "batch", "model.deep": True}},
        "grid": {"model.dropout": [0.0, 0.1]},
    }
    experiment = from_mapping(config, search_path=(str(folder),))
    found = [point.spec.model.arguments for point in experiment.points]
    assert found[0] == {"width": 3, "dropout": 0.0}
    assert found[-1] == {"width": 3, "dropout": 0.1, "deep": True}
    assert foreign_code(experiment) == ["model mine:plain"]
    before = trial(folder, "mine:plain")
    assert before.folder.startswith("mnist-5k-plain-none-b40-s0-")
    (folder / "mine.py").write_text(SOURCE.replace("strides=4", "strides=3"))
    assert trial(folder, "mine:plain").identity != before.identity


PLACE = "leave this out, and make it an argument of the function, which a variant can give"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "mine:plan"}, "mine.py defines no 'plan' at its top level"),
        ({"model": "no_such_module:plain"}, "model: no module 'no_such_module'"),
        ({"model": "mine:"}, "a model of your own is written module:function, as in my_models:residual, not 'mine:'"),
        ({"model": {"name": "mine:plain", "source": "x"}}, "model.source is filled in, not set; remove it"),
        ({"model": {"name": "mine:plain", "width": {"a": 1}}}, "is a number, text, true, false, null or a list"),
        ({"norm": "weight"}, "weight acts on the kernels of linear layers, which in a model of your own are its own"),
        ({"norm": "spectral"}, "spectral acts on the kernels of linear layers"),
        ({"norm": "weight-standardized-group"}, "weight-standardized-group acts on the kernels of linear layers"),
        ({"norm": "evonorm-s0"}, "evonorm-s0 stands in place of activations, which in a model of your own are its own"),
        ({"norm": {"name": "batch", "place": "after-activation"}}, PLACE),
        ({"norm": {"name": "none", "use_bias": False}}, "norm.use_bias: it is about linear layers"),
        ({"norm": {"name": "batch", "layers": "state"}}, "norm.layers: state is for lstm"),
        ({"probes": ["dead-units"]}, "dead-units looks at hidden layers and their activations"),
        ({"probes": ["covariate-shift"]}, "covariate-shift looks at hidden layers and their activations"),
        ({"probes": ["gradient-ratios"]}, "gradient-ratios looks at hidden layers and their activations"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_config(folder: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping({**BASE, "model": "mine:plain", **changes}, search_path=(str(folder),))
    assert message in str(caught.value)


RETURNED = "returns logits (N, 10), and this one returned"


@pytest.mark.parametrize(
    ("model", "norm", "message"),
    [
        ("twice", "none", "norm(x, name) is called twice with the name 'a'; each call takes a name of its own"),
        ("unnamed", "none", "norm(x, name) takes the name of what is normalized, such as 'conv1', not None"),
        ("sequence", "none", "norm(x, name) of 'a' takes (N,H,W,C) or (N,C), and was given (N, 49, 4); a sequence"),
        ("array", "none", "norm(x, name) of 'a' takes what a layer of the model returns, not a ndarray"),
        ("unused", "none", "norm(x, name) of 'a' has no part in the model"),
        ("inner", "batch", "norm(x, name) of 'a' has no part in the model"),
        ("inner", "none", "norm(x, name) of 'a' has no part in the model"),
        ("name taken", "none", "norm(x, name) of 'a' gives its layer the name 'a_norm', which another layer has"),
        ("nowhere", "batch", "norm(x, name) is called nowhere, and norm batch takes layers: all"),
        ("right", "instance", "norm(x, name) is called only for dense layers, and norm instance takes layers: conv"),
        ("softmax", "none", f"{RETURNED} probabilities (layer end): leave the softmax out"),
        ("shape", "none", f"{RETURNED} the shape (N, 11)"),
        ("model", "none", f"{RETURNED} a keras.Model; return its output"),
        ("nothing", "none", f"{RETURNED} None"),
        ("whole numbers", "none", f"{RETURNED} int32"),
        ("names", "none", "no model can be made of what it returns: The name \"conv1\" is used 2 times"),
        ("apart", "none", "no model can be made of what it returns: "),
        ("beside", "none", "keeps a variable that is no weight of the model (beside/"),
        ("hidden", "none", "keeps a variable that is no weight of the model (hidden:0)"),
        ("?", "none", "its model cannot be trained: RuntimeError: not written yet\n"),
        ({"name": "mine:plain", "widht": 3}, "none", "has no argument 'widht'; did you mean 'width'?"),
        ({"name": "mine:plain", "deep": "no"}, "none", "deep is true or false, and 'no' is a text"),
        ("mine:wrong", "none", "lacks its argument 'how'; give it in the config, or a default in the function"),
        ("mine:short", "none", "takes 2 arguments by position; write it as `def short(inputs, classes, norm, ...)`"),
        ("mine:Network", "none", "must be a function, `def Network(inputs, classes, norm, ...)`, and is the class"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_in_the_users_terms(folder: Path, model: Any, norm: str, message: str) -> None:
    named = model if isinstance(model, dict) or ":" in model else {"name": "mine:wrong", "how": model}
    with pytest.raises(UserError) as caught:
        start(trial(folder, named, norm))
    said = str(caught.value)
    assert said.startswith("model mine:")
    assert message in said
    assert "site-packages" not in said


def test_groups_that_do_not_divide_channels_are_told_with_their_key(folder: Path) -> None:
    with pytest.raises(UserError, match=r"norm group: norm\.groups: 8 groups do not divide the 4 channels of conv1"):
        start(trial(folder, "mine:plain", "group"))


def test_an_error_is_that_of_the_code_whose_lines_led_there(folder: Path) -> None:
    (folder / "norms.py").write_text(SOURCE.replace("return x * self.g", "raise RuntimeError('late')"))
    (folder / "others.py").write_text(SOURCE)
    with pytest.raises(UserError, match=r"^norm norms:Own: no model can be built with it: RuntimeError: late"):
        start(trial(folder, "mine:plain", "norms:Own"))
    with pytest.raises(UserError, match=r"^model mine:wrong: its model cannot be trained: RuntimeError: not written"):
        start(trial(folder, {"name": "mine:wrong", "how": "?"}, "others:Own"))


def example(folder: Path) -> Path:
    """The example of configs/README.md, word for word."""
    section = CONFIGS.split("#### Your own model")[1].split("\n### ")[0]
    for language, name in [("python", "my_models.py"), ("yaml", "residual.yaml")]:
        (text,) = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        (folder / name).write_text(text)
    return folder / "residual.yaml"


def test_the_example_of_the_documentation_is_a_config(tmp_path: Path) -> None:
    assert len(load(example(tmp_path)).points) == 3


@pytest.mark.slow
def test_the_example_of_the_documentation_trains(tmp_path: Path) -> None:
    done = bnexp("run", example(tmp_path).name, "--smoke", "--seeds", "0", "--jobs", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 trained" in done.stderr
