"""The table of an experiment, its legend, and how it comes out as text."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up import PER_CLASS, build
from scipy import stats
from test_learning_rates import build as build_rates

from bnexp.evidence.experiment import Evidence
from bnexp.records.store import Store
from bnexp.reporting.parts import time_to_accuracy as times
from bnexp.reporting.parts.accuracy import legend, readable, summary
from bnexp.reporting.parts.classes import classes, missed
from bnexp.reporting.parts.sampling import sentences
from bnexp.reporting.render import latex, markdown
from bnexp.reporting.write import write_report
from bnexp.stats.bootstrap import sources


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return build(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def experiment(results):
    return Evidence(*results)


def row(frame, variant, size):
    return frame.set_index(["variant", "training.batch_size"]).loc[variant, size]


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
    got = row(summary(experiment), "bn-pre", 16)
    here = experiment.trials.query("`training.batch_size` == 16")
    pairs = 100 * here.pivot(index="seed", columns="variant", values="test_accuracy")[["bn-pre", "none"]].dropna()
    expected = stats.ttest_rel(pairs["bn-pre"], pairs["none"])
    assert got["n_pairs"] == len(pairs) == 4
    assert got["difference"] == pytest.approx((pairs["bn-pre"] - pairs["none"]).mean())
    assert (got["difference_low"], got["difference_high"]) == pytest.approx(tuple(expected.confidence_interval()))


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
    assert set(summary(found)["holm_family"].dropna()) == {len(found.comparisons)}
    assert "sign-flip" not in " ".join(legend(found))


def test_legend_of_a_variant_alone_speaks_of_no_difference(tmp_path):
    found = Evidence(*build(tmp_path, variants=("none",), batch_sizes=(), faults={}))
    assert "Difference" not in " ".join(legend(found))


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
        "\\begin{table}\n\\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}\\setlength{\\belowcaptionskip}{4pt}\n"
        "\\caption{50~\\% of a\\_b}\n\\label{tab:a-b-}\n"
        "\\begin{tabular}{lr}\n\\toprule\nvariant & $-$1~\\% \\\\\n\\midrule\n"
        "a|b\\_c & $-$2 \\\\\n"
        "{[}x{]}(javascript:y) & --- \\\\\n"
        "$<$b$>$\\& \\#1 & $>$3 \\\\\n"
        "\\textbackslash{}input\\{x\\} & {[}4{]} \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


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


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    faults = {("gn", 64, 2): "missing"}
    return Evidence(*build(tmp_path_factory.mktemp("results"), batch_sizes=(), seeds=4, faults=faults))


def test_errors_of_the_images_are_those_of_the_images_that_either_network_missed(sampled):
    x, found = np.zeros((4, 10_000)), sampled.comparisons[0]
    for seed in range(4):
        x[seed, list(sampled.sides[0].records[seed].test.missed)] += 100
        x[seed, list(sampled.sides[1].records[seed].test.missed)] -= 100
    assert found.sampling[:3] == pytest.approx(sources(x)[:3])
    assert found.sampling.interval.mean == pytest.approx(found.difference.mean)
    got = summary(sampled).set_index("variant").loc["bn-pre"]
    assert (got["error_seeds"], got["error_images"], got["error_both"]) == found.sampling[:3]


def test_errors_over_the_seeds_are_those_of_the_paired_interval(sampled):
    for each, pairs in zip(sampled.comparisons, (4, 4, 4, 3), strict=True):
        t = {4: 3.182446, 3: 4.302653}[pairs]
        assert each.sampling.interval.n == each.difference.n == pairs
        assert t * each.sampling.seeds == pytest.approx(each.difference.half_width, rel=1e-5)


def test_nothing_is_said_of_the_images_where_there_is_no_comparison_or_one_pair(sampled, tmp_path):
    found = sampled.comparisons[0]
    assert len(sentences([found])) == 1
    assert sentences([replace(found, same=True), replace(found, sampling=None)]) == []
    one = Evidence(*build(tmp_path, batch_sizes=(), seeds=1, faults={}))
    assert {each.sampling for each in one.comparisons} == {None}


@pytest.fixture(scope="module")
def papers(results, tmp_path_factory):
    """Reports of a grid, of learning rates, and of one place with the figure for a paper: their LaTeX files."""
    root = tmp_path_factory.mktemp("papers")
    alone = build(root / "alone", name="alone", batch_sizes=(), seeds=3, faults={})[0]
    rates = build_rates(root / "rates", seeds=8)[0]
    reports = [write_report(store, root / f"of-{k}") for k, store in enumerate((results[0], rates))]
    reports.append(write_report(alone, root / "of-alone", pdf=True))
    return [file for report in reports for file in report.files if file.suffix == ".tex"]


@pytest.mark.slow
def test_captions_say_unit_n_and_interval_and_tables_have_six_columns_at_most(papers):
    texts = {file.stem: file.read_text() for file in papers}
    assert {"made-up", "rates", "rates-learning-rates", "alone", "alone-paper"} <= texts.keys()
    for name in ("made-up", "rates", "rates-learning-rates", "alone", "alone-paper"):
        [caption] = re.findall(r"\\caption{(.*)}", texts[name])
        assert "in per" in caption
        assert re.search(r"n~=~\d", caption)
        assert r"95~\% t interval" in caption
    assert max(line.count("&") for text in texts.values() for line in text.splitlines()) == 5


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no LaTeX here")
def test_37_tables_and_figure_fit_into_the_class_article(papers, tmp_path):
    """At the width of its text and of a page, whatever the experiment has."""
    inputs = "".join(rf"\graphicspath{{{{{file.parent}/}}}}\input{{{file}}}\clearpage " for file in papers)
    packages = r"\usepackage{booktabs}\usepackage{graphicx}"
    text = rf"\documentclass{{article}}{packages}\begin{{document}}{inputs}\end{{document}}"
    (tmp_path / "t.tex").write_text(text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    log = (tmp_path / "t.log").read_text(errors="replace")
    assert "Overfull \\hbox" not in log
    assert f"({len(papers)} pages" in " ".join(log.split())
