"""Pairs are proven by fingerprints; what cannot be proven is said, and never silently subtracted."""

from dataclasses import replace

import pytest
from folders import trial_record, write

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.side import Side, pairs
from bnexp.specs.trial import TrialSpec

SEEDS = range(5)


def side(variant, fates=None, **spec):
    """Five trials; `fates` by seed."""
    records = {seed: trial_record(variant, seed, (fates or {}).get(seed, "finished"), **spec) for seed in SEEDS}
    return Side(variant, trial_record(variant, **spec).spec, records)


def changed(of, seed=2, **fingerprints):
    """The side with other fingerprints, or `data_hash`, in the record of one seed."""
    record = of.records[seed]
    data = {"data_hash": fingerprints.pop("data_hash")} if "data_hash" in fingerprints else {}
    digests = record.fingerprints.model_copy(update=fingerprints)
    return replace(of, records={**of.records, seed: record.model_copy(update={"fingerprints": digests, **data})})


def on_other_data(of):
    """The side as if all of its trials had been trained on other data."""
    records = {seed: record.model_copy(update={"data_hash": "x"}) for seed, record in of.records.items()}
    return replace(of, records=records)


def declared(of, **blocks):
    """The side with another spec; what was recorded stays."""
    norm = of.spec["norm"]
    return replace(of, spec=TrialSpec.model_validate({"norm": norm, **blocks}).model_dump(mode="json"))


def test_every_seed_that_both_planned_and_finished_is_a_pair():
    found = pairs(side("none"), side("ln"))
    assert (found.planned, tuple(found.finished), found.declared, found.mismatches) == ((*SEEDS,), (*SEEDS,), "", {})
    assert all(one.seed == other.seed for one, other in found.finished.values())


def test_missing_and_failed_trials_form_none_and_diverged_ones_do():
    one, other = side("none", {1: "failed", 2: "diverged"}), side("ln")
    found = pairs(one, replace(other, records={**other.records, 3: None, 9: None}))
    assert (found.planned, tuple(found.finished)) == ((*SEEDS,), (0, 2, 4))


def test_the_outcome_of_a_pair_is_whether_each_side_trained():
    """Failed, diverged, hardly above guessing; what does not tell goes by its status, what is missing not."""
    one, other = side("none", {1: "failed", 2: "diverged"}), side("ln")
    told = {k: other.records[k].model_copy(update={"trained": value}) for k, value in ((0, False), (1, None))}
    found = pairs(one, replace(other, records={**other.records, **told, 3: None}))
    assert found.outcomes == {0: (True, False), 1: (False, True), 2: (False, True), 4: (True, True)}
    assert (side("none", {1: "failed"}).counts.untrained, replace(other, records=told).counts.untrained) == (0, 1)


def test_other_initial_weights_are_named():
    found = pairs(side("none"), side("gn", {2: "other-weights"}))
    assert found.mismatches == {2: "initial conv1/kernel"}
    assert tuple(found.finished) == (0, 1, 3, 4)


def test_what_a_normalization_layer_starts_at_is_its_own_affair():
    """It is known by the record, and by no name."""
    weights = trial_record("bn-pre", 2).fingerprints.weights
    one, other = (changed(side(v), weights={**weights, "my/gain": v}) for v in ("bn-pre", "ln"))
    assert pairs(one, other).mismatches == {2: "initial my/gain"}
    one, other = (changed(each, normalization=("conv1_norm/gamma", "my/gain")) for each in (one, other))
    assert pairs(one, other).mismatches == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_hash": None}, "data (not recorded)"),
        ({"validation": "0123"}, "validation split"),
        ({"order": "0123"}, "order of the examples"),
    ],
)
def test_any_fingerprint_that_disagrees_breaks_the_pair(change, words):
    found = pairs(side("none"), changed(side("ln"), **change))
    assert (found.mismatches, tuple(found.finished)) == ({2: words}, (0, 1, 3, 4))


def test_a_record_without_fingerprints_proves_nothing():
    other = side("ln")
    bare = other.records[2].model_copy(update={"fingerprints": None})
    found = pairs(side("none"), replace(other, records={**other.records, 2: bare}))
    words = [f"{what} (not recorded)" for what in ("validation split", "order of the examples", "initial weights")]
    assert found.mismatches == {2: ", ".join(words)}


@pytest.mark.parametrize(
    ("blocks", "words", "free"),
    [
        ({"model": {"name": "cnn", "initial_scale": 2.0}}, "another model", {"weights": {"conv1/kernel": "x"}}),
        ({"training": {"epochs": 9}}, "another length of training", {"order": "x"}),
        ({"data": {"name": "mnist", "train": 500}}, "another number of training examples", {"order": "x"}),
        ({"data": {"name": "mnist", "validation": 0.2}}, "another validation split", {"validation": "x"}),
        ({"data": {"name": "mnist-5k"}}, "other data", {"order": "x", "validation": "x"}),
    ],
)
def test_where_the_config_declares_a_difference_the_pair_is_by_seed(blocks, words, free):
    broken = changed(side("ln"), **free)
    found = pairs(side("none"), declared(broken, **blocks))
    assert (found.declared, found.mismatches, tuple(found.finished)) == (words, {}, (*SEEDS,))
    assert list(pairs(side("none"), broken).mismatches) == [2]


def test_other_data_are_told_unless_the_config_declares_them():
    other = on_other_data(side("ln"))
    assert pairs(side("none"), declared(other, data={"name": "mnist-5k"})).mismatches == {}
    assert pairs(side("none"), other).mismatches == dict.fromkeys(SEEDS, "data")


def test_a_declared_difference_excuses_no_other_one_and_another_batch_size_is_none():
    other = declared(on_other_data(side("ln")), model={"name": "cnn", "initial_scale": 2.0})
    assert pairs(side("none"), other).mismatches == dict.fromkeys(SEEDS, "data")
    found = pairs(side("none"), declared(side("ln"), training={"batch_size": 7}))
    assert (found.declared, found.mismatches) == ("", {})


def test_the_very_same_record_on_both_sides_is_a_copy():
    one = side("ln")
    other = replace(one, records={**side("ln").records, 1: trial_record("ln", 1).model_copy(update={"started": "now"})})
    found = pairs(one, other)
    assert (found.copies, tuple(found.finished)) == ((0, 2, 3, 4), (*SEEDS,))
    assert tuple(found.without_copies().finished) == (1,)


def test_each_variant_is_paired_with_the_baseline_at_its_place_and_where_that_lacks_with_nothing(tmp_path):
    store = write(tmp_path, {"none": (98.9,) * 3, "ln": (99.0,) * 3}, batch_sizes=(16, 64))
    plan = store.read_plan("made-up")
    found = Evidence(store, plan).comparisons
    assert [(each.variant, each.difference.n, each.point, each.baseline_point) for each in found] == [
        ("ln", 3, 1, 0),
        ("ln", 3, 3, 2),
    ]
    fewer = plan.model_copy(update={"points": plan.points[:2] + plan.points[3:]})
    alone = Evidence(store, fewer).comparisons[1]
    assert (alone.baseline_point, alone.planned, alone.difference.n, alone.verdict) == (None, 0, 0, "nothing")
