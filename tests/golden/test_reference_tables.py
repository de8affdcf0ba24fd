"""The committed tables of results/reference/protocol-2 follow from its trials.csv and evaluations.csv, byte for byte.

They are of protocol 2, and stay readable.  The records are rebuilt as raw JSON of schema version 1 under the plans in
`reference/`, as `bnexp run` stored them.
"""

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from raw_results import (
    GOLDEN,
    NOTHING,
    ROOT,
    Row,
    but_for_the_looks,
    command,
    number,
    read_csv,
    read_json,
    report,
    write_plan,
    write_record,
)

import bnexp
from bnexp.records.plan import stored_plan

REFERENCE = ROOT / "results/reference/protocol-2"

PER_CLASS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
"""MNIST's test images."""

NOT_REBUILT = {
    # Follow from the test images that each trial missed, of which the CSV has the number only.
    **dict.fromkeys(
        ["error_seeds", "error_images", "error_both", "difference_both_low", "difference_both_high"], "missed images"
    ),
    # Words and no numbers: names of what bears on seconds, which may be worded anew.
    "surroundings": "wording",
}
"""Columns that are not compared."""

EXPERIMENTS = {"mnist": "configs/mnist.yaml", "batch_size": "configs/batch_size.yaml"}
"""Name to config."""


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with every trial of the reference."""
    results = tmp_path_factory.mktemp("reference")
    looks: dict[tuple[str, str, str], list[Row]] = {}
    for row in read_csv(REFERENCE / "evaluations.csv"):
        looks.setdefault((row["experiment"], row["point"], row["seed"]), []).append(row)
    for name in EXPERIMENTS:
        plan = read_json(GOLDEN / "reference" / f"{name}.json")
        write_plan(results, plan)
        for row in committed_trials(name):
            spec = plan["points"][int(row["point"])]["spec"]
            write_record(results, row["folder"], record(row, spec, looks[name, row["point"], row["seed"]]))
    return results


@pytest.fixture(scope="module")
def reported(rebuilt: Path) -> Path:
    """The folder of its report."""
    return report(rebuilt, rebuilt / "report")


def record(row: Row, spec: dict[str, Any], looks: list[Row]) -> dict[str, Any]:
    """A trial's record from its row of trials.csv and its rows of evaluations.csv."""
    said = json.loads(row["surroundings"])
    accuracy = float(row["test_accuracy"])
    wrong = round(10_000 * (1 - accuracy))
    other = {
        key: {"loss": None, "accuracy": float(row[column])}
        for key, column in (("batch", "test_accuracy_batch_statistics"), ("recalibrated", "test_accuracy_recalibrated"))
        if row[column]
    }
    return NOTHING | {
        "identity": row["identity"],
        "spec": spec,
        "seed": int(row["seed"]),
        "status": row["status"],
        "started": "2026-11-21T00:00:00+00:00",
        "evaluations": [evaluation(each) for each in looks],
        "test": {
            "examples": 10_000,
            "loss": float(row["test_loss"]),
            "accuracy": accuracy,
            # The first images and class 1, as many as were missed: see NOT_REBUILT.
            "examples_per_class": list(PER_CLASS),
            "correct_per_class": correct(wrong),
            "missed": list(range(wrong)),
        },
        "other_statistics": {**other, "recalibration_examples": 10_000} if other else None,
        "train_examples": int(row["train_examples"]),
        "validation_examples": int(row["validation_examples"]),
        "parameters": {key: int(row[f"parameters_{key}"]) for key in ("trainable", "non_trainable", "normalization")},
        "fingerprints": {
            "weights": json.loads(row["initial_weights"]),
            "order": row["order_fingerprint"],
            "validation": row["validation_fingerprint"],
        },
        "data_hash": row["data_hash"],
        "seconds": {"data": 0.0}
        | {key: float(row[f"seconds_{key}"]) for key in ("compile", "train", "evaluate", "total")},
        "peak_memory_bytes": int(row["peak_memory_bytes"]),
        "execution": {
            "device": row["device"],
            "device_name": row["device_name"],
            "threads": int(row["threads"]),
            "deterministic": said["determinism"] == "true",
            "precision": said["precision"],
            "jobs": int(row["jobs"]),
        },
        "environment": {
            "python": said["Python"],
            "tensorflow": said["TensorFlow"],
            "keras": said["Keras"],
            "platform": said["platform"],
            "cpu": row["processor"],
            "cores": int(said["cores"]),
            "memory_bytes": round(float(said["memory"].removesuffix(" GiB")) * 2**30),
        },
    }


