"""What each command line comes to: the exit code, and what it says where."""

import json
import sys
from pathlib import Path

import pytest

RIGHT = [
    # command line, what stdout holds, what stderr holds
    ("--version", "bnexp, version ", ""),
    ("--help", "Commands:\n  run ", ""),
    ("", "Commands:\n  run ", ""),
    ("run --help", "--retry-failed", ""),
    ("validate tiny.yaml", "ok: tiny: 2 variants x 1 grid point x 2 seeds = 4 trials\n", ""),
    (
        "validate tiny.yaml --set training.batch_size=1 --name single",
        "ok: single",
        "caution: single, variant bn: with one example a batch dense1 is normalized to the constant β",
    ),
    ("schema", '"https://json-schema.org/draft/2020-12/schema"', ""),
    ("init --list", "batch_size\nclaims/accuracy\nclaims/bias\n", ""),
    ("init", "mnist.yaml\n", "Next: bnexp run mnist.yaml"),
    ("norms", "group                      Wu & He 2018                        no               γ (C), β (C)", ""),
    ("norms layer --no-check", "https://arxiv.org/abs/1607.06450", ""),
    ("norms group --groups 4 --no-check", "conv2   N,11,11,64  H,W,C/G = 11·11·16  γ (64), β (64)", ""),
    ("norms batch --layers=conv --no-check", "320 numbers trained, 320 numbers kept beside them", ""),
    ("norms batch --no-check", "the bias of conv1, conv2, conv3, dense1 changes nothing", ""),
    ("plan tiny.yaml", "4 trials: 0 done, 4 to do, 0 failed", ""),
    ("run tiny.yaml --dry-run", "4 trials: 0 done, 4 to do, 0 failed", ""),
    ("plan tiny.yaml --seeds 1 --only bn", "1 trial: 0 done, 1 to do, 0 failed", ""),
    ("plan tiny.yaml --only norm=batch*", "2 trials: 0 done, 2 to do, 0 failed", ""),
    ("plan tiny.yaml --set training.epochs=3 --name longer", "longer", ""),
    ("plan tiny.yaml --smoke", "tiny-smoke", ""),
]


@pytest.mark.parametrize(("words", "out", "err"), RIGHT)
def test_right_use(bnexp_, words: str, out: str, err: str) -> None:
    said = bnexp_(*words.split())
    assert said.code == 0
    assert out in said.out
    assert err in said.err


WRONG = [
    # command line, what stderr holds
    ("trian tiny.yaml", "no command 'trian'; `bnexp --help` lists the commands"),
    ("repotr", "no command 'repotr'; did you mean 'report'?"),
    ("run", "Missing argument 'CONFIG...'"),
    ("run nowhere.yaml", "'nowhere.yaml' does not exist"),
    ("run .", ". is a folder; name the files in it: bnexp run ./*.yaml"),
    ("plan .", "bnexp plan ./*.yaml"),
    ("run tiny.yaml --jobs 0", "a whole number from 1, or auto, not '0'"),
    ("run tiny.yaml --jobs many", "a whole number from 1, or auto, not 'many'"),
    ("run tiny.yaml --threads 0", "0 is not in the range x>=1"),
    ("run tiny.yaml --device tpu", "'tpu' is not one of 'auto', 'cpu', 'gpu'"),
    ("run tiny.yaml --seeds 3-1", "runs backwards; write 1-3"),
    ("run tiny.yaml --seeds x", "numbers and ranges, as in 0-4,7, not 'x'"),
    ("run tiny.yaml --seeds 7", "not among the seeds of the config, 0-1"),
    ("run tiny.yaml --only gn", "matches nothing; there is variant: none, bn"),
    ("run tiny.yaml --set training.epochs=3", "give its results a name of their own with --name"),
    ("run tiny.yaml --set training.epoch=3 --name x", "did you mean 'training.epochs'?"),
    ("run tiny.yaml --name ../x", "a name takes letters, digits"),
    ("run tiny.yaml --colour", "No such option"),
    ("run tiny.yaml --device gpu", "no trial can be trained: --device gpu: there is no GPU here"),
    ("report", "results: no experiment is stored here"),
    ("status", "results: no experiment is stored here"),
    ("show x", "results: no trial is stored here"),
    ("logs x", "results: no trial is stored here"),
    ("compare none", "Missing argument 'B'"),
    ("compare none bn", "results: no experiment is stored here"),
    ("compare none bn --metric acuracy", "unknown metric 'acuracy'"),
    ("compare none bn --fail-on never", "'never' is not one of 'regression', 'difference'"),
    ("verify x", "results: no trial is stored here"),
    ("verify x --threads 0", "0 is not in the range x>=1"),
    ("norms gruop", "did you mean 'group'?"),
    ("norms group --grops 4", "No such option '--grops'. Did you mean '--groups'?"),
    ("norms group --groups 7", "7 groups do not divide the 32 channels of conv1"),
    ("norms group --groups", "Option '--groups' requires an argument"),
    ("norms --groups 8", "arguments follow a method's name"),
    ("norms my_norms:MyNorm", "my_norms:MyNorm is not one of ours, and has no card"),
    ("init mnits", "no shipped config is named 'mnits'; there are: batch_size, claims/accuracy, "),
    ("data fetch mnist-5k", "there is nothing to fetch"),
    ("data fetch imagenet", "unknown dataset 'imagenet'"),
]


