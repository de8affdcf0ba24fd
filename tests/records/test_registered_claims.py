"""The rule of a claim is stored before the first trial, and what was edited afterwards is known to be."""

from dataclasses import replace

from made_up import record

from bnexp.config.load import from_mapping
from bnexp.records.store import Store
from bnexp.specs.experiment import plan

CONFIG = {"variants": {"none": {"norm": "none"}, "bn-pre": {"norm": "batch"}}, "seeds": 2}
CLAIM = {"text": "t", "treatment": "bn-pre", "control": "none"}


def experiment(**claims):
    return from_mapping(CONFIG | ({"claims": claims} if claims else {}), name="x")


def train(store, found):
    each = next(iter(plan(found)))
    store.write(each.trial, record(each.trial, each.point.variant))


def registered(stored, name="c"):
    return stored.registered.get(name) == stored.claims[name].hash


def test_a_claim_is_registered_before_its_first_trial_and_may_be_edited_until_then(tmp_path):
    store = Store(tmp_path)
    assert registered(store.keep_plan(experiment(c=CLAIM)))
    edited = experiment(c=CLAIM | {"holds": "somewhere"})
    assert registered(store.keep_plan(edited))
    train(store, edited)
    assert registered(store.keep_plan(edited))
    assert registered(store.read_plan("x"))


def test_an_edited_rule_is_not_the_registered_one_and_is_again_when_it_is_taken_back(tmp_path):
    store, first = Store(tmp_path), experiment(c=CLAIM)
    store.keep_plan(first)
    train(store, first)
    assert not registered(store.keep_plan(experiment(c=CLAIM | {"holds": "somewhere"})))
    assert not registered(store.keep_plan(experiment(c=CLAIM | {"rule": "trains"})))
    store.keep_plan(experiment())
    assert not registered(store.keep_plan(experiment(c=CLAIM | {"rule": "trains"})))
    assert registered(store.keep_plan(experiment(c=CLAIM | {"text": "in other words"})))


def test_a_claim_that_comes_after_a_trial_is_not_registered(tmp_path):
    store = Store(tmp_path)
    train(store, experiment())
    assert not registered(store.keep_plan(experiment(late=CLAIM)), "late")


def test_more_seeds_are_another_rule_where_it_is_read_once_and_no_other_where_it_may_be_read_at_any_time(tmp_path):
    store, more = Store(tmp_path), {"seeds": 3}
    claims = {"c": CLAIM, "once": CLAIM | {"rule": "trains"}}
    first = experiment(**claims)
    store.keep_plan(first)
    train(store, first)
    stored = store.keep_plan(from_mapping(CONFIG | more | {"claims": claims}, name="x"))
    assert [registered(stored, name) for name in claims] == [True, False]


def test_seeds_that_are_added_until_all_is_decided_are_no_other_rule(tmp_path):
    store, first = Store(tmp_path), replace(experiment(once=CLAIM | {"rule": "trains"}), looks=())
    store.keep_plan(first)
    train(store, first)
    assert registered(store.keep_plan(replace(first, seeds=(0, 1, 2), looks=(2,))), "once")
    assert registered(store.keep_plan(replace(first, seeds=(0, 1, 2), looks=None)), "once")


def test_a_plan_without_claims_is_read_as_before(tmp_path):
    store = Store(tmp_path)
    data = store.keep_plan(experiment()).model_dump(mode="json")
    del data["claims"], data["registered"]
    store.write_plan("x", data)
    assert store.read_plan("x").claims == {}
