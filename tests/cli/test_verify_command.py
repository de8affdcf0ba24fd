"""`bnexp verify` as it is typed, with real workers and a trainer without TensorFlow."""

import json
from pathlib import Path

import pytest

import bnexp
from bnexp.errors import UserError


@pytest.fixture
def trial(bnexp_, folder: Path) -> Path:
    """The folder of a stored trial."""
    bnexp_("run", "tiny.yaml", "--seeds", "0", "--only", "none", "-q")
    (found,) = folder.glob("results/trials/*")
    return found


def edit(trial: Path, **changes) -> None:
    path = trial / "record.json"
    record = json.loads(path.read_text())
    record["evaluations"][0] |= changes.pop("evaluation", {})
    path.write_text(json.dumps(record | changes))


def test_the_same_bits_exit_with_0(bnexp_, trial) -> None:
    said = bnexp_("verify", trial.name)
    assert said.code == 0
    assert said.err.startswith(f"training {trial.name} once more, which took 0.0 s then; its record stays as it is")
    assert said.out.startswith(f"{trial.name}: bit-identical: all ")
    assert said.out.endswith("software, machine and execution are those of the record, as far as it holds them\n")


def test_another_number_exits_with_1_and_says_where_and_what_else_differs(bnexp_, trial) -> None:
    edit(trial, evaluation={"validation_loss": 2.5}, environment={"cpu": "A \x1b[31mred one"})
    said = bnexp_("verify", trial.name[:12])
    assert said.code == 1
    assert ": different (losses to 0.001 nats, accuracies to 0.1 percentage points or one image" in said.out
    assert "first beyond it: evaluation 1 (step 2), validation_loss: 2.5 in the record, 0." in said.out
    assert "1 of " in said.out
    assert (
        "what differs from the record, and is the likely reason:\n  processor: A \\x1b[31mred one → not rec" in said.out
    )


def test_a_wider_tolerance_takes_it(bnexp_, trial) -> None:
    edit(trial, evaluation={"validation_loss": 2.5})
    said = bnexp_("verify", trial.name, "--tolerance", "3")
    assert said.code == 0
    assert ": within tolerance (losses to 3 nats" in said.out
    assert "first that is not the same bit by bit: evaluation 1 (step 2), validation_loss" in said.out


def test_as_json_it_is_one_value_on_stdout(bnexp_, trial) -> None:
    edit(trial, evaluation={"validation_loss": 2.5})
    said = bnexp_("verify", trial.name, "--json")
    found = json.loads(said.out)
    assert said.err == ""
    assert (found["verdict"], found["exit_code"], said.code) == ("different", 1, 1)
    assert found["beyond"]["key"] == "validation_loss"
    assert found["beyond"]["stored"] == 2.5


def test_a_trial_that_fails_now_is_different_and_shows_why(bnexp_, trial, folder) -> None:
    (folder / "behaviour.json").write_text('{"0": "fail"}')
    said = bnexp_("verify", trial.name)
    assert said.code == 1
    assert "different: it failed this time: RuntimeError: seed 0 will not do" in said.out
    assert "    Traceback (most recent call last):" in said.out
    assert "--retry-failed" not in said.err


def test_a_failed_record_is_wrong_use(bnexp_, folder) -> None:
    (folder / "behaviour.json").write_text('{"0": "fail"}')
    bnexp_("run", "tiny.yaml", "--seeds", "0", "--only", "none", "-q")
    (found,) = folder.glob("results/trials/*")
    said = bnexp_("verify", found.name)
    assert (said.code, said.out) == (2, "")
    assert "the trial failed (RuntimeError: seed 0 will not do), so that there is no result to verify" in said.err


def test_threads_are_those_of_the_record_unless_they_are_given(bnexp_, folder) -> None:
    bnexp_("run", "tiny.yaml", "--seeds", "0", "--only", "none", "-q", "--threads", "3")
    (found,) = folder.glob("results/trials/*")
    assert "threads" not in bnexp_("verify", found.name).out
    assert "threads: 3 → 1" in bnexp_("verify", found.name, "--threads", "1").out


def test_python_users_get_a_frozen_value(bnexp_, trial) -> None:
    found = bnexp.verify(trial.name)
    assert (found.trial, found.sameness.verdict, found.exit_code) == (trial.name, "identical", 0)
    with pytest.raises(UserError, match="tolerance: a number from 0, not -1"):
        bnexp.verify(trial.name, tolerance=-1)


def test_own_modules_may_lie_beside_the_config(bnexp_, folder) -> None:
    mine = folder / "mine"
    mine.mkdir()
    (mine / "my_norms.py").write_text("import keras\n\n\nclass MyNorm(keras.layers.Layer):\n    pass\n")
    config = (
        (folder / "tiny.yaml")
        .read_text()
        .replace("bn: {norm: {name: batch, momentum: 0.8}}", "own: {norm: my_norms:MyNorm}")
    )
    (mine / "own.yaml").write_text(config)
    said = bnexp_("run", "mine/own.yaml", "--seeds", "0", "--only", "own", "-q")
    assert said.code == 0, said.err
    (found,) = folder.glob("results/trials/*")
    missing = bnexp_("verify", found.name)
    assert missing.code == 2
    assert "say where the module lies with --modules" in missing.err
    said = bnexp_("verify", found.name, "--modules", "mine")
    assert (said.code, "bit-identical" in said.out) == (0, True), said
