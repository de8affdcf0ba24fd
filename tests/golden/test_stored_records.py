"""Records and plans of schema version 1 and protocol 2 are read by every command and say the same.

`smoke/results` holds `mnist-smoke` whole, two trials of `batch_size-smoke`, and `kinds` (see `smoke/kinds.yaml`).
"""

import json
import math
import shutil
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd
import pytest
from raw_results import GOLDEN, ROOT, command, read_csv, read_json, report, write_record

import bnexp
from bnexp.records.record import migrated
from bnexp.records.store import Store
from bnexp.specs.trial import PROTOCOL, Trial

SMOKE = GOLDEN / "smoke"
STORED = SMOKE / "results"
RECORDS = {path.parent.name: read_json(path) for path in sorted(STORED.glob("trials/*/record.json"))}
PLANS = {path.stem: read_json(path) for path in sorted(STORED.glob("experiments/*.json"))}

Record = dict[str, Any]

AS_IT_IS = (
    *("seed", "status", "identity", "diverged_at_step", "train_examples", "validation_examples"),
    *("peak_memory_bytes", "data_hash"),
)
"""What a record and the table of trials have by the same names."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that nothing is ever written beside the stored ones."""
    return Path(shutil.copytree(STORED, tmp_path_factory.mktemp("stored") / "results"))


@pytest.fixture(scope="module")
def table(results: Path) -> pd.DataFrame:
    return bnexp.results(results).set_index(["experiment", "folder"])


def planned(experiment: str) -> dict[str, tuple[dict[str, Any], Record | None]]:
    """Folder to the point and the record of each trial of a plan."""
    points = PLANS[experiment]["points"]
    return {folder: (point, RECORDS.get(folder)) for point in points for folder in point["trials"].values()}


def test_the_stored_records_are_of_every_shape() -> None:
    assert {record["schema_version"] for record in (*RECORDS.values(), *PLANS.values())} == {1}
    assert Counter(record["status"] for record in RECORDS.values()) == {"ok": 24, "diverged": 1, "failed": 1}
    assert {record["spec"]["model"]["name"] for record in RECORDS.values()} == {"cnn", "mlp", "lstm"}
    assert sum(record["other_statistics"] is not None for record in RECORDS.values()) >= 9


@pytest.mark.parametrize("experiment", PLANS)
def test_results_have_a_row_for_each_trial_with_the_numbers_of_its_record(table: pd.DataFrame, experiment: str) -> None:
    rows = table.loc[experiment]
    trials = planned(experiment)
    assert sorted(rows.index) == sorted(trials)
    for folder, (point, record) in trials.items():
        row = rows.loc[folder].to_dict()
        assert row["variant"] == point["variant"]
        assert row["batch_size"] == point["spec"]["training"]["batch_size"]
        for column, value in numbers(record).items():
            assert pd.isna(row[column]) if value is None else row[column] == value, (folder, column)


def numbers(record: Record | None) -> Record:
    """Columns of `bnexp.results` with what a record gives; None where there is nothing."""
    if record is None:
        return {"status": "missing", "test_accuracy": None, "identity": None, "steps": None}
    last = record["evaluations"][-1] if record["evaluations"] else {}
    test, other = record["test"] or {}, record["other_statistics"] or {}
    prints, parameters = record["fingerprints"] or {}, record["parameters"] or {}
    return {
        **{key: record[key] for key in AS_IT_IS},
        "test_accuracy": test.get("accuracy"),
        "test_loss": test.get("loss"),
        "test_accuracy_batch_statistics": other.get("batch", {}).get("accuracy"),
        "test_accuracy_recalibrated": other.get("recalibrated", {}).get("accuracy"),
        **{key: last.get(key) for key in ("validation_accuracy", "train_loss", "train_accuracy")},
        "steps": last.get("step"),
        **{f"parameters_{key}": parameters.get(key) for key in ("trainable", "non_trainable", "normalization")},
        **{f"seconds_{key}": (record["seconds"] or {}).get(key) for key in ("train", "compile", "evaluate", "total")},
        **{f"{key}_fingerprint": prints.get(key) for key in ("order", "validation")},
        **{key: record["execution"].get(key) for key in ("device", "threads")},
        "processor": record["environment"]["cpu"],
    }


