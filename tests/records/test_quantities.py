"""Each measured number once: the lists hold what a record holds, and the documentation follows from them."""

import re
from pathlib import Path

import pytest
from made_up import record

from bnexp.records.quantities import EVALUATION, QUANTITIES, QUANTITY, surroundings
from bnexp.records.record import Evaluation, TrialRecord
from bnexp.specs.trial import Trial, TrialSpec

ROOT = Path(__file__).parents[2]
EXECUTION = {"device": "cpu", "device_name": "a processor", "threads": 1, "jobs": 2}
EXECUTION |= {"deterministic": True, "precision": "float32", "step": "graph"}
VERSIONS = {"python": "3.11.9", "bnexp": "0.1.0", "tensorflow": "2.21", "keras": "3.15", "numpy": "2.4"}
PLACE = {"cpu": "a processor", "cores": 2, "memory_bytes": 2**34, "platform": "Linux", "git_commit": "0" * 40}
MACHINE = {"execution": EXECUTION, "environment": VERSIONS | PLACE}
RECORD = record(Trial(TrialSpec.model_validate({"norm": "batch"}), 0), "bn-pre").model_copy(update=MACHINE)


def test_every_figure_of_an_evaluation_is_a_quantity() -> None:
    assert [each.name for each in EVALUATION] == list(Evaluation.model_fields)


def test_names_are_used_once() -> None:
    assert len(QUANTITY) == len(QUANTITIES)
    assert len({each.label for each in QUANTITIES}) == len(QUANTITIES)


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda each: each.name)
def test_each_is_found_in_a_finished_record_and_absent_from_an_empty_one(quantity) -> None:
    if quantity.name not in ("diverged_at_step", "variables"):
        assert quantity.get(RECORD) is not None
    empty = TrialRecord(protocol=2, identity="0", spec={}, seed=0, status="failed", started="")
    assert quantity.get(empty) == {"status": "failed", "protocol": 2, "identity": "0"}.get(quantity.name)


def test_units_and_directions_are_those_of_the_field() -> None:
    assert {each.better for each in QUANTITIES if each.unit == "nats"} == {"lower"}
    assert {each.better for each in QUANTITIES if each.unit == "share"} == {"higher"}
    assert all(each.images(RECORD) == 10_000 for each in QUANTITIES if each.name.startswith("test_accuracy"))


@pytest.mark.parametrize("gone", ["device", "threads", "jobs"])
def test_seconds_of_a_machine_that_is_not_told_compare_with_nothing(gone: str) -> None:
    known = surroundings(RECORD)
    assert known is not None
    assert {"processor", "threads", "trials at a time", "TensorFlow", "memory"} <= known.keys()
    execution = {key: value for key, value in RECORD.execution.items() if key != gone}
    assert surroundings(RECORD.model_copy(update={"execution": execution})) is None


@pytest.mark.parametrize("quantities", [QUANTITIES, EVALUATION], ids=["trials.csv", "evaluations.csv"])
def test_the_documentation_has_every_column_with_its_unit(quantities) -> None:
    text = (ROOT / "results" / "README.md").read_text()
    rows = set(re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", text, re.MULTILINE))
    assert {(each.name, each.unit, each.label) for each in quantities if each.column} <= rows
