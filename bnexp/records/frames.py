"""Records as tidy pandas tables: one row per planned trial, one per evaluation, one per number that a probe took.

Missing and failed trials have their rows too, so that every count can be taken over what was planned.
Rows come in the order of the plan (point, then seed); columns and their types never depend on the results.
Text is `object` with None where there is none; counts that may be absent are `Int64`; measures are
`float64` with NaN.  `point` is the index into `plan.points`, which holds the spec of the row.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pandas as pd

from bnexp.records.plan import StoredPlan
from bnexp.records.quantities import EVALUATION, QUANTITIES, row
from bnexp.records.record import TrialRecord
from bnexp.records.store import Store
from bnexp.specs.probes import PROBES

# Columns of the plan, not of the record, behind which of the record's.
_OF_THE_PLAN = {"validation_examples": {"batch_size": "int64"}, "identity": {"folder": "object"}}

TRIAL_COLUMNS = {"point": "int64", "seed": "int64"} | {
    name: kind
    for each in QUANTITIES
    if each.column
    for name, kind in {each.name: each.column, **_OF_THE_PLAN.get(each.name, {})}.items()
}
"""After `experiment`, `variant`, and one column per grid key by its dotted name: `quantities.QUANTITIES` as columns,
`point` (index into plan.points), `seed`, `batch_size`, and `folder` (under trials/)."""

EVALUATION_COLUMNS = {"point": "int64", "seed": "int64"} | {
    each.name: each.column for each in EVALUATION if each.column
}
"""After `experiment`, `variant` and the grid keys."""

PROBE_COLUMNS = {
    "point": "int64",
    "seed": "int64",
    **dict.fromkeys(("probe", "quantity", "layer", "unit"), "object"),
    "step": "int64",
    "value": "float64",
}
"""After `experiment`, `variant` and the grid keys; what is of the whole model has the layer `model`."""


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


def trials(plan: StoredPlan, planned: Iterable[Planned]) -> pd.DataFrame:
    """One row per trial of `read`: experiment, variant, the grid keys, then `TRIAL_COLUMNS`."""
    rows = [
        {
            **_trial(plan, each),
            "batch_size": plan.points[each.point].spec["training"]["batch_size"],
            "folder": each.folder,
            **({"status": "missing"} if each.record is None else row(each.record, QUANTITIES)),
        }
        for each in planned
    ]
    return _frame(rows, plan, TRIAL_COLUMNS)


def evaluations(plan: StoredPlan, planned: Iterable[Planned]) -> pd.DataFrame:
    """One row per evaluation of the finished ones: experiment, variant, the grid keys, `EVALUATION_COLUMNS`."""
    rows = [
        {**trial, **row(evaluation, EVALUATION)}
        for each in planned
        if each.record is not None
        for trial in [_trial(plan, each)]
        for evaluation in each.record.evaluations
    ]
    return _frame(rows, plan, EVALUATION_COLUMNS)


def probes(plan: StoredPlan, planned: Iterable[Planned]) -> pd.DataFrame:
    """One row per number that a probe took: experiment, variant, the grid keys, `PROBE_COLUMNS`."""
    rows = [
        {**trial, "probe": name, "quantity": quantity, "layer": layer, "unit": unit, "step": look.step, "value": value}
        for each in planned
        if each.record is not None
        for trial in [_trial(plan, each)]
        for name, looks in each.record.probes.items()
        for look in looks
        for quantity, values in look.values.items()
        for unit in [_unit(name, quantity)]
        for layer, value in values.items()
    ]
    return _frame(rows, plan, PROBE_COLUMNS)


def _unit(probe: str, quantity: str) -> str:
    """Of a number that a probe took; "" where this version does not know it, as of a record from a later one."""
    known = PROBES[probe].values if probe in PROBES else {}
    return known[quantity].unit if quantity in known else ""


def _trial(plan: StoredPlan, planned: Planned) -> dict[str, Any]:
    point = plan.points[planned.point]
    which = {"experiment": plan.name, "variant": point.variant, "point": planned.point, "seed": planned.seed}
    return which | point.coordinates


def _frame(rows: list[dict[str, Any]], plan: StoredPlan, columns: dict[str, str]) -> pd.DataFrame:
    grid = {key: _coordinate_type(plan, key) for key in coordinate_keys(plan)}
    types: dict[str, Any] = {"experiment": "object", "variant": "object"} | grid | columns
    return pd.DataFrame({key: pd.Series([row.get(key) for row in rows], dtype=kind) for key, kind in types.items()})


def _coordinate_type(plan: StoredPlan, key: str) -> str:
    """Type of a grid column, from the plan alone: whole numbers, numbers, or anything; None where a point lacks it."""
    types = {type(point.coordinates.get(key)) for point in plan.points}
    if types <= {int, type(None)}:
        return "Int64" if type(None) in types else "int64"
    return "float64" if types <= {int, float, type(None)} else "object"