@pytest.mark.parametrize(("words", "err"), WRONG)
def test_wrong_use_exits_with_2_and_says_what_is_wrong(bnexp_, words: str, err: str) -> None:
    said = bnexp_(*words.split())
    assert said.code == 2
    assert err in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


def test_without_a_network_data_fetch_names_the_ways_out(bnexp_) -> None:
    said = bnexp_("data", "fetch", "mnist")
    assert said.code == 2
    assert "Ways out:" in said.err


@pytest.mark.parametrize("words", ["plan", "run --dry-run"])
def test_a_config_of_several_that_the_selection_leaves_nothing_of_is_named(bnexp_, folder, words: str) -> None:
    (folder / "other.yaml").write_text("data: mnist-5k\nvariants: {gn: {norm: group}, ln: {norm: layer}}\nseeds: 2\n")
    said = bnexp_(*words.split(), "tiny.yaml", "other.yaml", "--only", "bn")
    assert (said.code, "2 trials: 0 done" in said.out) == (0, True)
    assert said.err.startswith("other: no trial of it matches --seeds and --only, so that it is left out\n")


def test_what_is_right_is_said_beside_the_mistakes_of_another_file(bnexp_, folder) -> None:
    (folder / "wrong.yaml").write_text("norm: btch\n")
    said = bnexp_("validate", "wrong.yaml", "tiny.yaml")
    assert said.code == 2
    assert said.out == "ok: tiny: 2 variants x 1 grid point x 2 seeds = 4 trials\n"
    assert said.err.startswith("wrong.yaml:1:7: ")


def test_init_never_overwrites_unless_it_is_forced(bnexp_, folder) -> None:
    (folder / "mnist.yaml").write_text("mine")
    said = bnexp_("init", "mnist")
    assert (said.code, said.err) == (2, "mnist.yaml is there already; --force writes over it\n")
    assert (folder / "mnist.yaml").read_text() == "mine"
    assert bnexp_("init", "mnist", "--force").code == 0
    assert "variants:" in (folder / "mnist.yaml").read_text()


def test_an_initial_config_validates_and_names_no_file_that_is_not_there(bnexp_, folder) -> None:
    bnexp_("init", "batch_size")
    text = (folder / "batch_size.yaml").read_text()
    assert "yaml-language-server" not in text
    assert "configs/" not in text
    assert "bnexp run batch_size.yaml" in text
    assert bnexp_("validate", "batch_size.yaml").code == 0


def test_the_plan_as_json(bnexp_) -> None:
    plan = json.loads(bnexp_("plan", "tiny.yaml", "--json").out)
    assert plan["trials"] == plan["to_do"] == 4
    assert [row["variant"] for row in plan["variants"]] == ["none", "bn"]


def test_methods_as_json(bnexp_) -> None:
    (batch,) = json.loads(bnexp_("norms", "batch", "--no-check", "--json").out)
    assert batch["batch_dependent"] is True
    assert batch["arguments"]["momentum"] == 0.99


@pytest.mark.parametrize(
    ("raised", "code", "err"),
    [
        (ZeroDivisionError("made up"), 1, "ZeroDivisionError: made up\n\nThis is a fault of bnexp "),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_a_fault_of_our_own_asks_for_a_report_and_an_interruption_is_130(bnexp_, monkeypatch, raised, code, err):
    def broken() -> list[str]:
        raise raised

    monkeypatch.setattr("bnexp.shipped.names", broken)
    said = bnexp_("init", "--list")
    assert (said.code, err in said.err, "please report it" in said.err) == (code, True, code == 1)


def test_the_card_of_a_method_holds_its_layer_against_numpy(bnexp_):
    (card,) = json.loads(bnexp_("norms", "group", "--groups", "4", "--json").out)
    assert card["chosen"]["groups"] == 4
    assert set(card["deviation"]) == {"conv_training", "conv_inference", "dense_training", "dense_inference"}
    assert all(0 < value < 1e-4 for value in card["deviation"].values())


def test_a_data_folder_without_the_data_is_said_once_before_anything_starts(bnexp_, folder, monkeypatch):
    monkeypatch.setenv("BNEXP_DATA_DIR", str(folder))
    (folder / "real.yaml").write_text("data: mnist\nvariants: {none: {norm: none}, bn: {norm: batch}}\nseeds: 1\n")
    said = bnexp_("run", "real.yaml")
    assert said.code == 2
    assert said.err.count("does not hold mnist") == 1
    assert str(folder) in said.err
    assert "Training on" not in said.err


def test_doctor_tells_of_each_thing_that_a_trial_would_meet(bnexp_) -> None:
    said = bnexp_("doctor", "--json")
    found = {check["what"]: (check["state"], check["found"]) for check in json.loads(said.out)}
    assert said.code == 0
    assert list(found)[:5] == ["Python", "packages", "machine", "TensorFlow", "results"]
    assert {state for state, _ in list(found.values())[:5]} <= {"ok", "warn"}
    assert "sees" in found["TensorFlow"][1]
    assert found["data: mnist-5k"][0] == "ok"


def test_doctor_names_what_does_not_work(bnexp_, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module named tensorflow >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    said = bnexp_("doctor", "--results", "/proc/results")
    assert said.code == 2
    assert "cannot be imported: no module named tensorflow" in said.out
    assert "/proc/results cannot be written" in said.out
