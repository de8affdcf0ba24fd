"""From `run` to `status`, `show`, `logs` and `report`, with real workers and a trainer without TensorFlow."""

import json
from pathlib import Path

import pytest

import bnexp
from bnexp.errors import UserError
from bnexp.records.store import Store
from bnexp.reporting.drawing.helpers import Helpers
from bnexp.reporting.write import ReportFiles


def folders(root: Path) -> list[str]:
    return sorted(path.parent.name for path in root.glob("results/trials/*/record.json"))


def test_run_says_what_it_does_and_what_comes_next(bnexp_, folder) -> None:
    said = bnexp_("run", "tiny.yaml")
    assert said.code == 0
    assert said.out == ""
    assert said.err.startswith("tiny: 2 variants x 1 grid point x 2 seeds = 4 trials\n")
    assert said.err.endswith("4 trained\nNext: bnexp report\n")
    assert len(folders(folder)) == 4
    assert "4 trials: 4 finished before, nothing to train" in bnexp_("run", "tiny.yaml").err


def test_run_as_json_gives_the_outcome_on_stdout(bnexp_) -> None:
    said = bnexp_("run", "tiny.yaml", "--seeds", "0", "--json", "--quiet")
    outcome = json.loads(said.out)
    assert said.err == ""
    assert outcome["trained"] == outcome["planned"] == 2
    assert outcome["exit_code"] == 0


def test_verbose_names_the_log_of_each_trial(bnexp_) -> None:
    said = bnexp_("run", "tiny.yaml", "--seeds", "0", "-v")
    assert "start: tiny none seed 0; log: results/trials/mnist-5k-cnn-none-b64-s0-" in said.err


def test_failed_trials_show_their_tracebacks_and_are_skipped_until_they_are_asked_for(bnexp_, folder) -> None:
    (folder / "behaviour.json").write_text('{"1": "fail"}')
    said = bnexp_("run", "tiny.yaml")
    assert said.code == 3
    assert "RuntimeError: seed 1 will not do" in said.err
    assert "2 trained, 2 failed" in said.err
    (folder / "behaviour.json").unlink()
    said = bnexp_("run", "tiny.yaml")
    assert said.code == 3
    assert "4 trials: 2 finished before, 2 failed before (again with --retry-failed), nothing to train" in said.err
    assert bnexp_("run", "tiny.yaml", "--retry-failed").code == 0


def test_max_failures_0_lets_all_fail_alike(bnexp_, folder) -> None:
    (folder / "behaviour.json").write_text('{"0": "fail_alike", "1": "fail_alike"}')
    assert "Stopped after 3 identical consecutive failures" in bnexp_("run", "tiny.yaml").err
    said = bnexp_("run", "tiny.yaml", "--retry-failed", "--max-failures", "0")
    assert (said.code, "4 failed" in said.err, "Stopped" in said.err) == (3, True, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"configs": 3}, "a config is a file, a mapping of its keys, or an Experiment, not 3"),
        ({"configs": ["tiny.yaml", "tiny.yaml"]}, "two experiments are named 'tiny'"),
        ({"seeds": 3}, r"as in range\(3\) or \[3\], not 3"),
        ({"only": "variant=b*"}, r"only: a list of texts, as in \['variant=b\*'\], not one text"),
    ],
)
def test_arguments_of_another_kind_are_refused_from_python(folder, arguments, message) -> None:
    with pytest.raises(UserError, match=message):
        bnexp.run(**{"configs": "tiny.yaml", **arguments})


def test_an_experiment_that_is_loaded_takes_no_changes(folder) -> None:
    with pytest.raises(UserError, match="an Experiment is loaded already"):
        bnexp.load(bnexp.load("tiny.yaml"), smoke=True)


def test_an_edited_config_says_what_it_leaves_behind(bnexp_, folder) -> None:
    bnexp_("run", "tiny.yaml")
    assert "edited" not in bnexp_("run", "tiny.yaml").err
    config = folder / "tiny.yaml"
    config.write_text(config.read_text() + "model.dropout: 0.5\n")
    for said in (bnexp_("plan", "tiny.yaml"), bnexp_("run", "tiny.yaml", "--seeds", "0")):
        assert "tiny: the config was edited since it was last run here; 4 finished trials of the earlier" in said.err
    assert "edited" not in bnexp_("run", "tiny.yaml").err
    assert "4 trials" not in bnexp_("run", "tiny.yaml", "-q").err


def test_a_rule_that_is_edited_after_the_first_trial_is_said_to_make_its_claim_exploratory(bnexp_, folder) -> None:
    config = folder / "tiny.yaml"
    first, other = [*bnexp.load("tiny.yaml").variants][:2]
    claim = f"claims: {{it: {{text: it helps, treatment: {other}, control: {first}, rule: %s}}}}\n"
    before = config.read_text()
    config.write_text(before + claim % "superiority")
    assert "exploratory" not in bnexp_("run", "tiny.yaml", "--seeds", "0").err
    config.write_text(before + claim % "{name: equivalence, margin: 1}")
    told = "tiny: exploratory, since the rule came or changed after the first trial: it"
    assert told in bnexp_("plan", "tiny.yaml").err
    assert told in bnexp_("run", "tiny.yaml").err
    config.write_text(before + claim % "superiority")
    assert "exploratory" not in bnexp_("run", "tiny.yaml").err


