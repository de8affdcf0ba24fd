"""What trials of one dataset were trained on is held together: other data is never pooled with the earlier."""

import signal
from dataclasses import replace

import pytest
from ground import experiment

from bnexp.errors import UserError
from bnexp.evidence.side import Side
from bnexp.records.store import read_record
from bnexp.specs.experiment import Point
from bnexp.specs.trial import TrialSpec


def records(ground):
    return [read_record(path) for path in sorted(ground.store.root.glob("trials/*/record.json"))]


def says_other_data(text: str) -> bool:
    return "data mnist-5k: loads other data (SHA-256 otherwise) than earlier trials were trained on (made up)" in text


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_trial_on_other_data_than_those_before_it_has_no_result(ground, jobs):
    ground.behave(s1="other_data")
    ground.run(experiment([0]))
    outcome, said = ground.run(experiment([0, 1]), jobs=jobs)
    assert (ground.statuses(), outcome.exit_code) == ({0: "ok", 1: "failed"}, 3)
    assert says_other_data(said)


def test_of_the_first_trials_too_which_know_of_none(ground):
    ground.behave(s1="other_data")
    _, said = ground.run(experiment([0, 1]))
    assert (ground.statuses()[1], says_other_data(said)) == ("failed", True)


def test_once_the_data_are_back_the_same_command_trains_it(ground):
    ground.behave(s1="other_data")
    ground.run(experiment([0, 1]))
    ground.behave()
    ground.run(experiment([0, 1]))
    assert ground.statuses() == {0: "ok", 1: "ok"}


def test_with_force_all_trials_take_the_new_data(ground):
    ground.run(experiment([0, 1]))
    ground.behave(s0="other_data", s1="other_data")
    outcome, _ = ground.run(experiment([0, 1]), force=True)
    assert (ground.statuses(), outcome.exit_code) == ({0: "ok", 1: "ok"}, 0)
    assert {record.data_hash for record in records(ground)} == {"otherwise"}


def test_a_mean_over_different_data_is_refused_with_the_seeds(ground):
    """Such as of two folders merged by hand."""
    ground.run(experiment([0, 1, 2]))
    found = {record.seed: record for record in records(ground)}
    found[1] = found[1].model_copy(update={"data_hash": "otherwise"})
    said = r"none: .* different data, which mnist-5k loaded .* \(seeds 0, 2 on .* made up; seed 1 on .* otherwise\)"
    with pytest.raises(UserError, match=said):
        Side("none", found[0].spec, found)


def test_43_data_that_cannot_be_had_are_told_once_before_anything_is_stored(ground):
    """The tests' mirror answers nobody."""
    spec = TrialSpec.model_validate({"data": "mnist", "training": {"epochs": 1}})
    of_mnist = replace(experiment([0, 1, 2]), points=(Point("none", (), spec),))
    with pytest.raises(UserError, match="mnist could not be downloaded"):
        ground.run(of_mnist)
    assert not (ground.folder / "results").exists()


def test_43_a_download_ends_with_ctrl_c(ground, monkeypatch):
    """Nothing is being trained yet that a run would have to keep."""
    handlers = []
    monkeypatch.setattr("bnexp.running.runner.find", lambda *_: None)
    monkeypatch.setattr("bnexp.running.runner.fetch", lambda _: handlers.append(signal.getsignal(signal.SIGINT)))
    spec = TrialSpec.model_validate({"data": "mnist", "training": {"epochs": 1}})
    _, said = ground.run(replace(experiment([0]), points=(Point("none", (), spec),)))
    assert handlers == [signal.getsignal(signal.SIGINT)]
    assert said.startswith("downloading mnist ...\n")
