"""Records of older schemas are read, each in the form of today's, and the files stay as they are."""

import json

import pytest
from made_up import build, record

from bnexp.records.record import MIGRATIONS, SCHEMA_VERSION, TrialRecord, migrated
from bnexp.records.store import read_record
from bnexp.specs.trial import Trial, TrialSpec


def version_1(trial_record: TrialRecord) -> dict:
    """The record as the first schema had it."""
    data = json.loads(trial_record.model_dump_json())
    del data["fingerprints"]["normalization"], data["probes"]
    return data | {"schema_version": 1}


NEW = record(Trial(TrialSpec.model_validate({"norm": "batch"}), 0), "bn-pre")


def test_a_record_of_version_1_is_read_with_its_normalization_known_by_name() -> None:
    read = TrialRecord.model_validate_json(json.dumps(version_1(NEW)))
    assert read.schema_version == SCHEMA_VERSION == 3
    assert {path.rpartition("/")[0] for path in read.fingerprints.normalization} == {"conv1_norm"}
    assert read.model_copy(update={"fingerprints": None}) == NEW.model_copy(update={"fingerprints": None})


def test_a_record_without_the_classes_of_its_missed_images_is_read_and_gets_no_key() -> None:
    data = json.loads(NEW.model_dump_json())
    del data["test"]["labels"], data["test"]["predicted"]
    read = TrialRecord.model_validate_json(json.dumps(data))
    assert (read.test.labels, read.test.predicted) == (None, None)
    assert json.loads(read.model_dump_json()) == data


def test_a_record_of_version_2_is_read_as_one_without_probes() -> None:
    data = json.loads(NEW.model_dump_json()) | {"schema_version": 2}
    del data["probes"]
    assert TrialRecord.model_validate_json(json.dumps(data)) == NEW


def test_a_failed_record_of_version_1_is_read() -> None:
    failed = json.loads(record(Trial(TrialSpec(), 0), "none", "failed").model_dump_json()) | {"schema_version": 1}
    assert TrialRecord.model_validate_json(json.dumps(failed)).status == "failed"


def test_there_is_a_step_from_every_earlier_version() -> None:
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA_VERSION))


@pytest.mark.parametrize("data", [{}, {"schema_version": 99}, {"schema_version": "1"}])
def test_what_is_no_older_record_is_left_for_the_model_to_refuse(data) -> None:
    assert migrated(data) == data


def test_reading_rewrites_nothing(tmp_path) -> None:
    store, _ = build(tmp_path, variants=("none",), batch_sizes=(), seeds=1, faults={})
    (path,) = store.root.glob("trials/*/record.json")
    path.write_text(text := json.dumps(version_1(read_record(path))))
    assert read_record(path).schema_version == SCHEMA_VERSION
    assert path.read_text() == text
