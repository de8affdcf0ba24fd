"""The table of an experiment, its legend, and how it comes out as text."""

import io

import numpy as np
import pandas as pd
import pytest
from made_up import FAULTS, build
from scipy import stats

from bnexp.evidence.experiment import Evidence
from bnexp.records.store import Store
from bnexp.reporting import times
from bnexp.reporting.formats import csv, latex, markdown
from bnexp.reporting.tables import SUMMARY_COLUMNS, legend, readable, summary


def analysed(store, plan):
    found = Evidence(store, plan)
    return found.conditions, found.comparisons, found.trials


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return build(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def experiment(results):
    return analysed(*results)


def row(frame, variant, batch_size):
    return frame[(frame["variant"] == variant) & (frame.iloc[:, 1].astype(str) == str(batch_size))].iloc[0]


def test_one_row_per_point_place_by_place_in_the_order_of_the_variants(experiment, results):
    table = summary(*experiment[:2])
    assert list(table.columns) == ["variant", "training.batch_size", *SUMMARY_COLUMNS]
    assert list(table["variant"]) == list(results[1].variants) * 2
    assert list(table["training.batch_size"]) == [16] * 5 + [64] * 5


def test_the_order_does_not_depend_on_that_of_the_points(experiment, results):
    store, plan = results
    turned = plan.model_copy(update={"points": plan.points[5:][::-1] + plan.points[:5][::-1]})
    assert list(readable(*analysed(store, turned)[:2])["variant"]) == list(plan.variants) * 2


def test_accuracy_is_the_mean_over_the_finished_trials_in_per_cent(experiment):
    conditions_, comparisons_, frame = experiment
    got = row(summary(conditions_, comparisons_), "gn", 64)
    x = 100 * frame.loc[(frame["variant"] == "gn") & (frame["training.batch_size"] == 64), "test_accuracy"].dropna()
    assert (got["n_ok"], got["n_planned"], got["n_missing"]) == (4, 5, 1)
    assert got["test_accuracy"] == pytest.approx(x.mean())
    expected = stats.ttest_1samp(x, 0).confidence_interval()
    assert (got["test_accuracy_low"], got["test_accuracy_high"]) == pytest.approx(tuple(expected))


def test_difference_is_taken_pair_by_pair_in_points(experiment):
    conditions_, comparisons_, frame = experiment
    got = row(summary(conditions_, comparisons_), "bn-pre", 16)
    wide = 100 * frame[frame["training.batch_size"] == 16].pivot(
        index="seed", columns="variant", values="test_accuracy"
    )
    pairs = wide[["bn-pre", "none"]].dropna()
    expected = stats.ttest_rel(pairs["bn-pre"], pairs["none"])
    assert got["n_pairs"] == len(pairs) == 4
    assert got["difference"] == pytest.approx((pairs["bn-pre"] - pairs["none"]).mean())
    assert (got["difference_low"], got["difference_high"]) == pytest.approx(tuple(expected.confidence_interval()))


def test_a_pair_that_did_not_start_alike_is_in_no_difference(experiment):
    conditions_, comparisons_, _ = experiment
    got = row(summary(conditions_, comparisons_), "gn", 16)
    assert (got["n_ok"], got["n_pairs"]) == (5, 3)  # one mismatch, one diverged baseline


def test_the_family_of_holm_is_all_comparisons_of_the_experiment(experiment):
    table = summary(*experiment[:2])
    p = table["sign_flip_p"].dropna()
    assert set(table["holm_family"].dropna()) == {len(p)} == {8}
    assert row(table, "bn-pre", 64)["sign_flip_p_holm"] == 8 * p.min() == 0.5


def test_the_baseline_is_not_compared_with_itself(experiment):
    baseline = summary(*experiment[:2]).query("variant == 'none'")
    assert baseline[["difference", "sign_flip_p", "improvement", "n_pairs", "baseline"]].isna().all(axis=None)
    assert set(readable(*experiment[:2]).query("variant == 'none'")["difference (points)"]) == {"—"}


def test_times_count_trials_that_never_got_there(experiment):
    raw, text = (table(*experiment[:2]) for table in (times.numbers, times.readable))
    never = raw[(raw["target"] == 99) & (raw["measure"] == "steps")]
    assert (row(never, "none", 64)["median"], row(never, "none", 64)["n_reached"]) == (np.inf, 0)
    to_99, to_98 = (text[text["to (%)"] == str(target)] for target in (99, 98))
    assert (row(to_99, "none", 64)["steps"], row(to_99, "none", 64)["runs there"]) == ("> 2,532", "0/5")
    assert (row(to_98, "bn-pre", 64)["steps"], row(to_98, "bn-pre", 64)["runs there"]) == ("422", "5/5")
    assert row(to_98, "bn-pre", 64)["steps, of none's"] == "0.25 [0.25, 0.25]"


def test_a_diverged_trial_counts_as_one_that_never_got_there(experiment):
    text = times.readable(*experiment[:2]).query("`to (%)` == '98'")
    assert (row(text, "none", 16)["steps"], row(text, "none", 16)["runs there"]) == ("1,013", "4/5")
    assert row(readable(*experiment[:2]), "none", 16)["n"] == "4/5 (1 diverged)"


def test_a_whole_readable_row(experiment):
    assert dict(row(readable(*experiment[:2]), "bn-pre", 64)) == {
        "variant": "bn-pre",
        "batch size": "64",
        "n": "5/5",
        "test accuracy (%)": "99.09 [99.04, 99.15]",
        "difference (points)": "+0.24 [+0.15, +0.33]",
        "could see (points)": "0.13",
        "other images too": "[+0.11, +0.36]",
        "p (Holm)": "0.50",
        "P(improvement)": "1.00 [0.57, 1.00]",
        "recalibrated (%)": "99.10 [99.05, 99.16]",
        "batch statistics (%)": "99.08 [99.03, 99.14]",
        "parameters": "93,770",
        "of them in norms": "448",
        "training (s)": "32.4",
    }


def test_without_batch_dependent_variants_there_are_no_columns_of_other_statistics(tmp_path):
    text = readable(*analysed(*build(tmp_path, variants=("none", "ln"), faults={}))[:2])
    assert not {"recalibrated (%)", "batch statistics (%)"} & set(text)


def test_one_seed_has_means_without_intervals(tmp_path):
    text = readable(*analysed(*build(tmp_path, batch_sizes=(), seeds=1, faults={}))[:2])
    assert text["test accuracy (%)"].str.endswith(" [—]").all()
    assert text["difference (points)"].iloc[1].endswith(" [—]")
    assert "batch size" not in text


def test_nothing_finished_yet_is_a_table_of_dashes(results, tmp_path):
    found = analysed(Store(tmp_path), results[1])
    text = readable(*found[:2])
    assert set(text["n"]) == {"0/5"}
    measured = text[["test accuracy (%)", "difference (points)", "p (Holm)", "parameters", "training (s)"]]
    assert set(measured.to_numpy().ravel()) == {"—"}
    assert times.readable(*found[:2]).empty
    assert set(summary(*found[:2])["holm_family"].dropna()) == {0}
    assert "sign-flip" not in " ".join(legend(*found))


def test_legend_says_what_so_few_pairs_cannot_show(experiment):
    text = " ".join(legend(*experiment))
    assert "Difference: to none" in text
    assert "exact sign-flip test, Holm's correction over 8 comparisons; with n=5 it cannot go below 0.0625" in text
    assert "more than a tenth of the finished trials diverged" in text
    assert "not comparable" not in text


def test_legend_counts_a_single_comparison_as_one(tmp_path):
    text = " ".join(legend(*analysed(*build(tmp_path, variants=("none", "ln"), batch_sizes=(), faults={}))))
    assert "Holm's correction over 1 comparison;" in text


def test_legend_warns_where_trials_shared_the_machine_differently(experiment):
    conditions_, comparisons_, frame = experiment
    alone = frame["surroundings"].str.replace('"trials at a time": "2"', '"trials at a time": "1"')
    other = frame.assign(surroundings=frame["surroundings"].where(frame["seed"] > 0, alone))
    said = "Seconds are not comparable: the trials did not share the machine alike (trials at a time 1 or 2)."
    assert said in legend(conditions_, comparisons_, other)


def test_legend_of_a_variant_alone_speaks_of_no_difference(tmp_path):
    found = analysed(*build(tmp_path, variants=("none",), batch_sizes=(), faults={}))
    assert "Difference" not in " ".join(legend(*found))


def test_csv_holds_the_full_numbers(experiment):
    table = summary(*experiment[:2])
    back = pd.read_csv(io.StringIO(csv(table)), keep_default_na=True)
    numbers = [key for key, kind in SUMMARY_COLUMNS.items() if kind == "float64"]
    pd.testing.assert_frame_equal(back[numbers], table[numbers], check_exact=True)


def test_the_same_results_give_the_same_bytes(results):
    first, second = (csv(summary(*analysed(*results)[:2])) for _ in range(2))
    assert first == second


HOSTILE = pd.DataFrame(
    {"variant": ["a|b_c", "[x](javascript:y)", "<b>&\n#1", "\\input{x}"], "−1 %": ["−2", "—", ">3", "[4]"]}
)


def test_markdown():
    assert markdown(HOSTILE) == (
        "| variant | −1 % |\n"
        "| :-- | --: |\n"
        "| a\\|b\\_c | −2 |\n"
        "| [x]\\(javascript:y) | — |\n"
        "| \\<b>\\& #1 | >3 |\n"
        "| \\\\input{x} | [4] |\n"
    )


def test_latex():
    assert latex(HOSTILE, caption="50 % of a_b", label="tab:a_b}") == (
        "\\begin{table}\n\\centering\n\\caption{50 \\% of a\\_b}\n\\label{tab:a-b-}\n"
        "\\begin{tabular}{lr}\n\\toprule\nvariant & $-$1 \\% \\\\\n\\midrule\n"
        "a|b\\_c & $-$2 \\\\\n"
        "{[}x{]}(javascript:y) & --- \\\\\n"
        "$<$b$>$\\& \\#1 & $>$3 \\\\\n"
        "\\textbackslash{}input\\{x\\} & {[}4{]} \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


def test_faults_leave_the_other_rows_as_they_are(tmp_path, experiment):
    whole = readable(*analysed(*build(tmp_path, faults={}))[:2])
    text = readable(*experiment[:2])
    touched = {(variant, str(size)) for variant, size, _ in FAULTS} | {("none", "16")}
    for k, (variant, size) in enumerate(zip(text["variant"], text["batch size"], strict=True)):
        if (variant, size) not in touched and size == "64":
            assert whole.iloc[k].drop("p (Holm)").equals(text.iloc[k].drop("p (Holm)"))
