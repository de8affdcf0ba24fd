"""Everything that differs between two sides is listed: what the comparison declares, and what it does not."""

import pytest
from folders import elsewhere, trial_record

from bnexp.evidence.confounds import audit, surroundings
from bnexp.evidence.side import Side
from bnexp.records.record import TrialRecord


def side(name, *records, seeds=None):
    return Side(name, records[0].spec, dict(zip(seeds or range(len(records)), records, strict=True)))


def trials(variant, number=3, **spec):
    return [trial_record(variant, seed, **spec) for seed in range(number)]


def told(differences):
    return {each.what: (each.one, each.other, each.pairs) for each in differences}


def test_keys_of_the_spec_are_declared_with_what_follows_from_them():
    found = audit(side("ln", *trials("ln")), side("gn", *trials("gn")))
    assert told(found.declared) == {"norm.name": ("layer", "group", 3), "further keys of norm": ("—", "groups 8", 3)}
    assert found.undeclared == ()


def test_numbers_of_parameters_follow_from_another_norm():
    found = audit(side("none", *trials("none")), side("ln", *trials("ln")))
    assert told(found.declared)["trainable parameters"] == ("93,322", "93,770", 3)
    assert told(found.declared)["normalization parameters"] == ("0", "448", 3)


def test_numbers_of_parameters_do_not_follow_from_another_learning_rate():
    slow = trials("ln", training={"optimizer": {"name": "adam", "learning_rate": 1e-4}})
    few = [each.model_copy(update={"parameters": trial_record("none").parameters}) for each in slow]
    found = audit(side("fast", *trials("ln")), side("slow", *few))
    assert told(found.declared) == {"training.optimizer.learning_rate": ("0.001", "0.0001", 3)}
    assert set(told(found.undeclared)) == {"trainable parameters", "normalization parameters"}


def test_several_changes_of_the_config_are_counted_and_what_comes_with_a_name_is_not():
    one = trials("none")
    assert audit(side("none", *one), side("ln", *trials("ln"))).changes == ("norm.name",)
    slow = trials("ln", training={"optimizer": {"name": "adam", "learning_rate": 1e-4}})
    found = audit(side("none", *one), side("slow ln", *slow))
    assert found.changes == ("norm.name", "training.optimizer.learning_rate")


def test_steps_and_the_way_of_a_step_follow_from_another_batch_size():
    large, small = (trials("none", training={"batch_size": size, "epochs": 1}) for size in (64, 2))
    small = [elsewhere(step="xla")(each) for each in small]
    found = audit(side("64", *(elsewhere(step="graph")(each) for each in large)), side("2", *small))
    assert set(told(found.declared)) == {"training.batch_size", "steps", "execution (graph or XLA)"}
    assert found.undeclared == ()


@pytest.mark.parametrize(
    ("changes", "what", "touches"),
    [
        ({"tensorflow": "2.20.0"}, "TensorFlow", "results"),
        ({"bnexp": "0.2.0"}, "bnexp", "results"),
        ({"git_commit": "1" * 40}, "bnexp commit", "results"),
        ({"cpu": "Another processor"}, "processor", "results"),
        ({"device": "gpu"}, "device", "results"),
        ({"threads": 2}, "threads", "results"),
        ({"step": "xla"}, "execution (graph or XLA)", "results"),
        ({"deterministic": False}, "determinism", "results"),
        ({"precision": "float16, float32"}, "precision", "results"),
        ({"jobs": 4}, "trials at a time", "seconds"),
        ({"cores": 64}, "cores", "seconds"),
    ],
)
def test_what_no_config_says_is_not_declared(changes, what, touches):
    base = [elsewhere(tensorflow="2.21.0", step="graph", deterministic=True, cores=2)(each) for each in trials("none")]
    twins = [elsewhere(tensorflow="2.21.0", step="graph", deterministic=True, cores=2)(each) for each in trials("ln")]
    found = audit(side("none", *base), side("ln", *(elsewhere(**changes)(each) for each in twins)))
    assert [(each.what, each.touches) for each in found.undeclared] == [(what, touches)]


def test_a_time_on_the_clock_is_confounded_by_more():
    others = [elsewhere(jobs=4)(each) for each in trials("ln")]
    found = audit(side("none", *trials("none")), side("ln", *others))
    assert found.confounds() == ()
    assert [each.what for each in found.confounds(seconds=True)] == ["trials at a time"]


def test_a_checkout_with_changes_is_not_the_commit():
    changed = [elsewhere(git_dirty=True)(each) for each in trials("ln")]
    found = audit(side("none", *trials("none")), side("ln", *changed))
    assert told(found.undeclared)["bnexp commit"] == ("0" * 12, "0" * 12 + ", with changes", 3)


def test_other_data_under_one_name_are_not_declared():
    others = [each.model_copy(update={"data_hash": "f" * 64}) for each in trials("ln")]
    found = audit(side("none", *trials("none")), side("ln", *others))
    assert [each.what for each in found.undeclared] == ["data"]


