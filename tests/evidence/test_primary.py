"""One metric in which something is asserted, with each baseline, once all planned pairs are there."""

import re

import numpy as np
import pytest
from made_up_reports import evidence, experiment

from bnexp.reporting.part import Context
from bnexp.reporting.parts.accuracy import legend, readable
from bnexp.reporting.parts.differences import difference, primary
from bnexp.reporting.parts.differences import differences as part
from bnexp.reporting.parts.findings import findings

SCORES = (
    99
    + np.array([[0.0], [0.5], [0.0]])
    + 0.01 * np.arange(10)
    + 0.02 * np.array([[0], [1], [0]]) * (-1) ** np.arange(10)
)


def test_before_all_planned_pairs_are_there_nothing_is_asserted_however_clear():
    found = evidence(experiment(3, 10), SCORES, missing_from=9)
    assert [each.verdict for each in found.primary] == ["pending", "pending"]
    assert "no verdict before all pairs are there (1 of 10 planned pairs has no result yet)" in difference(
        found.primary[0]
    )
    assert set(readable(found)["p (Holm)"]) == {"—"}
    assert "There is no p before all planned pairs have a result" in " ".join(legend(found))
    assert evidence(experiment(3, 10), SCORES).primary[0].verdict == "higher"


def test_a_failed_trial_is_a_result_and_keeps_nobody_waiting():
    found = evidence(experiment(2, 10), SCORES[:2], fates={(1, 3): "failed"})
    assert (found.primary[0].verdict, found.primary[0].difference.n) == ("higher", 9)


def test_a_comparison_that_is_pending_counts_in_the_family_and_lends_the_others_no_early_look():
    plan = experiment(3, 10)
    points = [*plan.points[:2], plan.points[2].model_copy(update={"trials": {**plan.points[2].trials, 10: "other"}})]
    points[0] = points[0].model_copy(update={"trials": {**points[0].trials, 10: "another"}})
    scores = np.c_[SCORES, SCORES[:, 0]]
    found = evidence(plan.model_copy(update={"points": tuple(points)}), scores, missing_from=10).primary
    assert [(each.verdict, each.p_holm, each.family) for each in found] == [
        ("higher", 2 * 2.0**-9, 2),
        ("pending", 1, 2),
    ]


def test_another_primary_metric_leaves_test_accuracy_exploratory():
    validation = SCORES[[0, 2, 1]]
    found = evidence(experiment(3, 10, primary="validation-accuracy"), SCORES, validation=validation)
    assert [each.verdict for each in found.comparisons] == ["exploratory", "exploratory"]
    assert [each.verdict for each in found.primary][1] == "higher"
    assert "has a validation accuracy at the end 0.500 pp higher than none" in part(found, None).sentences[1]
    assert ", exploratory: +0.500 pp of test accuracy" in difference(found.comparisons[0])
    assert "Exploratory: the primary metric is validation-accuracy" in " ".join(legend(found))
    assert set(readable(found)["p (Holm)"]) == {"—"}
    (table,) = primary(found, None).tables
    assert table.text["verdict"].tolist() == [each.verdict for each in found.primary]


def test_a_second_baseline_is_compared_with_the_rest_in_the_same_family():
    plan = experiment(3, 10).model_copy(update={"further_baselines": ("batch",)})
    found = evidence(plan, SCORES)
    assert [(each.variant, each.baseline) for each in found.primary] == [
        ("batch", "none"),
        ("layer", "none"),
        ("layer", "batch"),
    ]
    assert {each.family for each in found.primary} == {3}
    assert found.primary[2].verdict == "lower"
    assert [each.baseline for each in found.comparisons] == ["none", "none"]
    (table,) = primary(found, None).tables
    assert table.text[["variant", "against"]].to_numpy().tolist() == [["layer", "batch"]]


def test_how_often_a_variant_trains_and_its_mean_are_one_family():
    fates = {(1, seed): "diverged" for seed in range(7)}
    found = evidence(experiment(2, 10), SCORES[:2], fates=fates).primary[0]
    assert found.family == 2
    assert found.trained_p_holm == pytest.approx(2 * 2 * 0.5**7)


def test_seeds_added_until_all_is_decided_are_never_pending():
    found = evidence(experiment(3, 10, sequential=True), SCORES, missing_from=9)
    assert [each.verdict for each in found.primary] == ["higher", "equivalent"]
    assert "sequential p" in difference(found.primary[0])
    assert "n = 9" in difference(found.primary[0])


CONTEXT = Context((), (), ())
RATES = (1e-3, 1e-2)
AT_RATES = (
    99
    + np.array([[0.0], [0.2], [-1.0], [0.6]])
    + 0.01 * np.arange(12)
    + 0.02 * np.outer((0, 1, 0, 1), (-1.0) ** np.arange(12))
)


def test_at_each_ones_best_rate_the_verdict_names_it_and_waits_for_the_trials_that_choose():
    plan = experiment(2, 12, RATES, "best-rate-accuracy")
    (each,) = evidence(plan, AT_RATES).primary
    assert (each.verdict, each.metric.name, each.planned) == ("higher", "best-rate-accuracy", 9)
    assert "has a test accuracy at its own best learning rate" in difference(each)
    (waiting,) = evidence(
        plan, AT_RATES, missing=[(2, 8)]
    ).primary  # at a rate that is not the best, but might have been
    assert (waiting.verdict, waiting.pending) == ("pending", 1)


def test_where_the_sides_have_different_rates_no_figure_of_one_rate_stands_beside_them():
    (finding,) = findings(evidence(experiment(2, 12, RATES, "best-rate-accuracy"), AT_RATES), CONTEXT).findings
    assert list(finding.lines) == ["test accuracy at its own best learning rate"]


def test_without_a_rate_to_choose_it_is_not_said_that_there_is_only_one_variant():
    found = evidence(experiment(2, 12, RATES, "best-rate-accuracy"), AT_RATES, missing_from=0)
    assert "no learning rate could be chosen" in findings(found, CONTEXT).paragraphs[0]


def test_equivalence_is_a_family_of_its_own_size():
    """The tests of how often each trains, which a sequential family always holds, are none of equivalence."""
    found = evidence(experiment(3, 10, sequential=True), SCORES).primary
    assert [(each.family, each.equivalence_family) for each in found] == [(4, 2), (4, 2)]
    said = difference(found[1])
    assert re.search(
        r"equivalence p [=<] \S+ after Holm's correction over 2 comparisons\)\..* over 4 comparisons", said
    )


def test_the_share_that_trained_is_tested_by_the_rule_of_the_design():
    fates = {(1, seed): "failed" for seed in range(3)}
    said = [difference(evidence(experiment(2, 10, sequential=x), SCORES[:2], fates=fates).primary[0]) for x in (0, 1)]
    assert ["exact McNemar p" in each for each in said] == [True, False]
