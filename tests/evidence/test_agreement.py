"""Two records of one trial: the same bit by bit, within a tolerance, or different, and where first."""

import pytest
from made_up import record

from bnexp.evidence.agreement import agreement
from bnexp.specs.trial import Trial, TrialSpec

SPEC = TrialSpec.model_validate({"norm": "batch"})
RECORD = record(Trial(SPEC, 0), "bn-pre")
LOOK = RECORD.evaluations


def changed(of=RECORD, **values):
    return of.model_copy(update=values)


def looks(k, of=RECORD, **values):
    """The record with other values at one evaluation."""
    found = list(of.evaluations)
    found[k] = changed(found[k], **values)
    return changed(of, evaluations=tuple(found))


def printed(**values):
    return changed(fingerprints=changed(RECORD.fingerprints, **values))


def on_test(**values):
    return changed(test=changed(RECORD.test, **values))


def test_the_same_numbers_are_identical_whatever_the_time_and_the_machine():
    evaluations = tuple(changed(each, seconds=99.0) for each in LOOK)
    later = changed(started="2030", peak_memory_bytes=1, execution={"threads": 8}, environment={}, seconds=None)
    found = agreement(RECORD, changed(later, evaluations=evaluations))
    assert (found.verdict, found.first, found.differing) == ("identical", None, 0)
    assert found.compared > 7 * len(LOOK)


def test_the_last_bit_of_a_loss_is_not_identical_and_within_the_tolerance():
    found = agreement(RECORD, looks(3, train_loss=LOOK[3].train_loss + 1e-15))
    assert (found.verdict, found.differing, found.beyond) == ("within tolerance", 1, None)
    assert (found.first.where, found.first.key) == ("evaluation 4 (step 4)", "train_loss")


@pytest.mark.parametrize(("by", "verdict"), [(0.0009, "within tolerance"), (0.0011, "different")])
def test_the_tolerance_is_one_of_losses_in_nats_and_of_accuracies_as_shares(by, verdict):
    assert agreement(RECORD, looks(0, validation_loss=LOOK[0].validation_loss + by)).verdict == verdict
    assert agreement(RECORD, on_test(accuracy=RECORD.test.accuracy - by)).verdict == verdict


@pytest.mark.parametrize(("images", "verdict"), [(1, "within tolerance"), (2, "different")])
def test_one_image_is_tolerated_where_it_is_more_than_that(images, verdict):
    few = changed(validation_examples=400)
    again = looks(0, few, validation_accuracy=LOOK[0].validation_accuracy - images / 400)
    assert agreement(few, again).verdict == verdict


def test_a_tolerance_of_nothing_takes_identical_losses_alone():
    again = looks(0, train_loss=LOOK[0].train_loss + 1e-12)
    assert agreement(RECORD, again, tolerance=0).verdict == "different"
    assert agreement(RECORD, RECORD, tolerance=0).verdict == "identical"


def test_the_first_difference_and_the_first_beyond_the_tolerance_are_told_apart():
    again = looks(1, train_loss=LOOK[1].train_loss + 1e-6)
    found = agreement(RECORD, looks(5, again, validation_loss=LOOK[5].validation_loss + 0.5))
    assert (found.first.where, found.beyond.where) == ("evaluation 2 (step 2)", "evaluation 6 (step 6)")
    assert (found.beyond.key, found.verdict) == ("validation_loss", "different")
    assert found.largest_loss == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("again", "where", "key"),
    [
        (changed(data_hash="other"), "", "data"),
        (printed(order="other"), "", "order of the examples"),
        (printed(validation="other"), "", "validation split"),
        (printed(weights=RECORD.fingerprints.weights | {"conv1/bias": "other"}), "initial weights", "conv1/bias"),
        (changed(fingerprints=None), "", "order of the examples"),
        (looks(2, step=1), "evaluation 3 (step 3)", "step"),
        (looks(0, train_loss=None), "evaluation 1 (step 1)", "train_loss"),
        (changed(evaluations=LOOK[:-1]), "evaluation 49 (step 8,440)", "evaluation"),
        (changed(test=None, status="diverged"), "", "status"),
        (changed(other_statistics=None), "", "test accuracy with each batch's own statistics"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_fingerprints_counts_and_outcomes_have_no_tolerance(again, where, key):
    found = agreement(RECORD, again, tolerance=1e9)
    assert (found.verdict, found.beyond.where, found.beyond.key) == ("different", where, key)


def test_the_start_comes_before_everything_that_follows_from_it():
    again = looks(0, printed(weights={"conv1/kernel": "other"}), train_loss=9.0)
    assert agreement(RECORD, again).first.where == "initial weights"


def test_other_missed_images_of_the_same_number_are_not_identical_and_tolerated():
    other = tuple(sorted({*RECORD.test.missed[1:], next(k for k in range(9999) if k not in RECORD.test.missed)}))
    found = agreement(RECORD, on_test(missed=other))
    assert (found.verdict, found.first.key) == ("within tolerance", "misclassified test images")


def test_a_diverged_training_is_verified_by_its_step():
    diverged = record(Trial(SPEC, 0), "bn-pre", "diverged")
    later = changed(diverged, diverged_at_step=diverged.diverged_at_step + 1)
    assert agreement(diverged, diverged).verdict == "identical"
    assert agreement(diverged, later).beyond.key == "diverged at step"


def test_records_of_two_trials_are_no_pair():
    with pytest.raises(ValueError, match="records of two trials"):
        agreement(RECORD, changed(identity="f" * 64))