def correct(wrong: int) -> list[int]:
    """Counts per class that fit so many missed images: those of the first classes."""
    before = accumulate(PER_CLASS, initial=0)
    return [images - min(max(wrong - start, 0), images) for images, start in zip(PER_CLASS, before, strict=False)]


def evaluation(row: Row) -> dict[str, Any]:
    counts = {key: int(row[key]) for key in ("step", "examples")}
    numbers = ("epoch", "seconds", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    return {**counts, **{key: number(row[key]) for key in numbers}}


def committed_trials(name: str) -> list[Row]:
    return [row for row in read_csv(REFERENCE / "trials.csv") if row["experiment"] == name]


def assert_same_cells(found: list[Row], stored: list[Row]) -> None:
    """Every stored cell is found as it is, under its column and in its row, but for `NOT_REBUILT`."""
    assert len(found) == len(stored)
    columns = [column for column in stored[0] if column not in NOT_REBUILT]
    unlike = [
        f"row {k}, {column}: {stored_row[column]} was, {found_row.get(column)} is"
        for k, (found_row, stored_row) in enumerate(zip(found, stored, strict=True), 2)
        for column in columns
        if found_row.get(column) != stored_row[column]
    ]
    assert not unlike, "\n".join(unlike)


def test_the_shipped_config_plans_the_trials_of_the_reference_anew(rebuilt: Path) -> None:
    """The same specs and at least the same seeds but for when validation images are looked at, none of them done.

    `batch_size` asks another question than it did.
    """
    said = json.loads(command("plan", ROOT / EXPERIMENTS["mnist"], "--results", rebuilt, "--json"))
    assert {row["done"] for row in said["variants"]} == {0}
    plans = planned(EXPERIMENTS["mnist"]), read_json(GOLDEN / "reference/mnist.json")
    now, then = ([(each["variant"], but_for_the_looks(each["spec"])) for each in plan["points"]] for plan in plans)
    assert now == then
    for new, old in zip(*(plan["points"] for plan in plans), strict=True):
        assert new["trials"].keys() >= old["trials"].keys()


def planned(config: str) -> dict[str, Any]:
    """The plan that `bnexp run` would store now, as its JSON."""
    return dict(json.loads(stored_plan(bnexp.load(ROOT / config)).model_dump_json()))


@pytest.mark.slow
@pytest.mark.parametrize("table", ["mnist", "mnist-times", "batch_size", "batch_size-times"])
def test_tables_are_the_committed_ones(reported: Path, table: str) -> None:
    assert_same_cells(read_csv(reported / f"tables/{table}.csv"), read_csv(REFERENCE / f"tables/{table}.csv"))


@pytest.mark.slow
@pytest.mark.parametrize("file", ["trials.csv", "evaluations.csv"])
def test_the_tidy_tables_are_the_committed_ones(reported: Path, file: str) -> None:
    """Records come out of the report as they went in."""
    ours, committed = read_csv(reported / file), read_csv(REFERENCE / file)
    key = ("experiment", "point", "seed", *(["step"] if file == "evaluations.csv" else []))
    assert_same_cells(*(sorted(rows, key=lambda row: [row[k] for k in key]) for rows in (ours, committed)))
