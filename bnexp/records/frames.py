"""Records as tidy pandas tables: one row per planned trial, one row per evaluation.

Missing and failed trials have their rows too, so that every count can be taken over what was planned.
Rows come in the order of the plan (point, then seed); columns and their types never depend on the results.
Text is `object` with None where there is none; counts that may be absent are `Int64`; measures are
`float64` with NaN.  `point` is the index into `plan.points`, which holds the spec of the row.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from bnexp.evidence.confounds import pace_setters
from bnexp.records.plan import StoredPlan
from bnexp.records.record import TrialRecord
from bnexp.records.store import Store

# After `experiment` and `variant` stands one column per grid key, by its dotted name.
TRIAL_COLUMNS = {
    "point": "int64",  # index into plan.points
    "seed": "int64",
    "status": "object",  # ok, diverged, failed, missing
    "diverged_at_step": "Int64",
    "test_accuracy": "float64",  # share, 0 to 1; NaN unless ok
    "test_loss": "float64",  # mean cross-entropy, nats
    "test_accuracy_batch_statistics": "float64",  # the same weights with each batch's own statistics
    "test_accuracy_recalibrated": "float64",  # the same weights with statistics over training images
    "validation_accuracy": "float64",  # at the last evaluation; also of diverged trials
    "train_loss": "float64",  # since the evaluation before the last
    "train_accuracy": "float64",
    "parameters_trainable": "Int64",
    "parameters_non_trainable": "Int64",
    "parameters_normalization": "Int64",  # of the trainable ones
    "steps": "Int64",  # optimizer steps at the last evaluation
    "train_examples": "Int64",
    "validation_examples": "Int64",
    "batch_size": "int64",
    "seconds_train": "float64",  # without compilation and evaluation
    "seconds_compile": "float64",
    "seconds_evaluate": "float64",
    "seconds_total": "float64",
    "images_per_second": "float64",  # training images seen per second of training
    "peak_memory_bytes": "Int64",
    "identity": "object",
    "folder": "object",  # under trials/
    "data_hash": "object",
    "order_fingerprint": "object",
    "validation_fingerprint": "object",
    "initial_weights": "object",  # JSON: path of a weight to the digest of its initial value
    "device": "object",
    "device_name": "object",
    "processor": "object",
    "threads": "Int64",
    "jobs": "Int64",
    "surroundings": "object",  # JSON: all of that and more that bears on seconds; None where it is not recorded
}

# After `experiment`, `variant` and the grid keys.
EVALUATION_COLUMNS = {
    "point": "int64",
    "seed": "int64",
    "step": "int64",  # optimizer steps done
    "examples": "int64",  # training examples seen
    "epoch": "float64",  # passes over the training examples done
    "seconds": "float64",  # of training so far, without compilation and evaluation
    "train_loss": "float64",  # nats; over the examples since the previous evaluation, in training mode
    "train_accuracy": "float64",  # share, 0 to 1
    "validation_loss": "float64",
    "validation_accuracy": "float64",
}


class Planned(NamedTuple):
    """A trial of a plan, with its record if it has finished."""

    point: int
    seed: int
    folder: str
    record: TrialRecord | None


def read(store: Store, plan: StoredPlan) -> Iterator[Planned]:
    """Every trial of the plan, point by point and seed by seed; raises UserError at a damaged record."""
    for index, point in enumerate(plan.points):
        for seed, folder in sorted(point.trials.items()):
            yield Planned(index, seed, folder, store.read_folder(folder))


def coordinate_keys(plan: StoredPlan) -> list[str]:
    """The dotted grid keys, in the order of the config; the names of the coordinate columns."""
    return list(dict.fromkeys(key for point in plan.points for key in point.coordinates))


def trials(store: Store, plan: StoredPlan) -> pd.DataFrame:
    """One row per planned trial: experiment, variant, the grid keys, then `TRIAL_COLUMNS`."""
    rows = [{**_place(plan, planned.point), **_trial(plan, planned)} for planned in read(store, plan)]
    return _frame(rows, plan, TRIAL_COLUMNS)


def evaluations(store: Store, plan: StoredPlan) -> pd.DataFrame:
    """One row per evaluation of every finished trial: experiment, variant, the grid keys, `EVALUATION_COLUMNS`."""
    rows = [
        {**place, "point": planned.point, "seed": planned.seed, **evaluation.model_dump()}
        for planned in read(store, plan)
        if planned.record is not None
        for place in [_place(plan, planned.point)]
        for evaluation in planned.record.evaluations
    ]
    return _frame(rows, plan, EVALUATION_COLUMNS)


def _place(plan: StoredPlan, index: int) -> dict[str, Any]:
    point = plan.points[index]
    coordinates = {key: _scalar(value) for key, value in point.coordinates.items()}
    return {"experiment": plan.name, "variant": point.variant, **coordinates}


def _scalar(value: Any) -> Any:
    """A grid value that can be grouped by: lists and mappings become JSON text."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list | tuple | dict) else value