@pytest.mark.parametrize("folder", RECORDS)
def test_show_tells_the_numbers_of_a_record(results: Path, folder: str) -> None:
    record = migrated(RECORDS[folder])
    said = json.loads(command("show", folder, "--results", results, "--json"))
    for key in ("identity", "seed", "status", "spec", "evaluations", "test", "other_statistics", "fingerprints"):
        assert said[key] == record[key]
    text = command("show", folder, "--results", results)
    assert text.startswith(f"{folder}: {record['status']}")
    assert record["identity"] in text
    if record["test"]:
        assert f"{100 * record['test']['accuracy']:.2f} %" in text


def test_status_counts_them(results: Path) -> None:
    for row in json.loads(command("status", "--results", results, "--json")):
        trials = planned(row["experiment"])
        fates = Counter("missing" if record is None else record["status"] for _, record in trials.values())
        assert row["trials"] == len(trials)
        assert {fate: row[fate] for fate in ("ok", "diverged", "failed", "missing") if row[fate]} == fates


@pytest.mark.parametrize(
    ("experiment", "config", "words"),
    [("mnist-smoke", ROOT / "configs/mnist.yaml", ["--smoke"]), ("kinds", SMOKE / "kinds.yaml", [])],
)
def test_their_configs_plan_as_many_new_trials(results: Path, experiment: str, config: Path, words: list[str]) -> None:
    """`bnexp plan` counts a trial as done or failed where the identity of its record is the one that it has now."""
    said = json.loads(command("plan", config, *words, "--results", results, "--json"))
    assert sum(row["trials"] for row in said["variants"]) == len(planned(experiment))
    assert [(row["done"], row["failed"]) for row in said["variants"]] == [(0, 0)] * len(said["variants"])


def test_records_of_two_protocols_are_never_mixed(tmp_path: Path) -> None:
    """`kinds` is planned anew beside its records of protocol 2, and its first trial has a record of protocol 3."""
    results = Path(shutil.copytree(STORED, tmp_path / "results"))
    experiment = bnexp.load(SMOKE / "kinds.yaml")
    plan = Store(results).keep_plan(experiment)
    new, old = plan.points[0].trials[0], PLANS["kinds"]["points"][0]["trials"]["0"]
    changes = {"protocol": PROTOCOL, "identity": Trial(experiment.points[0].spec, 0).identity}
    test = RECORDS[old]["test"] | {"accuracy": 0.123}
    write_record(results, new, RECORDS[old] | changes | {"spec": plan.points[0].spec, "test": test})

    shown = [json.loads(command("show", folder, "--results", results, "--json")) for folder in (old, new)]
    assert [each["protocol"] for each in shown] == [2, 3]
    said = json.loads(command("plan", SMOKE / "kinds.yaml", "--results", results, "--json"))
    assert [row["done"] for row in said["variants"]] == [1, *[0] * (len(plan.variants) - 1)]
    known = bnexp.results(results).set_index("experiment").loc["kinds"]
    assert list(known["status"]) == ["ok", *["missing"] * (len(plan.variants) - 1)]
    assert not {folder for point in PLANS["kinds"]["points"] for folder in point["trials"].values()} & {
        *known["folder"]
    }
    out = report(results, tmp_path / "report")
    rows = {row["variant"]: row for row in read_csv(out / "tables/kinds.csv")}
    assert float(rows.pop("none")["test_accuracy"]) == pytest.approx(12.3)
    assert {(row["n_ok"], row["n_missing"], row["test_accuracy"]) for row in rows.values()} == {("0", "1", "")}
    assert {row["n_ok"] for row in read_csv(out / "tables/mnist-smoke.csv")} == {"2"}


def test_the_report_has_their_means(results: Path) -> None:
    out = report(results, results / "report")
    for experiment in PLANS:
        for row in read_csv(out / f"tables/{experiment}.csv"):
            place = row.get("training.batch_size")
            accuracies = [
                100 * record["test"]["accuracy"]
                for point, record in planned(experiment).values()
                if point["variant"] == row["variant"]
                and (place is None or point["spec"]["training"]["batch_size"] == int(place))
                and record is not None
                and record["test"]
            ]
            assert int(row["n_ok"]) == len(accuracies)
            if accuracies:
                assert math.isclose(float(row["test_accuracy"]), mean(accuracies), rel_tol=1e-12)
