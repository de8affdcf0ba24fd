"""A stored trial is trained again by a worker and held against its record, which stays as it is."""

import json
from pathlib import Path

import pytest
from ground import SPECS, Ground, experiment

from bnexp.errors import UserError
from bnexp.records.record import Failure, TrialRecord
from bnexp.running import Options
from bnexp.running.progress import Watcher
from bnexp.running.verify import Verification, execution_of, trial_of, verify
from bnexp.specs.experiment import Experiment, Point
from bnexp.specs.trial import Trial, TrialSpec
from bnexp.usercode.source import digest, source_files

FAKE = Options(trainer="fake_trainer:Trainer")


@pytest.fixture
def stored(ground: Ground) -> TrialRecord:
    ground.run(experiment([0]))
    record = ground.store.read(Trial(SPECS["none"], 0))
    assert record is not None
    return record


def again(record: TrialRecord, options: Options = FAKE, **rest: float) -> Verification:
    return verify("a-trial", record, options, Watcher(), **rest)


def test_a_trial_that_comes_to_the_same_is_identical(ground: Ground, stored: TrialRecord) -> None:
    found = again(stored)
    assert found.sameness is not None
    assert (found.sameness.verdict, found.exit_code, ground.started()) == ("identical", 0, [0, 0])


def test_the_record_is_not_touched_and_nothing_is_left_behind(ground: Ground, stored: TrialRecord) -> None:
    before = {path: path.read_bytes() for path in ground.folder.rglob("*") if path.is_file() and "results" in str(path)}
    again(stored)
    after = {path: path.read_bytes() for path in ground.folder.rglob("*") if path.is_file() and "results" in str(path)}
    assert before == after


def test_a_record_with_another_number_is_different_and_says_where(stored: TrialRecord) -> None:
    look = stored.evaluations[0].model_copy(update={"validation_loss": 9.0})
    found = again(stored.model_copy(update={"evaluations": (look,)}))
    assert found.sameness is not None
    assert found.sameness.beyond is not None
    assert (found.sameness.beyond.key, found.exit_code) == ("validation_loss", 1)


def test_the_tolerance_is_the_callers(stored: TrialRecord) -> None:
    look = stored.evaluations[0]
    moved = look.model_copy(update={"validation_loss": (look.validation_loss or 0) + 0.01})
    record = stored.model_copy(update={"evaluations": (moved,)})
    assert (again(record).exit_code, again(record, tolerance=0.1).exit_code) == (1, 0)


def test_another_environment_is_told_beside_it(stored: TrialRecord) -> None:
    found = again(stored.model_copy(update={"environment": {"tensorflow": "1.0"}}))
    assert [(each.what, each.one, each.other) for each in found.surroundings] == [("TensorFlow", "1.0", "not recorded")]


def test_a_diverged_trial_is_verified_too(ground: Ground) -> None:
    ground.behave(s0="diverge")
    ground.run(experiment([0]))
    record = ground.store.read(Trial(SPECS["none"], 0))
    assert record is not None
    found = again(record)
    assert found.sameness is not None
    assert (record.status, found.sameness.verdict) == ("diverged", "identical")
    ground.behave()
    assert again(record).exit_code == 1


def test_a_trial_that_fails_this_time_is_different(ground: Ground, stored: TrialRecord) -> None:
    ground.behave(s0="fail")
    found = again(stored)
    assert (found.exit_code, found.failure, found.sameness) == (1, "RuntimeError: seed 0 will not do", None)


def test_data_that_are_not_there_are_the_users_to_mend(ground: Ground, stored: TrialRecord) -> None:
    ground.behave(s0="no_data")
    with pytest.raises(UserError, match="cannot be trained again: mnist is not here"):
        again(stored)


def test_a_failed_trial_is_refused_with_its_reason(stored: TrialRecord) -> None:
    failure = Failure(kind="MemoryError", message="too little", traceback="")
    record = stored.model_copy(update={"status": "failed", "failure": failure})
    with pytest.raises(UserError, match=r"the trial failed \(MemoryError: too little\), so that there is no result"):
        again(record)


def test_another_protocol_is_refused(stored: TrialRecord) -> None:
    with pytest.raises(UserError, match="trained by protocol 1, and this bnexp trains by protocol"):
        again(stored.model_copy(update={"protocol": 1}))


def test_a_spec_that_was_changed_by_hand_is_refused(stored: TrialRecord) -> None:
    spec = {**stored.spec, "training": {**stored.spec["training"], "epochs": 2}}
    with pytest.raises(UserError, match="its spec leads to another trial"):
        again(stored.model_copy(update={"spec": spec}))
    with pytest.raises(UserError, match="this version does not accept its spec"):
        again(stored.model_copy(update={"spec": {**spec, "colour": "red"}}))


OWN = "import keras\n\nclass MyNorm(keras.layers.Layer):\n    pass\n"


def own_record(folder: Path, stored: TrialRecord) -> TrialRecord:
    """A record whose trial was trained with `my_norms.py` of the folder as it is."""
    (folder / "my_norms.py").write_text(OWN)
    source = digest(source_files("my_norms", [str(folder)]))
    spec = TrialSpec.model_validate({"data": "mnist-5k", "norm": {"name": "my_norms:MyNorm", "source": source}})
    trial = Trial(spec, 0)
    changes = {"identity": trial.identity, "spec": spec.model_dump(mode="json")}
    return TrialRecord.model_validate(json.loads(stored.model_copy(update=changes).model_dump_json()))


def test_a_users_module_must_be_the_one_that_was_trained_with(stored: TrialRecord, tmp_path: Path) -> None:
    record = own_record(tmp_path, stored)
    assert trial_of("t", record, [str(tmp_path)]).search_path == (str(tmp_path),)
    (tmp_path / "my_norms.py").write_text(OWN + "edited = True\n")
    with pytest.raises(
        UserError, match=r"my_norms:MyNorm is not what it was trained with: changed since: my_norms\.py;"
    ):
        trial_of("t", record, [str(tmp_path)])
    with pytest.raises(UserError, match=r"no module 'my_norms'.*say where the module lies with --modules"):
        trial_of("t", record, [str(tmp_path / "elsewhere")])


def test_threads_and_device_are_those_of_the_record(stored: TrialRecord) -> None:
    record = stored.model_copy(update={"execution": {"threads": 3, "device": "gpu", "jobs": 7}})
    assert execution_of(record) == {"threads": 3, "device": "gpu"}
    assert execution_of(stored.model_copy(update={"execution": {"device": "tpu"}})) == {}


def test_a_real_training_comes_to_the_same_bits(tmp_path: Path, ground: Ground) -> None:
    """The one test here with TensorFlow: 250 images, twice."""
    spec = TrialSpec.model_validate(
        {
            "data": {"name": "mnist-5k", "train": 250, "validation": 100},
            "model": {"name": "mlp", "widths": [16]},
            "norm": "batch",
            "training": {"epochs": 1, "evaluations": {"first_epoch": 2}},
        }
    )
    trial = Trial(spec, 0)
    ground.run(
        Experiment("real", "", ("bn",), "bn", (0,), (Point("bn", (), spec),)),
        trainer="bnexp.training:Trainer",
        device="cpu",
    )
    record = ground.store.read(trial)
    assert record is not None
    found = again(record, Options(device="cpu"))
    assert found.sameness is not None
    assert (found.sameness.verdict, found.exit_code, found.surroundings) == ("identical", 0, ())
