"""Everything that differs between two sides is listed: what the comparison declares, and what it does not."""

import pytest
from folders import elsewhere, trial_record

from bnexp.evidence.confounds import audit, surroundings
from bnexp.evidence.side import Side
from bnexp.records.record import TrialRecord

SLOW = {"training": {"optimizer": {"name": "adam", "learning_rate": 1e-4}}}


def trials(variant, number=3, **spec):
    return [trial_record(variant, seed, **spec) for seed in range(number)]


def audited(one, other, mode="variants"):
    return audit(*(Side(name, each[0].spec, dict(enumerate(each))) for name, each in (("A", one), ("B", other))), mode)


def told(differences):
    return {each.what: (each.one, each.other, each.pairs) for each in differences}


def test_keys_of_the_spec_are_declared_with_what_follows_from_them():
    found = audited(trials("ln"), trials("gn"))
    assert told(found.declared) == {"norm.name": ("layer", "group", 3), "further keys of norm": ("—", "groups 8", 3)}
    assert (found.undeclared, found.changes) == ((), ("norm.name",))


def test_numbers_of_parameters_follow_from_another_norm():
    found = told(audited(trials("none"), trials("ln")).declared)
    assert found["trainable parameters"] == ("93,322", "93,770", 3)
    assert found["normalization parameters"] == ("0", "448", 3)


def test_numbers_of_parameters_do_not_follow_from_another_learning_rate():
    few = [each.model_copy(update={"parameters": trial_record("none").parameters}) for each in trials("ln", **SLOW)]
    found = audited(trials("ln"), few)
    assert told(found.declared) == {"training.optimizer.learning_rate": ("0.001", "0.0001", 3)}
    assert set(told(found.undeclared)) == {"trainable parameters", "normalization parameters"}


def test_several_changes_of_the_config_are_counted():
    changes = audited(trials("none"), trials("ln", **SLOW)).changes
    assert changes == ("norm.name", "training.optimizer.learning_rate")


def test_steps_and_the_way_of_a_step_follow_from_another_batch_size():
    large, small = (
        [elsewhere(step=step)(each) for each in trials("none", training={"batch_size": size, "epochs": 1})]
        for size, step in ((64, "graph"), (2, "xla"))
    )
    found = audited(large, small)
    assert set(told(found.declared)) == {"training.batch_size", "steps", "execution (graph or XLA)"}
    assert found.undeclared == ()


KNOWN = elsewhere(tensorflow="2.21.0", step="graph", deterministic=True, cores=2)


def test_the_way_of_a_step_follows_from_another_norm_and_from_nothing_in_two_versions():
    graphs, others = trials("none"), [elsewhere(step="xla")(each) for each in trials("ln")]
    assert "execution (graph or XLA)" in told(audited(graphs, others).declared)
    same = [elsewhere(step="xla")(each) for each in trials("none")]
    assert "execution (graph or XLA)" in told(audited(graphs, same, "versions").undeclared)


@pytest.mark.parametrize(
    ("changes", "what", "touches", "code"),
    [
        ({"tensorflow": "2.20.0"}, "TensorFlow", "results", False),
        ({"bnexp": "0.2.0"}, "bnexp", "results", True),
        ({"git_commit": "1" * 40}, "bnexp commit", "results", True),
        ({"cpu": "Another processor"}, "processor", "results", False),
        ({"device": "gpu"}, "device", "results", False),
        ({"threads": 2}, "threads", "results", False),
        ({"deterministic": False}, "determinism", "results", False),
        ({"precision": "float16, float32"}, "precision", "results", False),
        ({"jobs": 4}, "trials at a time", "seconds", False),
        ({"cores": 64}, "cores", "seconds", False),
    ],
)
def test_what_no_config_says_is_not_declared_and_between_versions_the_code_is(changes, what, touches, code):
    base, twins = ([KNOWN(each) for each in trials(variant)] for variant in ("none", "ln"))
    changed = [elsewhere(**changes)(each) for each in twins]
    found = audited(base, changed)
    assert [(each.what, each.touches) for each in found.undeclared] == [(what, touches)]
    assert [each.what for each in found.confounds()] == ([what] if touches == "results" else [])
    assert [each.what for each in found.confounds(seconds=True)] == [what]
    found = audited(twins, changed, "versions")
    assert [each.what for each in (found.declared if code else found.undeclared)] == [what]


