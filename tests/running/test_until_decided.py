"""Seeds that are added until all is decided: which trials are trained, and when it ends."""

from dataclasses import replace

import pytest
from fake_trainer import record
from ground import experiment

from bnexp import api
from bnexp.errors import UserError
from bnexp.records.store import Store
from bnexp.running.progress import Watcher
from bnexp.running.survey import Outcome
from bnexp.running.until_decided import expected, until_decided
from bnexp.specs.experiment import plan

NORMS = ("none", "batch", "layer")
CLEAR = {"none": 97.0, "batch": 99.0, "layer": 98.0}


class Trained:
    """Trains by writing records: test accuracies in per cent by variant, and a shift by seed."""

    def __init__(self, store, accuracies, shift=lambda variant, seed: 0.0, stop_after=None):
        self.store, self.accuracies, self.shift, self.stop_after = store, accuracies, shift, stop_after
        self.runs = []

    def __call__(self, one):
        self.store.keep_plan(one)
        every = [each for each in plan(one) if self.store.read(each.trial) is None]
        mine = every if self.stop_after is None else every[: self.stop_after]
        for each in mine:
            variant, seed = each.point.variant, each.trial.seed
            share = (self.accuracies[variant] + self.shift(variant, seed)) / 100
            found = record(each.trial)
            test = found.test.model_copy(update={"accuracy": share})
            self.store.write(each.trial, found.model_copy(update={"test": test}))
        self.runs.append([(each.point.variant, each.trial.seed) for each in mine])
        return Outcome(planned=len([*plan(one)]), skipped=len([*plan(one)]) - len(every), trained=len(mine))


class Said(Watcher):
    def __init__(self):
        self.lines = []

    def looked(self, text):
        self.lines.append(text)


def ran(folder, accuracies, max_seeds=12, **options):
    said, train = Said(), Trained(Store(folder), accuracies, **options)
    made = experiment((0,), NORMS)
    outcome = until_decided(made, train.store, train, said, max_seeds=max_seeds)
    return outcome, train, said.lines


def test_what_is_clear_at_the_first_look_ends_there(tmp_path):
    outcome, train, said = ran(tmp_path, CLEAR)
    assert (outcome.planned, outcome.trained, outcome.left) == (24, 24, 0)
    assert said == ["tiny: after 8 seeds all 2 comparisons decided"]
    stored = train.store.read_plan("tiny")
    assert (stored.looks, stored.seeds) == ((8,), tuple(range(8)))


def wavering(variant, seed):
    """Layer normalization is better and worse by turns."""
    return (-1) ** seed if variant == "layer" else 0.0


def test_only_what_is_open_gets_another_seed_until_the_limit(tmp_path):
    outcome, train, said = ran(tmp_path, {**CLEAR, "layer": 97.0}, max_seeds=10, shift=wavering)
    assert train.runs[1:] == [[("none", 8), ("layer", 8)], [("none", 9), ("layer", 9)]]
    assert said[-1] == "tiny: after 10 seeds 1 of 2 comparisons open (layer)"
    assert (outcome.trained, outcome.skipped, outcome.left) == (28, 0, 0)
    stored = train.store.read_plan("tiny")
    assert [len(point.trials) for point in stored.points] == [10, 8, 10]
    assert stored.looks == (8, 9, 10)
    again, train, _ = ran(tmp_path, {**CLEAR, "layer": 97.0}, max_seeds=10, shift=wavering)
    assert (again.trained, again.skipped, train.runs) == (0, 28, [[]])
    assert train.store.read_plan("tiny").looks == (8, 9, 10)


def test_it_resumes_where_it_was_stopped_and_goes_on_beyond_an_earlier_limit(tmp_path):
    outcome, _, said = ran(tmp_path, {**CLEAR, "layer": 97.0}, shift=wavering, stop_after=5)
    assert (outcome.trained, outcome.left, said) == (5, 19, [])
    ran(tmp_path, {**CLEAR, "layer": 97.0}, max_seeds=9, shift=wavering)
    outcome, train, _ = ran(tmp_path, {**CLEAR, "layer": 97.0}, max_seeds=11, shift=wavering)
    assert train.runs == [[], [("none", 9), ("layer", 9)], [("none", 10), ("layer", 10)]]
    assert train.store.read_plan("tiny").looks == (8, 9, 10, 11)


