"""A stored trial is trained again by a worker and held against its record, which stays as it is."""

import json
from pathlib import Path

import pytest
from ground import Ground, experiment

from bnexp.errors import UserError
from bnexp.records.record import TrialRecord
from bnexp.running.options import Options
from bnexp.running.progress import Watcher
from bnexp.running.verify import Verification, execution_of, trial_of, verify
from bnexp.specs.experiment import Experiment, Point
from bnexp.specs.trial import Trial, TrialSpec
from bnexp.usercode.source import digest, source_files

FAKE = Options(trainer="fake_trainer:Trainer")


@pytest.fixture
def stored(ground: Ground) -> TrialRecord:
    ground.run(experiment([0]))
    return ground.record(0)


def again(record: TrialRecord, options: Options = FAKE, **rest: float) -> Verification:
    return verify("a-trial", record, options, Watcher(), **rest)


def test_the_record_is_not_touched_and_nothing_is_left_behind(ground: Ground, stored: TrialRecord) -> None:
    before = {path: path.read_bytes() for path in ground.store.root.rglob("*.*")}
    again(stored)
    assert before == {path: path.read_bytes() for path in ground.store.root.rglob("*.*")}


def test_another_environment_is_told_beside_it(stored: TrialRecord) -> None:
    found = again(stored.model_copy(update={"environment": {"tensorflow": "1.0"}}))
    assert [(each.what, each.one, each.other) for each in found.surroundings] == [("TensorFlow", "1.0", "not recorded")]


def test_a_diverged_trial_is_verified_too(ground: Ground) -> None:
    ground.behave(s0="diverge")
    ground.run(experiment([0]))
    record = ground.record(0)
    found = again(record)
    assert (record.status, found.sameness.verdict) == ("diverged", "identical")
    ground.behave()
    assert again(record).exit_code == 1


def test_data_that_are_not_there_are_the_users_to_mend(ground: Ground, stored: TrialRecord) -> None:
    ground.behave(s0="no_data")
    with pytest.raises(UserError, match="cannot be trained again: mnist is not here"):
        again(stored)


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
            "training": {"epochs": 1, "evaluations": 1},
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
    assert (found.sameness.verdict, found.exit_code, found.surroundings) == ("identical", 0, ())