def _trial(plan: StoredPlan, planned: Planned) -> dict[str, Any]:
    record = planned.record
    row: dict[str, Any] = {
        "point": planned.point,
        "seed": planned.seed,
        "status": "missing",
        "batch_size": plan.points[planned.point].spec["training"]["batch_size"],
        "folder": planned.folder,
    }
    if record is None:
        return row
    row |= {
        "status": record.status,
        "diverged_at_step": record.diverged_at_step,
        "train_examples": record.train_examples,
        "validation_examples": record.validation_examples,
        "peak_memory_bytes": record.peak_memory_bytes,
        "identity": record.identity,
        "data_hash": record.data_hash,
        **{key: record.execution.get(key) for key in ("device", "device_name", "threads", "jobs")},
        "processor": record.environment.get("cpu"),
        "surroundings": _surroundings(record),
    }
    if record.test is not None:
        row |= {"test_accuracy": record.test.accuracy, "test_loss": record.test.loss}
    if (others := record.other_statistics) is not None:
        row |= {
            "test_accuracy_batch_statistics": others.batch.accuracy,
            "test_accuracy_recalibrated": others.recalibrated.accuracy,
        }
    if record.parameters is not None:
        row |= {f"parameters_{key}": value for key, value in record.parameters.model_dump().items()}
    if record.fingerprints is not None:
        row |= {
            "order_fingerprint": record.fingerprints.order,
            "validation_fingerprint": record.fingerprints.validation,
            "initial_weights": json.dumps(record.fingerprints.weights, sort_keys=True),
        }
    if record.seconds is not None:
        row |= {f"seconds_{key}": getattr(record.seconds, key) for key in ("train", "compile", "evaluate", "total")}
    if record.evaluations:
        last = record.evaluations[-1]
        row |= {
            "steps": last.step,
            "validation_accuracy": last.validation_accuracy,
            "train_loss": last.train_loss,
            "train_accuracy": last.train_accuracy,
            "images_per_second": last.examples / last.seconds if last.seconds > 0 else None,
        }
    return row


def _surroundings(record: TrialRecord) -> str | None:
    found = pace_setters(record)
    return None if found is None else json.dumps(found, sort_keys=True)


def _frame(rows: list[dict[str, Any]], plan: StoredPlan, columns: dict[str, str]) -> pd.DataFrame:
    types: dict[str, Any] = {
        "experiment": "object",
        "variant": "object",
        **{key: _coordinate_type(plan, key) for key in coordinate_keys(plan)},
        **columns,
    }
    return pd.DataFrame({key: pd.Series([row.get(key) for row in rows], dtype=kind) for key, kind in types.items()})


def _coordinate_type(plan: StoredPlan, key: str) -> str:
    """Type of a grid column, from the plan alone: whole numbers, numbers, or anything; None where a point lacks it."""
    types = {type(point.coordinates.get(key)) for point in plan.points}
    if types <= {int, type(None)}:
        return "Int64" if type(None) in types else "int64"
    return "float64" if types <= {int, float, type(None)} else "object"