def test_fail_fast_stops_at_the_first(bnexp_, folder) -> None:
    (folder / "behaviour.json").write_text('{"0": "fail", "1": "fail"}')
    said = bnexp_("run", "tiny.yaml", "--fail-fast", "--jobs", "1")
    assert said.code == 3
    assert "1 failed, 3 left" in said.err


def test_the_plan_knows_what_is_done_and_how_long_the_rest_takes(bnexp_) -> None:
    bnexp_("run", "tiny.yaml", "--seeds", "0")
    said = bnexp_("plan", "tiny.yaml")
    assert "4 trials: 2 done, 2 to do, 0 failed\ntime left: about " in said.out


def test_status_counts_what_is_stored(bnexp_) -> None:
    bnexp_("run", "tiny.yaml", "--seeds", "0")
    (tiny,) = json.loads(bnexp_("status", "--json").out)
    counts = {"experiment": "tiny", "trials": 4, "ok": 2, "missing": 2, "failed": 0, "complete": False}
    assert {key: tiny[key] for key in counts} == counts


@pytest.mark.parametrize("form", ["folder", "prefix", "identity", "whole identity", "path"])
def test_a_trial_is_found_by_its_name_a_prefix_its_identity_or_its_path(bnexp_, folder, form: str) -> None:
    bnexp_("run", "tiny.yaml")
    name = folders(folder)[0]
    identity = json.loads((folder / "results/trials" / name / "record.json").read_text())["identity"]
    whole = f"results/trials/{name}"
    forms = {"folder": name, "prefix": name[:-14], "identity": identity[:8], "whole identity": identity, "path": whole}
    said = bnexp_("show", forms[form])
    assert said.code == 0
    assert said.out.startswith(f"{name}: ok\n")


def test_what_means_several_trials_is_refused_with_their_names(bnexp_, folder) -> None:
    bnexp_("run", "tiny.yaml")
    said = bnexp_("show", "mnist-5k-cnn-none")
    assert said.code == 2
    assert "means 2 trials" in said.err
    assert all(name in said.err for name in folders(folder) if "none" in name)


def test_show_prints_the_record_for_people_and_for_programs(bnexp_, folder) -> None:
    bnexp_("run", "tiny.yaml")
    name = folders(folder)[0]
    text = bnexp_("show", name).out
    assert "  norm.name " in text
    assert "evaluations\n" in text
    stored = json.loads((folder / "results/trials" / name / "record.json").read_text())
    assert json.loads(bnexp_("show", name, "--json").out) == stored


def test_logs_prints_what_the_worker_printed(bnexp_, folder) -> None:
    bnexp_("run", "tiny.yaml", "--seeds", "1")
    name = folders(folder)[0]
    assert "seed 1\n" in bnexp_("logs", name).out
    assert len(bnexp_("logs", name, "--tail", "1").out.splitlines()) == 1


@pytest.mark.parametrize(("damage", "reason"), [("{", "not a readable record"), ("another's", "holds the trial")])
def test_a_record_that_is_damaged_or_another_trials_is_named(bnexp_, folder, damage: str, reason: str) -> None:
    bnexp_("run", "tiny.yaml", "--seeds", "0")
    path, other = sorted(folder.glob("results/trials/*/record.json"))
    path.write_text(other.read_text() if damage == "another's" else damage)
    said = bnexp_("status")
    assert said.code == 2
    assert f"results/trials/{path.parent.name}/record.json: {reason}" in said.err


def test_report_prints_the_page_and_strict_exits_with_4_on_what_is_missing(bnexp_, monkeypatch):
    """The report itself has tests of its own; here it is replaced, so that this takes no seconds."""

    missing = "tiny: 2 of 4 trials are missing"

    asked = []

    def write(store: Store, out: Path, experiments: list[str] | None, *, pdf: bool, helpers: Helpers) -> ReportFiles:
        asked.append(pdf)
        return ReportFiles(out / "index.html", (out / "index.html",), complete=False, missing=(missing,))

    bnexp_("run", "tiny.yaml", "--seeds", "0")
    monkeypatch.setattr("bnexp.reporting.write.write_report", write)
    assert bnexp_("report") == (0, "results/report/index.html\n", f"{missing}\n")
    assert bnexp_("report", "tiny", "--strict", "--pdf").code == 4
    assert asked == [False, True]


def test_report_of_an_unknown_experiment_names_the_nearest(bnexp_) -> None:
    bnexp_("run", "tiny.yaml", "--seeds", "0")
    said = bnexp_("report", "tinny")
    assert (said.code, said.err) == (2, "results: no experiment is named 'tinny'; did you mean 'tiny'?\n")


def test_the_results_folder_can_be_another(bnexp_, folder) -> None:
    said = bnexp_("run", "tiny.yaml", "--seeds", "0", "--results", "else where")
    assert said.err.endswith("Next: bnexp report --results 'else where'\n")
    assert len(list((folder / "else where").glob("trials/*/record.json"))) == 2


def test_python_users_get_the_same(bnexp_, folder, capfd) -> None:
    outcome = bnexp.run(bnexp.load("tiny.yaml"), seeds=[0])
    assert outcome.trained == 2
    assert "2 trained" in capfd.readouterr().err
    table = bnexp.results("results")
    assert table["status"].tolist() == ["ok", "missing", "ok", "missing"]
    assert set(table["variant"]) == {"none", "bn"}
