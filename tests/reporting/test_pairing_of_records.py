"""Pairs are proven by fingerprints; what cannot be proven is said, and never silently subtracted."""

import json

import pytest
from made_up import build

from bnexp.evidence.pairing import paired
from bnexp.records.frames import trials
from bnexp.records.plan import StoredPlan


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    store, plan = build(tmp_path_factory.mktemp("results"))
    return trials(store, plan), plan


def changed(plan, variant, **blocks):
    """The plan with keys of one variant's spec changed: `training={"epochs": 9}`."""
    data = plan.model_dump()
    for point in data["points"]:
        if point["variant"] == variant:
            for block, keys in blocks.items():
                point["spec"][block] = point["spec"][block] | keys
    return StoredPlan.model_validate(data)


def of(pairs, variant, batch_size=64):
    return pairs[(pairs["variant"] == variant) & (pairs["training.batch_size"] == batch_size)]


def altered(frame, column, value, variant="ln"):
    frame = frame.copy()
    rows = (frame["variant"] == variant) & (frame["training.batch_size"] == 64) & (frame["seed"] == 2)
    frame.loc[rows, column] = value
    return frame


def test_every_seed_of_every_other_variant_is_a_pair_with_the_baseline_at_its_place(results):
    frame, plan = results
    pairs = paired(frame, plan)
    assert len(pairs) == 4 * 2 * 5
    assert set(pairs["baseline"]) == {"none"}
    for row in pairs.itertuples():
        assert plan.points[row.point].coordinates == plan.points[row.baseline_point].coordinates
        assert plan.points[row.baseline_point].variant == "none"


def test_states_tell_what_may_be_subtracted(results):
    pairs = paired(*results)
    assert pairs["state"].value_counts().to_dict() == {"paired": 32, "incomplete": 7, "mismatch": 1}
    assert list(of(pairs, "bn-pre", 16)["state"]) == ["paired", "incomplete", "paired", "paired", "paired"]
    assert (pairs.loc[pairs["state"] == "paired", ["declared", "mismatch"]] == "").all(axis=None)


def test_other_initial_weights_are_named(results):
    pairs = of(paired(*results), "gn", 16)
    assert list(pairs.loc[pairs["state"] == "mismatch", "mismatch"]) == ["initial conv1/kernel"]


def test_what_a_normalization_layer_starts_at_is_its_own_affair(results):
    frame, plan = results
    weights = {**json.loads(frame["initial_weights"].iloc[-2]), "conv1_norm/gamma": "other"}
    pairs = paired(altered(frame, "initial_weights", json.dumps(weights), "bn-pre"), plan, "bn-post")
    assert not of(pairs, "bn-pre")["mismatch"].str.contains("norm").any()


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("data_hash", "data"),
        ("validation_fingerprint", "validation split"),
        ("order_fingerprint", "order of the examples"),
    ],
)
@pytest.mark.parametrize(("value", "suffix"), [("0123", ""), (None, " (not recorded)")])
def test_any_fingerprint_that_disagrees_breaks_the_pair(results, column, words, value, suffix):
    frame, plan = results
    pairs = of(paired(altered(frame, column, value), plan), "ln")
    assert list(pairs["state"]) == ["paired", "paired", "mismatch", "paired", "paired"]
    assert pairs["mismatch"].iloc[2] == words + suffix


@pytest.mark.parametrize(
    ("blocks", "declared", "free"),
    [
        ({"model": {"initial_scale": 2.0}}, "another model", "initial_weights"),
        ({"training": {"epochs": 9}}, "another number of epochs", "order_fingerprint"),
        ({"data": {"train": 500}}, "another number of training examples", "order_fingerprint"),
        ({"data": {"validation": 0.2}}, "another validation split", "validation_fingerprint"),
        ({"data": {"name": "mnist-5k"}}, "other data", "data_hash"),
    ],
)
def test_where_the_config_declares_a_difference_the_pair_is_by_seed(results, blocks, declared, free):
    frame, plan = results
    broken = altered(frame, free, json.dumps({"conv1/kernel": "x"}) if free == "initial_weights" else "x")
    pairs = of(paired(broken, changed(plan, "ln", **blocks)), "ln")
    assert set(pairs["declared"]) == {declared}
    assert set(pairs["state"]) == {"paired"}
    assert of(paired(broken, plan), "ln")["state"].iloc[2] == "mismatch"


def test_a_declared_difference_excuses_no_other_one(results):
    frame, plan = results
    pairs = of(paired(altered(frame, "data_hash", "x"), changed(plan, "ln", model={"initial_scale": 2.0})), "ln")
    assert pairs["state"].iloc[2] == "mismatch"


def test_another_batch_size_changes_no_order(results):
    frame, plan = results
    pairs = of(paired(frame, changed(plan, "ln", training={"batch_size": 7})), "ln")
    assert set(pairs["declared"]) == {""}
    assert set(pairs["state"]) == {"paired"}


def test_a_place_without_the_baseline_has_no_pairs(results):
    frame, plan = results
    kept = [k for k, point in enumerate(plan.points) if (point.variant, k) != ("none", 5)]
    fewer = StoredPlan.model_validate(plan.model_dump() | {"points": [plan.points[k].model_dump() for k in kept]})
    frame = frame[frame["point"] != 5].assign(point=lambda f: f["point"].map(kept.index))
    pairs = paired(frame, fewer)
    assert set(pairs["training.batch_size"]) == {16}


def test_a_variant_alone_has_no_pairs(tmp_path):
    store, plan = build(tmp_path, variants=("none",), batch_sizes=(), seeds=1)
    pairs = paired(trials(store, plan), plan)
    assert pairs.empty
    assert "state" in pairs
