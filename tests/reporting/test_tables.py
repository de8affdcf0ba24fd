"""The table of an experiment, its legend, and how it comes out as text."""

import io

import numpy as np
import pandas as pd
import pytest
from made_up import FAULTS, PER_CLASS, build
from scipy import stats

from bnexp.evidence.experiment import Evidence
from bnexp.records.store import Store
from bnexp.reporting.parts import time_to_accuracy as times
from bnexp.reporting.parts.accuracy import SUMMARY_COLUMNS, legend, readable, summary
from bnexp.reporting.parts.classes import classes, missed
from bnexp.reporting.render import csv, latex, markdown
from bnexp.specs.trial import Trial, TrialSpec


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return build(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def experiment(results):
    return Evidence(*results)


def row(frame, variant, batch_size):
    return frame[(frame["variant"] == variant) & (frame.iloc[:, 1].astype(str) == str(batch_size))].iloc[0]


def test_seconds_are_the_median_over_finished_trials(tmp_path):
    store, plan = build(tmp_path, variants=("none",), batch_sizes=(), faults={("none", 64, 1): "diverged"})
    for seed, seconds in enumerate((1.0, 100.0, 2.0, 3.0, 30.0)):
        found = store.read_folder(plan.points[0].trials[seed])
        changed = found.seconds.model_copy(update={"train": seconds})
        trial = Trial(TrialSpec.model_validate(plan.points[0].spec), seed)
        store.write(trial, found.model_copy(update={"seconds": changed}))
    assert Evidence(store, plan).conditions[0].seconds == 2.5


def test_one_row_per_point_place_by_place_in_the_order_of_the_variants(experiment, results):
    table = summary(experiment)
    assert list(table.columns) == ["variant", "training.batch_size", *SUMMARY_COLUMNS]
    assert list(table["variant"]) == list(results[1].variants) * 2
    assert list(table["training.batch_size"]) == [16] * 5 + [64] * 5


def test_the_order_does_not_depend_on_that_of_the_points(experiment, results):
    store, plan = results
    turned = plan.model_copy(update={"points": plan.points[5:][::-1] + plan.points[:5][::-1]})
    assert list(readable(Evidence(store, turned))["variant"]) == list(plan.variants) * 2


def test_accuracy_is_the_mean_over_the_finished_trials_in_per_cent(experiment):
    frame = experiment.trials
    got = row(summary(experiment), "gn", 64)
    x = 100 * frame.loc[(frame["variant"] == "gn") & (frame["training.batch_size"] == 64), "test_accuracy"].dropna()
    assert (got["n_ok"], got["n_planned"], got["n_missing"]) == (4, 5, 1)
    assert got["test_accuracy"] == pytest.approx(x.mean())
    expected = stats.ttest_1samp(x, 0).confidence_interval()
    assert (got["test_accuracy_low"], got["test_accuracy_high"]) == pytest.approx(tuple(expected))


def test_difference_is_taken_pair_by_pair_in_points(experiment):
    frame = experiment.trials
    got = row(summary(experiment), "bn-pre", 16)
    wide = 100 * frame[frame["training.batch_size"] == 16].pivot(
        index="seed", columns="variant", values="test_accuracy"
    )
    pairs = wide[["bn-pre", "none"]].dropna()
    expected = stats.ttest_rel(pairs["bn-pre"], pairs["none"])
    assert got["n_pairs"] == len(pairs) == 4
    assert got["difference"] == pytest.approx((pairs["bn-pre"] - pairs["none"]).mean())
    assert (got["difference_low"], got["difference_high"]) == pytest.approx(tuple(expected.confidence_interval()))


def test_a_pair_that_did_not_start_alike_is_in_no_difference(experiment):
    got = row(summary(experiment), "gn", 16)
    assert (got["n_ok"], got["n_pairs"]) == (5, 3)  # one mismatch, one diverged baseline


def test_the_family_of_holm_is_all_comparisons_of_the_experiment(experiment):
    table = summary(experiment)
    p = table["sign_flip_p"].dropna()
    assert set(table["holm_family"].dropna()) == {len(p)} == {8}
    assert row(table, "bn-pre", 64)["sign_flip_p_holm"] == 8 * p.min() == 0.5


def test_the_baseline_is_not_compared_with_itself(experiment):
    baseline = summary(experiment).query("variant == 'none'")
    assert baseline[["difference", "sign_flip_p", "improvement", "n_pairs", "baseline"]].isna().all(axis=None)
    assert set(readable(experiment).query("variant == 'none'")["difference (pp)"]) == {"—"}


def test_times_count_trials_that_never_got_there(experiment):
    raw, text = (table(experiment) for table in (times.numbers, times.readable))
    never = raw[(raw["target"] == 99) & (raw["measure"] == "steps")]
    assert (row(never, "none", 64)["median"], row(never, "none", 64)["n_reached"]) == (np.inf, 0)
    to_99, to_98 = (text[text["target (%)"] == str(target)] for target in (99, 98))
    assert (row(to_99, "none", 64)["steps"], row(to_99, "none", 64)["runs that reached it"]) == ("> 2,532", "0/5")
    assert (row(to_98, "bn-pre", 64)["steps"], row(to_98, "bn-pre", 64)["runs that reached it"]) == ("422", "5/5")
    assert row(to_98, "bn-pre", 64)["steps, of none's"] == "0.25 [0.25, 0.25]"


def test_a_diverged_trial_counts_as_one_that_never_got_there(experiment):
    text = times.readable(experiment).query("`target (%)` == '98'")
    assert (row(text, "none", 16)["steps"], row(text, "none", 16)["runs that reached it"]) == ("1,013", "4/5")
    assert row(readable(experiment), "none", 16)["n"] == "4/5 (1 diverged)"


def test_a_whole_readable_row(experiment):
    assert dict(row(readable(experiment), "bn-pre", 64)) == {
        "variant": "bn-pre",
        "batch size": "64",
        "n": "5/5",
        "test accuracy (%)": "99.09 [99.04, 99.15]",
        "difference (pp)": "+0.24 [+0.15, +0.33]",
        "detectable difference (pp)": "0.13",
        "95 % CI incl. test-set sampling": "[+0.11, +0.36]",
        "p (Holm)": "0.50",
        "P(improvement)": "1.00 [0.57, 1.00]",
        "recalibrated (%)": "99.10 [99.05, 99.16]",
        "batch statistics (%)": "99.08 [99.03, 99.14]",
        "parameters": "93,770",
        "normalization parameters": "448",
        "training (s)": "32.4",
    }


def test_without_batch_dependent_variants_there_are_no_columns_of_other_statistics(tmp_path):
    text = readable(Evidence(*build(tmp_path, variants=("none", "ln"), faults={})))
    assert not {"recalibrated (%)", "batch statistics (%)"} & set(text)


def test_one_seed_has_means_without_intervals(tmp_path):
    text = readable(Evidence(*build(tmp_path, batch_sizes=(), seeds=1, faults={})))
    assert text["test accuracy (%)"].str.endswith(" [—]").all()
    assert text["difference (pp)"].iloc[1].endswith(" [—]")
    assert "batch size" not in text


def test_nothing_finished_yet_is_a_table_of_dashes(results, tmp_path):
    found = Evidence(Store(tmp_path), results[1])
    text = readable(found)
    assert set(text["n"]) == {"0/5"}
    measured = text[["test accuracy (%)", "difference (pp)", "p (Holm)", "parameters", "training (s)"]]
    assert set(measured.to_numpy().ravel()) == {"—"}
    assert times.readable(found).empty
    assert set(summary(found)["holm_family"].dropna()) == {0}
    assert "sign-flip" not in " ".join(legend(found))


def test_legend_says_what_so_few_pairs_cannot_show(experiment):
    text = " ".join(legend(experiment))
    assert "Difference: to none" in text
    assert "exact sign-flip test, Holm's correction over 8 comparisons; with n = 5 it cannot go below 0.0625" in text
    assert "more than a tenth of the finished trials diverged" in text
    assert "not comparable" not in text


def test_legend_counts_a_single_comparison_as_one(tmp_path):
    text = " ".join(legend(Evidence(*build(tmp_path, variants=("none", "ln"), batch_sizes=(), faults={}))))
    assert "Holm's correction over 1 comparison;" in text


def test_legend_warns_where_trials_shared_the_machine_differently(tmp_path):
    store, plan = build(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=2, faults={})
    for point in plan.points:
        found = store.read_folder(point.trials[0])
        alone = found.model_copy(update={"execution": {**found.execution, "jobs": 1}})
        store.write(Trial(TrialSpec.model_validate(point.spec), 0), alone)
    assert any(
        text.startswith("Seconds are not comparable") and "trials at a time 1 or 2" in text
        for text in legend(Evidence(store, plan))
    )


def test_legend_of_a_variant_alone_speaks_of_no_difference(tmp_path):
    found = Evidence(*build(tmp_path, variants=("none",), batch_sizes=(), faults={}))
    assert "Difference" not in " ".join(legend(found))


def test_csv_holds_the_full_numbers(experiment):
    table = summary(experiment)
    back = pd.read_csv(io.StringIO(csv.table(table)), keep_default_na=True)
    numbers = [key for key, kind in SUMMARY_COLUMNS.items() if kind == "float64"]
    pd.testing.assert_frame_equal(back[numbers], table[numbers], check_exact=True)


def test_the_same_results_give_the_same_bytes(results):
    first, second = (csv.table(summary(Evidence(*results))) for _ in range(2))
    assert first == second


HOSTILE = pd.DataFrame(
    {"variant": ["a|b_c", "[x](javascript:y)", "<b>&\n#1", "\\input{x}"], "−1 %": ["−2", "—", ">3", "[4]"]}
)


def test_markdown():
    assert markdown.table(HOSTILE) == (
        "| variant | −1 % |\n"
        "| :-- | --: |\n"
        "| a\\|b\\_c | −2 |\n"
        "| [x]\\(javascript:y) | — |\n"
        "| \\<b>\\& #1 | >3 |\n"
        "| \\\\input{x} | [4] |\n"
    )


def test_latex():
    assert latex.table(HOSTILE, caption="50 % of a_b", label="tab:a_b}") == (
        "\\begin{table}\n\\centering\n\\caption{50 \\% of a\\_b}\n\\label{tab:a-b-}\n"
        "\\begin{tabular}{lr}\n\\toprule\nvariant & $-$1 \\% \\\\\n\\midrule\n"
        "a|b\\_c & $-$2 \\\\\n"
        "{[}x{]}(javascript:y) & --- \\\\\n"
        "$<$b$>$\\& \\#1 & $>$3 \\\\\n"
        "\\textbackslash{}input\\{x\\} & {[}4{]} \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


def test_faults_leave_the_other_rows_as_they_are(tmp_path, experiment):
    whole = readable(Evidence(*build(tmp_path, faults={})))
    text = readable(experiment)
    touched = {(variant, str(size)) for variant, size, _ in FAULTS} | {("none", "16")}
    for k, (variant, size) in enumerate(zip(text["variant"], text["batch size"], strict=True)):
        if (variant, size) not in touched and size == "64":
            assert whole.iloc[k].drop("p (Holm)").equals(text.iloc[k].drop("p (Holm)"))


def test_missed_test_images_by_class_are_shares_of_that_class(experiment, results):
    store, plan = results
    tests = [store.read_folder(folder).test for seed, folder in plan.points[1].trials.items()]
    assert missed(experiment, 1) == pytest.approx(
        [100 * np.mean([1 - test.correct_per_class[k] / PER_CLASS[k] for test in tests]) for k in range(10)]
    )
    [table] = classes(experiment, None).tables
    assert list(table.text.columns) == ["variant", "batch size", *(f"class {k}" for k in range(10))]
    assert len(table.text) == 10


def test_without_a_tested_trial_there_is_no_table_of_classes(results, tmp_path):
    assert classes(Evidence(Store(tmp_path), results[1]), None) is None
