"""Where the learning rate is varied: one rate for all, and each variant at the best of its own, by validation data."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import NORMS, TEST, record

from bnexp.evidence.experiment import Evidence
from bnexp.records.store import Store
from bnexp.reporting.parts import learning_rates as words
from bnexp.specs.experiment import Experiment, Point, plan
from bnexp.specs.trial import TrialSpec

RATES = (0.001, 0.01, 0.1)
# Accuracy in per cent by variant and rate: validation, test. The test set alone would choose otherwise for `none`.
ACCURACY = {
    ("none", 0.001): (98.5, 98.6),
    ("none", 0.01): (98.9, 98.7),
    ("none", 0.1): (97.0, 99.9),
    ("bn-pre", 0.001): (98.0, 98.1),
    ("bn-pre", 0.01): (98.8, 98.8),
    ("bn-pre", 0.1): (99.2, 99.1),
}


def build(root, *, seeds=10, rates=RATES, apart=False, fates=None, validation=True):
    """Two variants at these rates: as a grid, or `apart` as variants of their own.

    `fates`: (variant, rate, seed) to missing, failed, diverged or untrained.
    """
    points = [
        Point(
            f"{variant}-{rate:g}" if apart else variant,
            () if apart else (("training.optimizer.learning_rate", rate),),
            TrialSpec.model_validate(
                {"norm": NORMS[variant], "training": {"epochs": 1, "optimizer": {"learning_rate": rate}}}
            ),
        )
        for rate in rates
        for variant in ("none", "bn-pre")
    ]
    variants = tuple(dict.fromkeys(point.variant for point in points))
    experiment = Experiment("rates", "", variants, variants[0], tuple(range(seeds)), tuple(points))
    store = Store(root)
    stored = store.keep_plan(experiment)
    for planned in plan(experiment):
        variant = planned.point.variant.rpartition("-")[0] if apart else planned.point.variant
        rate, seed = planned.trial.spec.training.optimizer.learning_rate, planned.trial.seed
        fate = (fates or {}).get((variant, rate, seed), "finished")
        if fate != "missing":
            made = record(planned.trial, variant, "finished" if fate == "untrained" else fate)
            made = scored(made, *ACCURACY[variant, rate], validation)
            store.write(planned.trial, made.model_copy(update={"trained": False}) if fate == "untrained" else made)
    return store, stored


def scored(made, validation, test, has_validation):
    """The record with these accuracies in per cent, give or take a little of each seed."""
    luck = np.random.default_rng(made.seed).integers(-5, 6) / 10_000
    own = np.random.default_rng([made.seed, round(100 * test)]).integers(-2, 3) / 10_000
    value = validation / 100 + luck if has_validation else None
    looks = [each.model_copy(update={"validation_accuracy": value}) for each in made.evaluations]
    changes = {"evaluations": tuple(looks)}
    if made.test is not None:
        missed = tuple(range(TEST - round(TEST * (test / 100 + luck + own))))
        about = {"missed": missed, "labels": (0,) * len(missed), "predicted": (1,) * len(missed)}
        changes["test"] = made.test.model_copy(update={"accuracy": 1 - len(missed) / TEST, **about})
    return made.model_copy(update=changes)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    return Evidence(*build(tmp_path_factory.mktemp("rates"))).learning_rates


def by_variant(compared):
    return {each.variant: each for each in compared.tuned}


def test_each_variant_has_the_best_rate_of_its_own_by_validation_data(compared):
    """`none` tests best at 0.1, and that has no part in the choice."""
    assert {each.variant: each.best for each in compared.tuned} == {"none": 0.01, "bn-pre": 0.1}


def test_the_shared_rate_is_that_of_the_highest_validation_accuracy_over_all(compared):
    """0.01: (98.9 + 98.8)/2 is above (97.0 + 99.2)/2."""
    assert compared.shared == {"": 0.01}


def test_at_their_own_best_the_variants_are_paired_by_seed_over_the_seeds_that_did_not_choose(compared):
    [own], [same] = compared.own, compared.same
    assert compared.choosing == (0, 4, 8)
    assert own.seeds == same.seeds == (1, 2, 3, 5, 6, 7, 9)
    assert (own.difference.n, own.planned, own.baseline, own.mismatches) == (7, 7, "none", {})
    assert own.difference.mean == pytest.approx(99.1 - 98.7, abs=0.02)
    assert same.difference.mean == pytest.approx(98.8 - 98.7, abs=0.02)
    assert own.difference.half_width < 0.03  # the luck of the seed, ± 0.05 points, is gone


def test_seeds_that_are_added_change_no_seeds_part(tmp_path):
    assert Evidence(*build(tmp_path / "5", seeds=5)).learning_rates.choosing == (0, 4)
    assert Evidence(*build(tmp_path / "9", seeds=9)).learning_rates.choosing == (0, 4, 8)
    alone = Evidence(*build(tmp_path / "1", seeds=1)).learning_rates
    assert (alone.choosing, alone.own, alone.same) == ((0,), (), ())


def test_a_best_rate_at_the_edge_is_warned_of(compared):
    warnings = [text for text in words.sentences(compared) if text.startswith("Warning")]
    assert len(warnings) == 1
    assert warnings[0] == (
        "Warning: the best learning rate of bn-pre, 0.1, is the largest tried (99.23 % validation accuracy); a better "
        "one may lie beyond, so that the comparison may be unfair to it."
    )


def test_both_comparisons_stand_beside_each_other(compared):
    choice, _, same, own = words.sentences(compared)
    where = "on the validation images of every fourth seed (0, 4 and 8)"
    assert choice == f"Learning rates are chosen {where}, and compared on the other seeds."
    assert same.startswith("At one learning rate for all, 0.01: bn-pre against none, exploratory: +0.089 pp")
    tried = "Each at its own best of the learning rates tried (bn-pre 0.1, none 0.01)"
    assert own.startswith(f"{tried}: bn-pre against none, exploratory: +0.39")
    row = words.readable(compared).set_index("variant").loc["bn-pre"]
    assert (row["same rate"], row["own best rate"], row["rates tried"]) == ("0.01", "0.1*", "0.001, 0.01, 0.1")
    assert row["difference at it (pp)"].startswith("+0.089")
    assert row["difference at own best (pp)"].startswith("+0.39")
    assert "better ones may lie beyond" in words.legend(compared)


def test_only_the_question_of_the_experiment_gets_a_verdict(compared, tmp_path):
    store, plan = build(tmp_path)
    asked = Evidence(store, plan.model_copy(update={"primary": "best-rate-accuracy"}))
    assert asked.primary == [*asked.learning_rates.own]
    verdict = "bn-pre has a test accuracy at its own best learning rate 0.39"
    assert not any(word in " ".join(words.sentences(compared)[2:]) for word in ("higher", "lower", "equivalent"))
    assert [verdict in text for text in words.sentences(asked.learning_rates)[2:]] == [False, True]


def test_variants_that_differ_in_their_rate_alone_are_one_at_several_rates(tmp_path):
    compared = Evidence(*build(tmp_path, apart=True)).learning_rates
    assert [each.variant for each in compared.tuned] == [
        "none-0.001/none-0.01/none-0.1",
        "bn-pre-0.001/bn-pre-0.01/bn-pre-0.1",
    ]
    assert [each.best for each in compared.tuned] == [0.01, 0.1]
    assert compared.own[0].difference.mean == pytest.approx(99.1 - 98.7, abs=0.02)


@pytest.mark.parametrize("fate", ["diverged", "failed", "untrained"])
def test_a_rate_at_which_more_than_a_tenth_did_not_train_is_never_the_best(tmp_path, fate):
    """One of the three that choose; of the others the comparison tells."""
    compared = Evidence(*build(tmp_path, fates={("bn-pre", 0.1, 4): fate})).learning_rates
    tuned = by_variant(compared)["bn-pre"]
    assert (tuned.best, tuned.excluded) == (0.01, (0.1,))
    assert any(text.startswith("bn-pre: 0.1 cannot be chosen") for text in words.sentences(compared))
    later = Evidence(*build(tmp_path / "later", fates={("bn-pre", 0.1, 5): fate})).learning_rates
    assert (by_variant(later)["bn-pre"].best, later.own[0].trained) == (0.1, (7, 6))


def test_where_the_baseline_trains_at_no_rate_nothing_is_compared(compared):
    """As none does from weights a hundred times as large, at one place of a grid of which others are compared."""
    tuned = tuple(replace(each, validation={}) if each.variant == "none" else each for each in compared.tuned)
    said = words.sentences(replace(compared, tuned=tuned))
    assert "none has no learning rate to be compared with bn-pre at 0.1." in said


def test_rates_are_chosen_over_the_seeds_that_all_of_them_have(tmp_path):
    """At 0.1 seed 8 is not there: so the other rates are judged by seeds 0 and 4 too."""
    compared = Evidence(*build(tmp_path, fates={("none", 0.1, 8): "missing"})).learning_rates
    tuned = by_variant(compared)["none"]
    assert {each.n for each in tuned.validation.values()} == {2}


def test_unequal_choices_are_told(tmp_path):
    store, stored = build(tmp_path)
    fewer = stored.model_copy(update={"points": tuple(p for k, p in enumerate(stored.points) if k != 4)})
    said = words.sentences(Evidence(store, fewer).learning_rates)
    assert any("not all variants had the same learning rates to choose from" in text for text in said)


def test_without_validation_images_nothing_is_chosen_on_test_images(tmp_path):
    compared = Evidence(*build(tmp_path, validation=False)).learning_rates
    assert [each.best for each in compared.tuned] == [None, None]
    assert compared.own == compared.same == ()
    assert words.sentences(compared) == [
        "No learning rate can be chosen without validation images, and none is chosen on test images."
    ]


def test_an_experiment_with_one_rate_has_no_such_comparison(tmp_path):
    assert Evidence(*build(tmp_path, rates=(0.01,), seeds=2)).learning_rates is None


def test_before_a_trial_has_finished_there_is_nothing_to_choose_from(tmp_path):
    everything = {(variant, rate, 0): "missing" for variant, rate in ACCURACY}
    assert Evidence(*build(tmp_path, seeds=1, fates=everything)).learning_rates is None


def test_the_numbers_tell_the_rates_and_which_stand_at_an_edge(compared):
    table = words.numbers(compared)
    assert list(table["comparison"]) == ["same rate", "own best rate"]
    assert list(table["learning_rate"]) == [0.01, 0.1]
    assert list(table["baseline_learning_rate"]) == [0.01, 0.01]
    assert list(table["edge"]) == ["", "largest"]
    assert list(table["n_pairs"]) == [7, 7]