def test_a_checkout_with_changes_is_not_the_commit():
    found = audited(trials("none"), [elsewhere(git_dirty=True)(each) for each in trials("ln")])
    assert told(found.undeclared)["bnexp commit"] == ("0" * 12, "0" * 12 + ", with changes", 3)


def test_other_data_under_one_name_are_not_declared():
    found = audited(trials("none"), [each.model_copy(update={"data_hash": "f" * 64}) for each in trials("ln")])
    assert [each.what for each in found.undeclared] == ["data"]


def test_what_varies_over_seeds_but_not_within_a_pair_confounds_nothing():
    here, there = elsewhere(cpu="One"), elsewhere(cpu="Two")
    found = audited(*([here(a), here(b), there(c)] for a, b, c in (trials("none"), trials("ln"))))
    assert found.undeclared == ()
    assert "processor" in found.alike


def test_the_pairs_that_differ_are_counted():
    first, *rest = trials("ln")
    found = audited(trials("none"), [elsewhere(cpu="Another")(first), *rest])
    assert told(found.undeclared) == {"processor": ("A made-up processor", "Another", 1)}


def test_what_is_not_recorded_is_said_and_is_a_difference_where_one_side_has_it():
    assert "TensorFlow" in audited(trials("none"), trials("ln")).unknown
    found = audited(trials("none"), [elsewhere(tensorflow="2.21.0")(each) for each in trials("ln")])
    assert told(found.undeclared) == {"TensorFlow": ("not recorded", "2.21.0", 3)}


def test_trials_without_a_twin_are_named():
    found = audited([*trials("none", 2), None], [trial_record("ln"), trial_record("ln", 1, "diverged")])
    assert found.unpaired == ("A: seed 2 is missing", "B: seed 1 diverged", "A: seed 2 was planned on this side only")


def test_variables_that_change_how_tensorflow_computes_are_no_part_of_the_comparison():
    variables = {"ONEDNN_MAX_CPU_ISA": "SSE41"}
    other = [elsewhere(variables=variables)(each) for each in trials("gn")]
    found = told(audited(trials("ln"), other).undeclared)
    assert found == {"environment variables of TensorFlow": ("not recorded", "ONEDNN_MAX_CPU_ISA SSE41", 3)}


def test_a_diverged_training_that_ended_early_is_no_difference_in_steps():
    assert audited(trials("none"), [*trials("ln", 2), trial_record("ln", 2, "diverged")]).undeclared == ()


def version(record: TrialRecord, source: str, **environment) -> TrialRecord:
    spec = {**record.spec, "norm": {**record.spec["norm"], "name": "my_norms:MyNorm", "source": source}}
    return elsewhere(**environment)(record).model_copy(update={"spec": spec})


def test_between_two_versions_the_file_of_a_layer_is_declared():
    old, new = ([version(each, letter * 64) for each in trials("ln")] for letter in "ab")
    found = audited(old, new, "versions")
    assert told(found.declared) == {"norm.source": ("a" * 12, "b" * 12, 3)}
    assert (found.undeclared, found.changes) == ((), ())


def test_between_two_versions_another_spec_or_protocol_is_not_declared():
    old, new = trials("ln"), trials("ln", training={"epochs": 2})
    assert {"training.epochs", "steps"} <= set(told(audited(old, new, "versions").undeclared))
    newer = [each.model_copy(update={"protocol": 99}) for each in old]
    assert set(told(audited(old, newer, "versions").undeclared)) == {"protocol"}


@pytest.mark.parametrize(("source", "undeclared"), [("b", False), ("a", True)])
def test_between_two_versions_numbers_of_parameters_follow_from_the_layer_alone(source, undeclared):
    more = trial_record("none").parameters
    old = [version(each, "a" * 64) for each in trials("ln")]
    new = [version(each, source * 64).model_copy(update={"parameters": more}) for each in trials("ln")]
    assert ("normalization parameters" in told(audited(old, new, "versions").undeclared)) is undeclared


def test_surroundings_are_software_machine_and_execution_alone():
    again = elsewhere(cpu="Another", jobs=1)(trial_record("ln")).model_copy(update={"data_hash": "0", "seconds": None})
    assert [each.what for each in surroundings(trial_record("ln"), again)] == ["processor", "trials at a time"]