def test_what_varies_over_seeds_but_not_within_a_pair_confounds_nothing():
    here, there = elsewhere(cpu="One"), elsewhere(cpu="Two")
    sides = [[here(first), here(second), there(third)] for first, second, third in (trials("none"), trials("ln"))]
    found = audit(side("none", *sides[0]), side("ln", *sides[1]))
    assert found.undeclared == ()
    assert "processor" in found.alike


def test_the_pairs_that_differ_are_counted():
    first, *rest = trials("ln")
    found = audit(side("none", *trials("none")), side("ln", elsewhere(cpu="Another")(first), *rest))
    assert told(found.undeclared) == {"processor": ("A made-up processor", "Another", 1)}


def test_what_is_not_recorded_is_said_and_is_a_difference_where_one_side_has_it():
    found = audit(side("none", *trials("none")), side("ln", *trials("ln")))
    assert "TensorFlow" in found.unknown
    known = [elsewhere(tensorflow="2.21.0")(each) for each in trials("ln")]
    found = audit(side("none", *trials("none")), side("ln", *known))
    assert told(found.undeclared) == {"TensorFlow": ("not recorded", "2.21.0", 3)}


def test_trials_without_a_twin_are_named():
    diverged = trial_record("ln", 1, "diverged")
    mine = Side("none", trial_record("none").spec, {0: trial_record("none"), 1: trial_record("none", 1), 2: None})
    twin = Side("ln", trial_record("ln").spec, {0: trial_record("ln"), 1: diverged})
    found = audit(mine, twin)
    assert found.unpaired == (
        "none: seed 2 is missing",
        "ln: seed 1 diverged",
        "none: seed 2 was planned on this side only",
    )


def test_variables_that_change_how_tensorflow_computes_are_no_part_of_the_comparison():
    variables = {"ONEDNN_MAX_CPU_ISA": "SSE41"}
    other = [elsewhere(variables=variables)(each) for each in trials("gn")]
    found = told(audit(side("ln", *trials("ln")), side("gn", *other)).undeclared)
    assert found == {"environment variables of TensorFlow": ("not recorded", "ONEDNN_MAX_CPU_ISA SSE41", 3)}


def test_a_diverged_training_that_ended_early_is_no_difference_in_steps():
    found = audit(side("none", *trials("none")), side("ln", *trials("ln", 2), trial_record("ln", 2, "diverged")))
    assert found.undeclared == ()


def version(record: TrialRecord, source: str, **environment) -> TrialRecord:
    spec = {**record.spec, "norm": {**record.spec["norm"], "name": "my_norms:MyNorm", "source": source}}
    return elsewhere(**environment)(record).model_copy(update={"spec": spec})


def test_between_two_versions_the_code_is_declared():
    old = [version(each, "a" * 64, bnexp="0.1.0") for each in trials("ln")]
    new = [version(each, "b" * 64, bnexp="0.2.0", git_commit="1" * 40) for each in trials("ln")]
    found = audit(side("old", *old), side("new", *new), "versions")
    assert told(found.declared) == {
        "norm.source": ("a" * 12, "b" * 12, 3),
        "bnexp": ("0.1.0", "0.2.0", 3),
        "bnexp commit": ("0" * 12, "1" * 12, 3),
    }
    assert found.undeclared == ()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"tensorflow": "2.20.0"}, "TensorFlow"),
        ({"device": "gpu"}, "device"),
        ({"step": "xla"}, "execution (graph or XLA)"),
    ],
)
def test_between_two_versions_the_environment_is_not_declared(changes, what):
    old = [elsewhere(tensorflow="2.21.0", step="graph")(each) for each in trials("ln")]
    found = audit(side("old", *old), side("new", *(elsewhere(**changes)(each) for each in old)), "versions")
    assert [each.what for each in found.undeclared] == [what]


def test_between_two_versions_another_spec_or_protocol_is_not_declared():
    old, new = trials("ln"), trials("ln", training={"epochs": 2})
    found = audit(side("old", *old), side("new", *new), "versions")
    assert {"training.epochs", "steps"} <= set(told(found.undeclared))
    newer = [each.model_copy(update={"protocol": 99}) for each in old]
    assert set(told(audit(side("old", *old), side("new", *newer), "versions").undeclared)) == {"protocol"}


def test_between_two_versions_numbers_of_parameters_follow_from_the_layer_alone():
    more = trial_record("none").parameters
    old = [version(each, "a" * 64) for each in trials("ln")]
    new = [version(each, "b" * 64).model_copy(update={"parameters": more}) for each in trials("ln")]
    same = [version(each, "a" * 64).model_copy(update={"parameters": more}) for each in trials("ln")]
    assert audit(side("old", *old), side("new", *new), "versions").undeclared == ()
    assert "normalization parameters" in told(audit(side("old", *old), side("new", *same), "versions").undeclared)


def test_surroundings_are_software_machine_and_execution_alone():
    again = elsewhere(cpu="Another", jobs=1)(trial_record("ln")).model_copy(update={"data_hash": "0", "seconds": None})
    assert [each.what for each in surroundings(trial_record("ln"), again)] == ["processor", "trials at a time"]
