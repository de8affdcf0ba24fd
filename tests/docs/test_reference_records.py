"""The committed records: what `results/reference/records.py` packs and unpacks, and what lies there."""

import importlib.util
import json
from pathlib import Path

import pytest

import bnexp
from bnexp.config.load import load
from bnexp.records.find import plans
from bnexp.records.store import Store

FILE = Path(__file__).parents[2] / "results/reference/records.py"


@pytest.fixture
def records():
    spec = importlib.util.spec_from_file_location("reference_records", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(tmp_path):
    """A results folder with one experiment of two trials."""
    folder = tmp_path / "results"
    for k in "ab":
        (folder / f"trials/{k}").mkdir(parents=True)
        record = {"seed": k, "test": {"accuracy": 1, "missed": [3], "labels": [7], "predicted": [1]}}
        (folder / f"trials/{k}/record.json").write_text(json.dumps(record))
    (folder / "experiments").mkdir()
    (folder / "experiments/x.json").write_text(json.dumps({"name": "x", "points": [{"trials": {"0": "a", "1": "b"}}]}))
    return folder


def test_what_is_packed_comes_back_without_the_classes_of_single_images(records, results, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORDS", tmp_path / "packed")
    records.pack(results, "x", "x")
    first = (tmp_path / "packed/x.tar.xz").read_bytes()
    records.pack(results, "x", "x")
    assert (tmp_path / "packed/x.tar.xz").read_bytes() == first
    kept = tmp_path / "back/trials/a/record.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    records.unpack(tmp_path / "back")
    assert kept.read_text() == "mine"
    test = json.loads((tmp_path / "back/trials/b/record.json").read_text())["test"]
    assert test == {"accuracy": 1, "missed": [3], "labels": None, "predicted": None}


def test_a_folder_that_lacks_a_trial_takes_none_away(records, results, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(records, "RECORDS", tmp_path / "packed")
    records.pack(results, "x", "x")
    (results / "trials/a/record.json").unlink()
    records.pack(results, "x", "x")
    assert capsys.readouterr().out.splitlines() == ["x: 2 of 2 trials"] * 2
    (results / "experiments/x.json").write_text(json.dumps({"name": "x", "points": [{"trials": {"1": "b"}}]}))
    records.pack(results, "x", "x")
    assert "trials/a/record.json" not in records.contents(tmp_path / "packed/x.tar.xz")


UNFINISHED = {"batch_size"}
"""Its last seeds are not trained yet."""


def test_the_committed_ones_are_read_and_their_claims_were_stored_before_the_first_trial(records, tmp_path):
    records.unpack(tmp_path)
    store = Store(tmp_path)
    found = {plan.name: plan for plan in plans(store)}
    assert {"deep", "federated", "recurrent"} <= found.keys()
    for plan in found.values():
        every = [store.read_folder(folder) for point in plan.points for folder in point.trials.values()]
        assert None not in every or plan.name in UNFINISHED
        assert all(record is None or record.test is None or record.test.labels is None for record in every)
        assert plan.late == []


@pytest.mark.parametrize("name", ["federated", "recurrent", "smoothness", "inference-cost"])
def test_the_rules_of_today_are_those_that_were_stored(records, tmp_path, name):
    """A change of these configs, or of how a rule is hashed, would make their verdicts exploratory."""
    records.unpack(tmp_path)
    assert Store(tmp_path).united(load(FILE.parents[2] / f"configs/claims/{name}.yaml")).late == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["methods-cnn", "deep", "federated", "recurrent"])
def test_the_committed_tables_follow_from_them(records, tmp_path, name):
    records.unpack(tmp_path)
    bnexp.report(tmp_path, experiments=[name])
    folder = FILE.parent / ("methods" if name == "methods-cnn" else "further")
    for table in (f"{name}.csv", f"{name}-times.csv"):
        assert (tmp_path / "report/tables" / table).read_text() == (folder / "tables" / table).read_text()
