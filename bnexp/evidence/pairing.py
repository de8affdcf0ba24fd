"""Which trials of a variant and the baseline are pairs: the same seed, and proof that they started alike.

Two trials of one seed are a pair where their data, split, order of examples and shared initial weights have
the same fingerprints.  A fingerprint is not asked for where the two specs declare that it cannot agree: another
model, other data or another number of epochs.  The pair is then by seed only, and `declared` says why.
"""

import json
from typing import Any

import pandas as pd

from bnexp.records.frames import coordinate_keys
from bnexp.records.plan import StoredPlan
from bnexp.records.record import TrialRecord

PAIR_COLUMNS = {
    "baseline": "object",  # the variant it is compared with
    "point": "int64",  # index into plan.points
    "baseline_point": "int64",
    "seed": "int64",
    "status": "object",  # ok, diverged, failed, missing
    "baseline_status": "object",
    "state": "object",  # paired; incomplete: one side has no result; mismatch: fingerprints disagree
    "declared": "object",  # what the specs declare different that a fingerprint would show; empty if nothing
    "mismatch": "object",  # the fingerprints that disagree and should not; empty if none
}


def paired(trials: pd.DataFrame, plan: StoredPlan, baseline: str | None = None) -> pd.DataFrame:
    """One row per (point of another variant, seed) that has a baseline at the same place of the grid.

    `trials` is `frames.trials` of the plan, `baseline` by default the plan's.  Columns: experiment, variant, the grid
    keys, `PAIR_COLUMNS`.  Only rows whose state is `paired` may be subtracted from each other.
    """
    base = plan.baseline if baseline is None else baseline
    keys = coordinate_keys(plan)
    places = {_place(plan, k): k for k, point in enumerate(plan.points) if point.variant == base}
    rows = {(row["point"], row["seed"]): row for row in trials.to_dict("records")}
    found = []
    for index, point in enumerate(plan.points):
        other = places.get(_place(plan, index))
        if point.variant == base or other is None:
            continue
        asked, declared = _asked(point.spec, plan.points[other].spec)
        for seed in sorted(point.trials.keys() & plan.points[other].trials.keys()):
            row, twin = rows[index, seed], rows[other, seed]
            complete = row["status"] == twin["status"] == "ok"
            trained = {row["status"], twin["status"]} <= {"ok", "diverged"}
            mismatch = _mismatch(row, twin, asked) if trained else []
            found.append(
                {
                    **{key: row[key] for key in ("experiment", "variant", *keys)},
                    "baseline": base,
                    "point": index,
                    "baseline_point": other,
                    "seed": seed,
                    "status": row["status"],
                    "baseline_status": twin["status"],
                    "state": "mismatch" if mismatch else "paired" if complete else "incomplete",
                    "declared": ", ".join(declared),
                    "mismatch": ", ".join(mismatch),
                }
            )
    types = {key: trials[key].dtype for key in ("experiment", "variant", *keys)} | PAIR_COLUMNS
    return pd.DataFrame({key: pd.Series([row[key] for row in found], dtype=kind) for key, kind in types.items()})


def proof(one: TrialRecord, other: TrialRecord) -> tuple[str, str]:
    """What two specs declare different instead of a fingerprint, and the fingerprints that disagree and should not.

    Both are empty where the two trials are proven to have started alike; they may be of two results folders.
    """
    asked, declared = _asked(other.spec, one.spec)
    return ", ".join(declared), ", ".join(_mismatch(_fingerprints(other), _fingerprints(one), asked))


def _fingerprints(record: TrialRecord) -> dict[Any, Any]:
    """The columns of `frames.TRIAL_COLUMNS` that `_mismatch` reads."""
    found = record.fingerprints
    return {
        "data_hash": record.data_hash,
        "order_fingerprint": found.order if found else None,
        "validation_fingerprint": found.validation if found else None,
        "initial_weights": json.dumps(found.weights) if found else None,
    }


def _place(plan: StoredPlan, index: int) -> str:
    return json.dumps(plan.points[index].coordinates, sort_keys=True)


def _asked(spec: dict[str, Any], base: dict[str, Any]) -> tuple[set[str], list[str]]:
    """The fingerprints that must agree between two specs, and what the specs declare different instead."""
    data, base_data = spec["data"], base["data"]
    declared = []
    asked = {"data", "validation", "order", "weights"}
    if any(data.get(key) != base_data.get(key) for key in ("name", "source")):
        declared.append("other data")
        asked -= {"data", "validation", "order"}
    elif {**data, "train": None} != {**base_data, "train": None}:
        declared.append("another validation split")
        asked -= {"validation", "order"}
    elif data != base_data:
        declared.append("another number of training examples")
        asked -= {"order"}
    if spec["training"]["epochs"] != base["training"]["epochs"]:
        declared.append("another number of epochs")
        asked -= {"order"}
    if spec["model"] != base["model"]:
        declared.append("another model")
        asked -= {"weights"}
    return asked, declared


def _mismatch(row: dict[Any, Any], twin: dict[Any, Any], asked: set[str]) -> list[str]:
    columns = {
        "data": ("data_hash", "data"),
        "validation": ("validation_fingerprint", "validation split"),
        "order": ("order_fingerprint", "order of the examples"),
    }
    found = []
    for key, (column, words) in columns.items():
        if key in asked and (row[column] is None or row[column] != twin[column]):
            found.append(words if row[column] and twin[column] else f"{words} (not recorded)")
    if "weights" in asked:
        found += _other_weights(row["initial_weights"], twin["initial_weights"])
    return found


def _other_weights(text: str | None, base_text: str | None) -> list[str]:
    if text is None or base_text is None:
        return ["initial weights (not recorded)"]
    weights, base = json.loads(text), json.loads(base_text)
    # How a normalization layer starts belongs to the method; the weights around it do not.
    shared = [path for path in weights if path in base and not path.rpartition("/")[0].endswith("_norm")]
    return [f"initial {path}" for path in sorted(shared) if weights[path] != base[path]]