def test_seeds_that_were_added_so_are_never_taken_for_a_number_fixed_before(tmp_path):
    _, train, _ = ran(tmp_path, CLEAR)
    train.store.keep_plan(experiment(range(10), NORMS))
    stored = train.store.read_plan("tiny")
    assert (stored.looks, stored.seeds) == ((8,), tuple(range(10)))


@pytest.mark.parametrize(
    ("changes", "max_seeds", "message"),
    [
        ({"norms": ("none",)}, 40, "only one variant"),
        ({}, 7, "takes 8 seeds at least, not 7"),
        ({"primary": "steps-to-98"}, 40, "not steps-to-98"),
    ],
)
def test_what_cannot_be_decided_is_refused(tmp_path, changes, max_seeds, message):
    made = experiment((0,), changes.pop("norms", NORMS))
    for key, value in changes.items():
        object.__setattr__(made, key, value)
    with pytest.raises(UserError, match=message):
        until_decided(made, Store(tmp_path), lambda _: Outcome(), Watcher(), max_seeds=max_seeds)


def test_more_seeds_than_asked_for_are_not_trained_because_an_earlier_plan_has_them(tmp_path):
    store = Store(tmp_path)
    store.keep_plan(experiment(tuple(range(12)), NORMS))
    train = Trained(store, CLEAR, wavering)
    with pytest.raises(UserError, match="12 seeds are planned already; raise --max-seeds"):
        until_decided(experiment((0,), NORMS), store, train, Said(), max_seeds=10)
    assert not train.runs


def test_what_is_to_be_expected_rests_on_pairs_that_were_measured(tmp_path):
    made = experiment((0,), NORMS)
    assert "none has measured yet" in expected(made, Store(tmp_path), 40)[1]
    ran(tmp_path, {**CLEAR, "layer": 97.0}, max_seeds=9, shift=lambda variant, seed: wavering(variant, seed) / 10)
    said = expected(made, Store(tmp_path), 40)
    assert said[0] == "tiny: looked at after 8 seeds, and after each one more; 40 at most"
    assert "a true difference of 0.2 pp after 9 seeds in half of all cases" in said[3]


class OneFails(Trained):
    """The first trial of the first run fails, and is found failed by those that follow."""

    def __call__(self, one):
        outcome, again = super().__call__(one), len(self.runs) > 1
        if again:
            return replace(outcome, skipped=outcome.skipped - 1, failed_before=1)
        return replace(outcome, trained=outcome.trained - 1, failed=1)


def test_a_trial_that_failed_counts_once_however_often_it_is_looked_at(tmp_path):
    train = OneFails(Store(tmp_path), {**CLEAR, "layer": 97.0}, wavering)
    outcome = until_decided(experiment((0,), NORMS), train.store, train, Said(), max_seeds=10)
    assert (outcome.planned, outcome.trained, outcome.failed, outcome.failed_before, outcome.left) == (28, 27, 1, 0, 0)


def test_force_trains_each_trial_once_and_not_at_every_look(tmp_path, monkeypatch):
    asked, train = [], Trained(Store(tmp_path), {**CLEAR, "layer": 97.0}, wavering)

    def run(experiments, _, options, __):
        asked.append((options.force, options.retry_failed))
        return train(*experiments)

    monkeypatch.setattr(api, "_run", run)
    options = {"until_decided": True, "max_seeds": 10, "force": True, "retry_failed": True, "watch": Watcher()}
    api.run(experiment((0,), NORMS), results=tmp_path, **options)
    assert asked == [(True, True), (False, False), (False, False)]


@pytest.mark.parametrize("options", [{"seeds": [0]}, {"only": ["none"]}, {"shard": "1/2"}, {"budget": 60.0}])
def test_what_would_choose_trials_too_is_refused(tmp_path, options):
    with pytest.raises(UserError, match="chooses the trials of one config itself"):
        api.run(experiment((0,), NORMS), results=tmp_path, until_decided=True, **options)


def test_a_limit_of_seeds_alone_is_refused(tmp_path):
    with pytest.raises(UserError, match="--max-seeds"):
        api.run(experiment((0,), NORMS), results=tmp_path, max_seeds=10)
