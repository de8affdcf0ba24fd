"""Two records of one trial: the same bit by bit, within a tolerance, or different, and where first."""

import pytest
from made_up import record

from bnexp.evidence.agreement import agreement
from bnexp.specs.trial import Trial, TrialSpec

SPEC = TrialSpec.model_validate({"norm": "batch"})
RECORD = record(Trial(SPEC, 0), "bn-pre")


def looks(record=RECORD, **changes):
    """The record with other values at one evaluation: `looks(k=2, train_loss=...)`."""
    k = changes.pop("k")
    found = list(record.evaluations)
    found[k] = found[k].model_copy(update=changes)
    return record.model_copy(update={"evaluations": tuple(found)})


def printed(**changes):
    return RECORD.model_copy(update={"fingerprints": RECORD.fingerprints.model_copy(update=changes)})


def on_test(**changes):
    return RECORD.model_copy(update={"test": RECORD.test.model_copy(update=changes)})


def test_the_same_numbers_are_identical_whatever_the_time_and_the_machine():
    later = RECORD.model_copy(
        update={
            "started": "2030-01-01T00:00:00Z",
            "peak_memory_bytes": 1,
            "execution": {"threads": 8},
            "environment": {},
            "seconds": None,
            "evaluations": tuple(each.model_copy(update={"seconds": 99.0}) for each in RECORD.evaluations),
        }
    )
    found = agreement(RECORD, later)
    assert (found.verdict, found.first, found.differing) == ("identical", None, 0)
    assert found.compared > 7 * len(RECORD.evaluations)


def test_the_last_bit_of_a_loss_is_not_identical_and_within_the_tolerance():
    loss = RECORD.evaluations[3].train_loss
    found = agreement(RECORD, looks(k=3, train_loss=loss + 1e-15))
    assert (found.verdict, found.differing, found.beyond) == ("within tolerance", 1, None)
    assert (found.first.where, found.first.key) == ("evaluation 4 (step 338)", "train_loss")


@pytest.mark.parametrize(("by", "verdict"), [(0.0009, "within tolerance"), (0.0011, "different")])
def test_a_loss_has_the_tolerance_in_nats(by, verdict):
    assert agreement(RECORD, looks(k=0, validation_loss=RECORD.evaluations[0].validation_loss + by)).verdict == verdict


@pytest.mark.parametrize(("by", "verdict"), [(0.0009, "within tolerance"), (0.0011, "different")])
def test_an_accuracy_over_many_images_has_it_as_a_share(by, verdict):
    assert agreement(RECORD, on_test(accuracy=RECORD.test.accuracy - by)).verdict == verdict


def test_one_image_is_tolerated_where_it_is_more_than_that():
    few = RECORD.model_copy(update={"validation_examples": 400})
    look = few.evaluations[0].validation_accuracy
    assert agreement(few, looks(few, k=0, validation_accuracy=look - 1 / 400)).verdict == "within tolerance"
    assert agreement(few, looks(few, k=0, validation_accuracy=look - 2 / 400)).verdict == "different"


def test_a_tolerance_of_nothing_takes_identical_losses_alone():
    again = looks(k=0, train_loss=RECORD.evaluations[0].train_loss + 1e-12)
    assert agreement(RECORD, again, tolerance=0).verdict == "different"
    assert agreement(RECORD, RECORD, tolerance=0).verdict == "identical"


def test_the_first_difference_and_the_first_beyond_the_tolerance_are_told_apart():
    again = looks(k=1, train_loss=RECORD.evaluations[1].train_loss + 1e-6)
    again = looks(again, k=5, validation_loss=RECORD.evaluations[5].validation_loss + 0.5)
    found = agreement(RECORD, again)
    assert (found.first.where, found.beyond.where) == ("evaluation 2 (step 169)", "evaluation 6 (step 507)")
    assert (found.beyond.key, found.verdict) == ("validation_loss", "different")
    assert found.largest_loss == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("again", "where", "key"),
    [
        (RECORD.model_copy(update={"data_hash": "other"}), "", "data"),
        (printed(order="other"), "", "order of the examples"),
        (printed(validation="other"), "", "validation split"),
        (
            printed(weights={**RECORD.fingerprints.weights, "conv1/bias": "other"}),
            "initial weights",
            "conv1/bias",
        ),
        (RECORD.model_copy(update={"fingerprints": None}), "", "order of the examples"),
        (looks(k=2, step=1), "evaluation 3 (step 254)", "step"),
        (
            RECORD.model_copy(update={"evaluations": RECORD.evaluations[:-1]}),
            "evaluation 19 (step 8,440)",
            "evaluation",
        ),
        (RECORD.model_copy(update={"test": None, "status": "diverged"}), "", "status"),
        (RECORD.model_copy(update={"other_statistics": None}), "", "test accuracy with each batch's own statistics"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_fingerprints_counts_and_outcomes_have_no_tolerance(again, where, key):
    found = agreement(RECORD, again, tolerance=1e9)
    assert (found.verdict, found.beyond.where, found.beyond.key) == ("different", where, key)


def test_the_start_comes_before_everything_that_follows_from_it():
    again = looks(printed(weights={"conv1/kernel": "other"}), k=0, train_loss=9.0)
    assert agreement(RECORD, again).first.where == "initial weights"


def test_other_missed_images_of_the_same_number_are_not_identical_and_tolerated():
    other = tuple(sorted({*RECORD.test.missed[1:], next(k for k in range(9999) if k not in RECORD.test.missed)}))
    found = agreement(RECORD, on_test(missed=other))
    assert (found.verdict, found.first.key) == ("within tolerance", "misclassified test images")


def test_a_diverged_training_is_verified_by_its_step():
    diverged = record(Trial(SPEC, 0), "bn-pre", "diverged")
    later = diverged.model_copy(update={"diverged_at_step": diverged.diverged_at_step + 1})
    assert agreement(diverged, diverged).verdict == "identical"
    assert agreement(diverged, later).beyond.key == "diverged at step"


def test_a_loss_that_became_infinite_is_not_within_any_tolerance():
    assert agreement(RECORD, looks(k=0, train_loss=None), tolerance=1e9).verdict == "different"


def test_records_of_two_trials_are_no_pair():
    with pytest.raises(ValueError, match="records of two trials"):
        agreement(RECORD, RECORD.model_copy(update={"identity": "f" * 64}))
