"""A user's own layer in a model: built with its arguments, and every failure told as one of the user's."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from own_layers import built, start, trial

from bnexp.errors import UserError
from bnexp.training import Trainer


def layer(folder: Path, norm: Any) -> keras.layers.Layer:
    return built(trial(folder, norm)).get_layer("dense1_norm")


def test_the_layer_is_called_with_its_arguments_and_named_after_its_block(folder):
    own = layer(folder, {"name": "my_norms:Right", "alpha": 0.5, "sizes": [1, 2]})
    assert (own.alpha, own.sizes) == (0.5, (1, 2))
    np.testing.assert_array_equal(own(np.ones((2, 4), "float32")), 0.5)


def test_a_class_derived_from_another_takes_the_arguments_of_that(folder):
    assert layer(folder, {"name": "my_norms:Mine", "momentum": 0.7}).momentum == 0.7


SHAPE = "a normalization keeps the shape; after dense1 it was given (N, 4)"

FAILURES = [
    ("my_norms:Cut", f"{SHAPE} and returned shape (N, 1)"),
    ("my_norms:Lists", f"{SHAPE} and returned a list"),
    ("my_norms:NoLayer", "must be a class derived from keras.layers.Layer, and is the class my_norms.NoLayer"),
    ("my_norms:function", "must be a class derived from keras.layers.Layer, and is a function"),
    ({"name": "my_norms:Right", "alhpa": 1}, "has no argument 'alhpa'; did you mean 'alpha'?"),
    ({"name": "my_norms:Cut", "alpha": 1}, "has no argument 'alpha'; it takes none"),
    ("my_norms:Nameless", "must take the layer's name and hand it on, as in `def __init__(self, alpha, **kwargs): "),
    ("broken:Norm", "importing broken failed: "),
    ({"name": "my_norms:Raises", "alpha": -1}, "making the layer failed: "),
    ("my_norms:Raises", "no model can be built with it: RuntimeError: not written yet\n"),
    ("my_norms:Whole", "a normalization returns floating-point numbers, not int32, which it returned"),
]  # fmt: skip


@pytest.mark.parametrize(("norm", "message"), FAILURES, ids=[message for _, message in FAILURES])
def test_a_failure(folder, norm, message):
    with pytest.raises(UserError) as error:
        built(trial(folder, norm))
    name = norm["name"] if isinstance(norm, dict) else norm
    assert str(error.value).startswith(f"norm {name}: {message}")
    assert "site-packages" not in str(error.value)


@pytest.mark.parametrize("norm", ["broken:Norm", "my_norms:Raises"])
def test_a_traceback_ends_with_the_users_own_line(folder, norm):
    with pytest.raises(UserError, match=r"nothing_of_this_name|not written yet"):
        built(trial(folder, norm))


def tried(folder: Path, norm: Any) -> str:
    with pytest.raises(UserError) as error:
        Trainer(device="cpu", threads=1).check(trial(folder, norm))
    return str(error.value)


def test_a_layer_that_fails_only_in_training_is_told_with_its_own_line_alone(folder):
    first, *traceback = tried(folder, "my_norms:RaisesInTraining").splitlines()
    assert first == "norm my_norms:RaisesInTraining: no model can be built with it: RuntimeError: not written yet"
    assert [line.split(", ")[0] for line in traceback if "File" in line] == [f'  File "{folder / "my_norms.py"}"']


def test_a_layer_that_loses_examples_is_told_with_the_reason(folder):
    assert "should be equal to indices.shape[0]" in tried(folder, "my_norms:Alone")


def test_a_file_that_has_changed_since_the_config_was_loaded_is_refused(folder):
    made = trial(folder, "my_norms:Right")
    (folder / "my_norms.py").write_text((folder / "my_norms.py").read_text() + "edited = True\n")
    with pytest.raises(UserError, match=r"my_norms\.py has changed since the config was loaded"):
        built(made)


def test_two_folders_may_each_have_a_module_of_one_name(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "my_norms.py").write_text((folder / "my_norms.py").read_text().replace("alpha=0.1", "alpha=0.9"))
    assert [layer(place, "my_norms:Right").alpha for place in (folder, other, folder)] == [0.1, 0.9, 0.1]


@pytest.mark.parametrize("name", ["my_norms:Mine", "my_norms:Parts"])
def test_a_layer_with_moving_averages_is_scored_three_ways(folder, name):
    """Derived from Keras's batch normalization, or a block that has it as a part: the same training, and parameters."""
    trainer = Trainer(device="cpu", threads=1)
    mine, theirs = (trainer(trial(folder, norm), lambda _: None) for norm in (name, "batch"))
    for kind in ("batch", "recalibrated"):  # theirs is trained by another kernel, so they differ by rounding
        one, other = getattr(mine.other_statistics, kind), getattr(theirs.other_statistics, kind)
        assert one.loss == pytest.approx(other.loss, rel=0.03)
        assert one.accuracy == pytest.approx(other.accuracy, abs=0.03)
    assert mine.parameters == theirs.parameters


def test_the_parts_of_a_block_have_paths_and_starts_that_do_not_depend_on_models_built_before(folder):
    """Keras numbers layers without a name through the whole life of a process."""
    starts = [start(trial(folder, {"name": "my_norms:Parts", "rate": 0.5})) for _ in range(2)]
    assert list(starts[0]) == list(starts[1])
    for path, value in starts[0].items():
        np.testing.assert_array_equal(value, starts[1][path], err_msg=path)
    random = [path for path in starts[0] if "seed" in path]
    assert random == ["dense1_norm/seed_generator_state", "dense1_norm/seed_generator_state_1"]
    assert not np.array_equal(*(starts[0][path] for path in random))
