"""A user's own layer is tried once in a worker before anything is trained, and what is wrong with it ends the run."""

import pytest
from ground import Ground, experiment

from bnexp.errors import UserError
from bnexp.specs.experiment import Experiment, Point
from bnexp.specs.trial import TrialSpec

OWN = {
    name: TrialSpec.model_validate({"data": "mnist-5k", "norm": name, "training": {"epochs": 1}})
    for name in ("a:One", "a:Two")
}


def own(seeds: int) -> Experiment:
    points = tuple(Point(name, (), spec) for name, spec in OWN.items())
    return Experiment("own", "a test", tuple(OWN), "a:One", tuple(range(seeds)), points)


def test_each_layer_is_tried_once_and_then_all_is_trained(ground: Ground) -> None:
    outcome, _ = ground.run(own(3), jobs=2)
    assert (ground.lines("checked.txt"), outcome.trained, outcome.exit_code) == (["a:One", "a:Two"], 6, 0)


def test_what_is_finished_is_not_tried_again_and_methods_of_ours_are_not_tried(ground: Ground) -> None:
    ground.run(own(1), experiment(range(2), ["none", "batch"]))
    ground.run(own(1))
    assert len(ground.lines("checked.txt")) == 2


def test_all_refusals_come_at_once_and_nothing_is_trained(ground: Ground) -> None:
    ground.behave(check="refuse")
    with pytest.raises(UserError) as error:
        ground.run(own(2), experiment(range(2)), jobs=2)
    assert str(error.value).splitlines() == [
        "own, variant a:One: norm a:One: it changes the shape",
        "own, variant a:Two: norm a:Two: it changes the shape",
    ]
    assert ground.started() == []


@pytest.mark.parametrize(("action", "reason"), [("kill", "killed by SIGKILL"), ("hang", r"it took more than 3\.0 s")])
def test_a_layer_that_takes_its_worker_with_it_or_hangs_is_named(ground: Ground, action: str, reason: str) -> None:
    ground.behave(check=action)
    named = "own, variant a:One: norm a:One: the worker ended while it tried the layer"
    with pytest.raises(UserError, match=f"{named}: {reason}"):
        ground.run(own(2), start_timeout=3.0)
    assert ground.started() == []
