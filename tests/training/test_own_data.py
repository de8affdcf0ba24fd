"""What a trainer tells of a user's own data, which it alone has seen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_trial import small

from bnexp.errors import UserError
from bnexp.records.record import Progress, TrialRecord
from bnexp.specs.trial import Trial
from bnexp.training import Trainer

MODULE = """
import numpy as np

def load(size, scale):
    x = np.random.default_rng(0).normal(0, 1, (90, size, size)) * scale
    y = np.arange(90) % 3
    return (x[:60], y[:60]), (x[60:], y[60:])

def usual():
    return load(8, 1)

def faint():
    return load(8, 1e-3)

def small():
    (x, y), (u, v) = load(3, 1)
    return (np.stack([x, x, x], -1), y), (np.stack([u, u, u], -1), v)
"""


@pytest.fixture
def run(trainer: Trainer, tmp_path: Path) -> Any:
    (tmp_path / "my_data.py").write_text(MODULE)

    def train(function: str, **blocks: Any) -> tuple[TrialRecord, list[Progress]]:
        own = {"data": {"name": f"my_data:{function}", "validation": 15}, "training": {"epochs": 1, "batch_size": 15}}
        spec = small(**{**own, "model": {"name": "mlp", "widths": [4]}, **blocks})
        told: list[Progress] = []
        return trainer(Trial(spec, 0, (str(tmp_path),)), told.append), told

    return train


def test_24_standardized_images_train_and_the_record_says_what_came(run: Any) -> None:
    record, told = run("usual")
    assert record.status == "ok"
    assert record.test is not None
    assert record.test.examples_per_class == (10, 10, 10)
    assert record.execution["pixels"] == "float32 in [-3.9, 3.26], used as they are"
    assert "cautions" not in record.execution
    assert not any(each.cautions for each in told)


def test_23_a_caution_of_the_data_comes_before_the_first_step_and_with_the_record(run: Any) -> None:
    record, told = run("faint")
    (text,) = record.execution["cautions"]
    assert text.startswith("data my_data:faint: train_images lie in [-0.0039, 0.0033]; were they divided by 255 twice?")
    assert (told[0].step, told[0].steps, told[0].cautions) == (0, 3, (text,))
    assert not any(each.cautions for each in told[1:])
    assert TrialRecord.model_validate_json(record.model_dump_json()).execution["cautions"] == [text]


def test_23_a_caution_of_a_norm_comes_once_the_size_of_the_images_is_known(run: Any) -> None:
    """A convolution that leaves one pixel, at one example a batch; of the dense layer the config's loading told."""
    blocks = {"model": {"name": "cnn", "filters": [4], "pools": 0, "dense": [4]}, "norm": "batch"}
    record, _ = run("small", **blocks, training={"epochs": 1, "batch_size": 1})
    constant, lag = record.execution["cautions"]
    assert constant.startswith("norm batch: with one example a batch conv1 is normalized to the constant")
    assert "which arrive after some 688 steps, and is trained for 45" in lag


def test_17_data_that_were_replaced_are_refused_before_the_first_step(trainer: Trainer, tmp_path: Path) -> None:
    """Under code that is the same; `running` tells each trial what the earlier ones were trained on."""
    text = """
import numpy as np

def load():
    found = np.load(__file__.replace("loader.py", "set.npz"))
    return (found["x"], found["y"]), (found["x"], found["y"])
"""
    (tmp_path / "loader.py").write_text(text)
    own = {"data": {"name": "loader:load", "validation": 15}, "model": {"name": "mlp", "widths": [4]}}
    trial = Trial(small(**own), 0, (str(tmp_path),))
    images = np.random.default_rng(0).normal(size=(90, 8, 8))
    np.savez(tmp_path / "set.npz", x=images, y=np.arange(90) % 3)
    first = trainer(trial, lambda _: None).data_hash
    np.savez(tmp_path / "set.npz", x=images + 1, y=np.arange(90) % 3)
    told: list[Progress] = []
    with pytest.raises(UserError, match=r"data loader:load: loads other data .* put the earlier data back"):
        Trainer()(replace(trial, data_hash=first), told.append)
    assert not told


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"model": "cnn"}, "smaller than its 3x3 kernel"),
        ({"training": {"batch_size": 64}}, "a batch of 64 is larger than the 45 training examples"),
    ],
)
def test_own_data_that_the_spec_does_not_fit_are_refused(run: Any, blocks: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run("usual", **blocks)


def test_records_of_named_datasets_hold_nothing_of_it(trainer: Trainer) -> None:
    record = trainer(Trial(small(), 0), lambda _: None)
    assert not {"pixels", "cautions"} & record.execution.keys()
