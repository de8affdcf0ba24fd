"""Records as frames: every planned trial has its row, whatever became of it."""

import made_up
import numpy as np
import pytest

from bnexp.records import frames
from bnexp.records.frames import EVALUATION_COLUMNS, TRIAL_COLUMNS, coordinate_keys
from bnexp.records.plan import StoredPlan
from bnexp.records.store import Store


def trials(store, plan):
    return frames.trials(plan, frames.read(store, plan))


def evaluations(store, plan):
    return frames.evaluations(plan, frames.read(store, plan))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return made_up.build(tmp_path_factory.mktemp("results"))


def test_every_planned_trial_has_a_row_in_the_order_of_the_plan(results):
    frame = trials(*results)
    assert list(zip(frame["point"], frame["seed"], strict=True)) == [(p, s) for p in range(10) for s in range(5)]


def test_statuses_are_what_was_made_up(results):
    frame = trials(*results)
    assert frame["status"].value_counts().to_dict() == {"ok": 45, "missing": 3, "diverged": 1, "failed": 1}
    row = frame[frame["status"] == "diverged"].iloc[0]
    assert (row["variant"], row["training.batch_size"], row["seed"]) == ("none", 16, 1)
    assert row["diverged_at_step"] == 4
    assert (frame["test_accuracy"].isna() == (frame["status"] != "ok")).all()


def test_a_row_holds_the_numbers_of_its_record(results):
    store, plan = results
    row = trials(store, plan).iloc[7]
    record = store.read_folder(row["folder"])
    last = record.evaluations[-1]
    assert row["seed"] == record.seed
    assert row["test_accuracy"] == record.test.accuracy
    assert row["test_loss"] == record.test.loss
    assert row["validation_accuracy"] == last.validation_accuracy
    assert row["steps"] == last.step == 10125
    assert bool(row["trained"]) is record.trained is True
    assert row["parameters_normalization"] == record.parameters.normalization == 448
    assert row["seconds_train"] == record.seconds.train
    assert row["seconds_compile"] == record.seconds.compile
    assert row["images_per_second"] == pytest.approx(162_000 / last.seconds)
    assert row["order_fingerprint"] == record.fingerprints.order
    assert row["jobs"] == 2
    assert plan.points[row["point"]].trials[row["seed"]] == row["folder"]


def test_columns_and_types_are_fixed_with_or_without_results(results, tmp_path):
    store, plan = results
    keys = ["experiment", "variant", "training.batch_size"]
    full, empty = trials(store, plan), trials(Store(tmp_path), plan)
    assert list(full.columns) == keys + list(TRIAL_COLUMNS)
    assert (full.dtypes == empty.dtypes).all()
    assert set(empty["status"]) == {"missing"}
    full, empty = evaluations(store, plan), evaluations(Store(tmp_path), plan)
    assert list(full.columns) == keys + list(EVALUATION_COLUMNS)
    assert (full.dtypes == empty.dtypes).all()
    assert empty.empty


def test_evaluations_are_those_of_the_records_in_order(results):
    store, plan = results
    frame = evaluations(store, plan)
    assert len(frame) == sum(len(each.record.evaluations) for each in frames.read(store, plan) if each.record)
    one = frame[(frame["point"] == 6) & (frame["seed"] == 2)]
    assert one["step"].is_monotonic_increasing
    assert len(one) == 42
    assert set(one["variant"]) == {"bn-pre"}
    assert one["epoch"].iloc[-1] == 3.0
    diverged = frame[(frame["point"] == 0) & (frame["seed"] == 1)]
    assert list(diverged["train_loss"].isna()) == [False, False, True]


def with_coordinates(plan, *coordinates):
    points = [plan.points[0].model_dump() | {"coordinates": each} for each in coordinates]
    return StoredPlan.model_validate(plan.model_dump() | {"points": points})


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([{"a": 1}, {"a": 2}], "int64"),
        ([{"a": 1}, {"a": 0.5}], "float64"),
        ([{"a": 1}, {}], "Int64"),
        ([{"a": 0.5}, {}], "float64"),
        ([{"a": 1}, {"a": "one"}], "object"),
        ([{"a": True}, {"a": False}], "object"),
    ],
)
def test_a_grid_column_has_the_type_of_its_values(results, values, kind):
    store, plan = results
    frame = trials(store, with_coordinates(plan, *values))
    assert frame["a"].dtype == np.dtype(kind) if kind != "Int64" else str(frame["a"].dtype) == kind


def test_grid_keys_are_in_the_order_of_the_config(results):
    assert coordinate_keys(with_coordinates(results[1], {"b": 1}, {"b": 1, "a": 2})) == ["b", "a"]
