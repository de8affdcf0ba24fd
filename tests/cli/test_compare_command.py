"""`bnexp compare` as it is typed: what it prints, and its exit codes."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import bnexp
from bnexp.records.store import Store
from bnexp.specs.experiment import plan

FAKE_TRAINER = str(Path(__file__).parents[1] / "running")
BETTER, WORSE = (0.90, 0.91, 0.89, 0.90, 0.92, 0.91), (0.85, 0.87, 0.84, 0.83, 0.87, 0.85)
TWICE = 2 * BETTER
"""Twelve seeds: over two places six can confirm nothing."""


@pytest.fixture
def stored(bnexp_, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a results folder of `tiny.yaml` with the test accuracies of both variants, as shares."""
    monkeypatch.syspath_prepend(FAKE_TRAINER)
    from fake_trainer import record  # noqa: PLC0415  # it lies beside the tests of running

    def make(root: str, none: tuple[float, ...], bn: tuple[float, ...], **environment: str) -> None:
        experiment = replace(bnexp.load("tiny.yaml"), seeds=tuple(range(len(none))))
        store = Store(folder / root)
        store.keep_plan(experiment)
        for planned in plan(experiment):
            found = record(planned.trial)
            accuracy = {"none": none, "bn": bn}[planned.point.variant][planned.trial.seed]
            test = found.test.model_copy(update={"accuracy": accuracy})
            store.write(planned.trial, found.model_copy(update={"test": test, "environment": environment}))

    return make


def test_a_regression_exits_with_1_and_is_said_with_its_interval_and_n(bnexp_, stored) -> None:
    stored("results", BETTER, WORSE)
    said = bnexp_("compare", "none", "bn")
    assert said.code == 1
    sentence, _, table, row, *_ = said.out.splitlines()
    assert sentence.startswith(
        "Regression. tiny: bn against none: −5.3 pp of test accuracy (95 % interval −6.4 to −4.2, "
    )
    assert sentence.endswith("n = 6; sign-flip p = 0.031).")
    assert table.split()[:2] == ["comparison", "n"]
    assert row.endswith("regression")
    assert "differs as declared: norm.name: none → batch" in said.out
    assert re.search(r"the same in every pair: (.+, )?data,", said.out)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("compare bn none", 0),
        ("compare bn none --fail-on difference", 1),
        ("compare none bn --margin 5", 0),
        ("compare none bn --margin 6 --require-noninferior", 1),
        ("compare none bn --margin 7 --require-noninferior", 0),
        ("compare none bn --metric test-loss", 0),
    ],
)
def test_the_exit_code_follows_the_rule(bnexp_, stored, words: str, code: int) -> None:
    stored("results", BETTER, WORSE)
    assert bnexp_(*words.split()).code == code


def test_so_few_pairs_that_nothing_could_be_shown_are_no_pass(bnexp_, stored) -> None:
    """Five pairs that are all worse by five points: a job that exits with 0 would say that all is well."""
    stored("results", BETTER, WORSE)
    said = bnexp_("compare", "none", "bn", "--seeds", "0-4")
    assert said.code == 2
    assert "−5." in said.out
    assert "no verdict on test accuracy of tiny: n = 5 can confirm nothing, n = 6 can (exit 2)" in said.err
    assert bnexp_("compare", "none", "bn", "--seeds", "0-4", "--margin", "9", "--require-noninferior").code == 0


def test_two_results_folders_are_compared_variant_by_variant(bnexp_, stored) -> None:
    stored("old", TWICE, TWICE, bnexp="0.1.0")
    stored("new", TWICE[::-1], 2 * WORSE, bnexp="0.2.0")
    said = bnexp_("compare", "old", "new")
    assert said.code == 1
    assert "No regression shown. tiny none: new against old" in said.out
    assert "Regression. tiny bn: new against old" in said.out
    assert "differs as declared: bnexp: 0.1.0 → 0.2.0" in said.out


def test_as_json_every_number_is_there_and_unrounded(bnexp_, stored) -> None:
    stored("results", BETTER, WORSE)
    said = bnexp_("compare", "none", "bn", "--json")
    found = json.loads(said.out)
    (each,) = found["comparisons"]
    assert (found["exit_code"], found["metric"], each["verdict"], each["n"]) == (1, "test-accuracy", "regression", 6)
    assert each["difference"]["mean"] == pytest.approx(100 * (sum(WORSE) - sum(BETTER)) / 6)
    assert each["difference"]["low"] < each["difference"]["mean"] < each["difference"]["high"] < 0
    assert each["values"][0] == [90.0, 85.0]
    assert each["audit"]["declared"][0]["what"] == "norm.name"
    assert said.err == ""


def test_trials_that_differ_otherwise_are_refused_with_2(bnexp_, stored, folder) -> None:
    stored("old", TWICE, TWICE, tensorflow="2.20.0")
    stored("new", TWICE[::-1], 2 * WORSE, tensorflow="2.21.0")
    said = bnexp_("compare", "old", "new")
    assert (said.code, said.out) == (2, "")
    assert "TensorFlow: old has 2.20.0, new has 2.21.0" in said.err
    allowed = bnexp_("compare", "old", "new", "--allow-differs")
    assert allowed.code == 1
    assert "differs, not declared: TensorFlow: 2.20.0 → 2.21.0" in allowed.out


def test_results_beside_two_results_folders_is_wrong_use(bnexp_, stored) -> None:
    stored("old", BETTER[:2], BETTER[:2])
    stored("new", WORSE[:2], WORSE[:2])
    said = bnexp_("compare", "old", "new", "--results", "old")
    assert said.code == 2
    assert "--results is for two variants of one" in said.err


def test_noninferiority_without_a_margin_says_what_that_means(bnexp_, stored) -> None:
    stored("results", BETTER, WORSE)
    said = bnexp_("compare", "bn", "none", "--require-noninferior")
    assert (said.code, said.err) == (0, "--require-noninferior without a --margin: only a proven improvement passes\n")


def test_38_several_metrics_are_judged_each_with_its_own_margin(bnexp_, stored) -> None:
    stored("results", BETTER, WORSE)
    said = bnexp_("compare", "none", "bn", "--metric", "validation-accuracy", "--metric", "test-accuracy")
    assert (said.code, "of test accuracy" in said.out, "of validation accuracy" in said.out) == (1, True, True)
    both = ["--metric", "test-accuracy", "--margin", "9", "--metric", "validation-accuracy", "--margin", "100"]
    said = bnexp_("compare", "none", "bn", *both, "--json")
    found = json.loads(said.out)
    assert (said.code, [each["margin"] for each in found["metrics"]]) == (0, [9, 100])
    said = bnexp_("compare", "none", "bn", "--metric", "seconds", *both[:4])
    assert (said.code, "2 metrics and 1 margins; each metric has its own --margin" in said.err) == (2, True)
