"""What is compared: each metric's value, direction, and what counts where a target is not reached."""

import math

import pytest
from folders import trial_record
from made_up import with_recalibrated

from bnexp.errors import UserError
from bnexp.evidence.metric import METRICS, metric


@pytest.mark.parametrize(
    ("name", "value", "higher"),
    [
        ("test-accuracy", lambda record: 100 * record.test.accuracy, True),
        ("recalibrated-accuracy", lambda record: 100 * record.other_statistics.recalibrated.accuracy, True),
        ("validation-accuracy", lambda record: 100 * record.evaluations[-1].validation_accuracy, True),
        ("test-loss", lambda record: record.test.loss, False),
        ("validation-loss", lambda record: record.evaluations[-1].validation_loss, False),
        ("train-loss", lambda record: record.evaluations[-1].train_loss, False),
        ("seconds", lambda record: record.seconds.train, False),
    ],
)
def test_a_metric_is_read_from_the_record(name, value, higher):
    record = trial_record("bn-pre")
    assert metric(name).value(record) == value(record)
    assert metric(name).higher_is_better is higher


def test_every_metric_is_silent_about_a_diverged_training_but_steps_to_a_target():
    diverged = trial_record("none", 0, "diverged")
    assert [name for name, each in METRICS.items() if each.value(diverged) is not None] == []
    assert metric("steps-to-99").value(diverged) == math.inf


def test_a_method_without_statistics_has_its_one_test_accuracy():
    record = trial_record("ln")
    assert metric("recalibrated-accuracy").value(record) == 100 * record.test.accuracy


def seen(record, accuracies):
    """The record with these validation accuracies."""
    both = zip(record.evaluations, accuracies, strict=True)
    looks = tuple(each.model_copy(update={"validation_accuracy": value}) for each, value in both)
    return record.model_copy(update={"evaluations": looks})


def test_steps_to_a_target_are_those_of_the_first_of_two_evaluations_in_a_row():
    record = trial_record("none")
    found = seen(record, [0.1, 0.99, 0.1, 0.98, 0.985, *[0.99] * (len(record.evaluations) - 5)])
    assert metric("steps-to-98").value(found) == record.evaluations[3].step


def test_recalibrated_steps_to_a_target_are_those_of_what_was_learned():
    """Half of the errors: 98 % is there at the evaluation at which the plain figure has 96 %."""
    record = with_recalibrated(trial_record("bn-pre"))
    steps = metric("recalibrated-steps-to-98").value(record)
    assert steps == metric("steps-to-96").value(record) < metric("steps-to-98").value(record)
    assert metric("recalibrated-steps-to-98").label == "steps to 98 % validation accuracy under recalibrated statistics"


def test_a_method_without_statistics_has_its_one_time_to_a_target():
    record = trial_record("ln")
    assert metric("recalibrated-steps-to-98").value(record) == metric("steps-to-98").value(record) < math.inf
    pair = metric("recalibrated-steps-to-98").pair(record, with_recalibrated(trial_record("bn-pre")))
    assert pair[1] < pair[0] == metric("steps-to-98").value(record)


def test_of_a_target_it_is_known_until_when_each_was_looked_at():
    """Of one that diverged to its planned end; of others until the last evaluation that is confirmed."""
    records = {0: trial_record("none"), 1: trial_record("ln", 1, "diverged")}
    found = metric("steps-to-90").runs(records)
    assert (found.reached[0], math.isnan(found.reached[1])) == (metric("steps-to-90").value(records[0]), True)
    assert set(found.watched) == {records[0].evaluations[-1].step}
    assert [looks[-1] for looks in found.looks] == [records[0].evaluations[-2].step, found.watched[1]]


def test_without_validation_there_are_no_steps_to_a_target():
    record = trial_record("none")
    blind = seen(record, [None] * len(record.evaluations)).model_copy(update={"validation_examples": 0})
    assert metric("steps-to-98").pair(blind, blind) is None


def test_accuracies_come_in_images():
    assert metric("test-accuracy").resolution(trial_record("none")) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test-acuracy", "unknown metric 'test-acuracy'; did you mean 'test-accuracy'?"),
        ("steps-to-0", "unknown metric"),
        ("steps-to-100", "unknown metric"),
        ("recalibrated-steps-to-0", "unknown metric"),
    ],
)
def test_another_name_is_refused(name, message):
    with pytest.raises(UserError, match=message):
        metric(name)
