"""A report is a folder of files: the same results give the same bytes, and nothing of anybody else's is touched."""

import json
import shutil

import pandas as pd
import pytest
from made_up import build

from bnexp.errors import UserError
from bnexp.evidence.experiment import Evidence
from bnexp.records import find
from bnexp.records.store import Store
from bnexp.reporting.part import slugs
from bnexp.reporting.parts.accuracy import SUMMARY_COLUMNS, summary
from bnexp.reporting.write import write_report

TINY = {"variants": ("none", "ln"), "seeds": 2, "faults": {}}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two experiments, one with a grid and one without; one trial is missing, one diverged."""
    root = tmp_path_factory.mktemp("results")
    build(root, name="plain", batch_sizes=(), **TINY)
    faults = {("ln", 16, 1): "missing", ("none", 16, 0): "diverged"}
    store, _ = build(root, name="grid", **{**TINY, "seeds": 3, "faults": faults})
    return store


@pytest.fixture(scope="module")
def report(results, tmp_path_factory):
    return write_report(results, tmp_path_factory.mktemp("out") / "new" / "report", None)


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """An experiment without a single record: its report has no figures, and is written at once."""
    faults = {(variant, 64, seed): "missing" for variant in ("none", "ln") for seed in range(2)}
    return build(tmp_path_factory.mktemp("unfinished"), batch_sizes=(), **{**TINY, "faults": faults})[0]


def names(out):
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_a_report_has_a_page_figures_in_two_formats_and_tables_in_three(report):
    out = report.index.parent
    assert report.index.name == "index.html"
    assert names(out) == {path.relative_to(out).as_posix() for path in report.files}
    assert {"index.html", "report.md", "trials.csv", "evaluations.csv"} <= names(out)
    assert {"figures/grid-accuracy-by-batch-size.svg", "figures/plain-differences.png"} <= names(out)
    assert {f"tables/{name}.{kind}" for name in ("grid", "plain") for kind in ("csv", "md", "tex")} <= names(out)
    widths = {int.from_bytes(path.read_bytes()[16:20]) for path in report.files if path.suffix == ".png"}
    assert widths == {850, 1750}  # a column of a paper and a page, in 250 dots per inch


@pytest.mark.slow
def test_figures_come_as_pdf_where_that_is_wanted_and_the_next_report_removes_them(tmp_path):
    store, _ = build(tmp_path / "results", batch_sizes=(), **TINY)
    write_report(store, tmp_path / "report", pdf=True)
    figures = {path.stem: path.read_bytes() for path in (tmp_path / "report/figures").glob("*.pdf")}
    assert {"made-up-accuracy-steps", "made-up-differences"} <= figures.keys()
    assert all(data.startswith(b"%PDF") and b"/Type3" not in data for data in figures.values())
    again = write_report(store, tmp_path / "again", pdf=True)
    assert {path.stem: path.read_bytes() for path in again.files if path.suffix == ".pdf"} == figures
    write_report(store, tmp_path / "report")
    assert not list((tmp_path / "report/figures").glob("*.pdf"))


def test_what_is_missing_is_told(report):
    assert not report.complete
    assert any(text.startswith("grid: 1 of 12 trials is missing: ln at batch size 16") for text in report.missing)


def test_the_same_results_give_the_same_bytes(results, report, tmp_path):
    again = write_report(results, tmp_path / "elsewhere", None)
    for path in report.files:
        name = path.relative_to(report.index.parent)
        assert (again.index.parent / name).read_bytes() == path.read_bytes(), name


def test_tidy_tables_have_a_row_for_each_planned_trial_and_each_evaluation(report):
    trials = pd.read_csv(report.index.parent / "trials.csv")
    assert trials.groupby("experiment")["status"].count().to_dict() == {"grid": 12, "plain": 4}
    assert trials["status"].value_counts().to_dict() == {"ok": 14, "diverged": 1, "missing": 1}
    looks = pd.read_csv(report.index.parent / "evaluations.csv")
    assert len(looks) == 10 * 42 + 4 * 50 + 3  # of 2,532 steps and of 10,125; the diverged trial has three


def test_tables_hold_the_full_numbers(results, report):
    [plan] = find.plans(results, ["grid"])
    back, table = pd.read_csv(report.index.parent / "tables/grid.csv"), summary(Evidence(results, plan))
    numbers = [key for key, kind in SUMMARY_COLUMNS.items() if kind == "float64"]
    pd.testing.assert_frame_equal(back[numbers], table[numbers], check_exact=True)


def test_a_whole_number_stays_one_where_another_experiment_lacks_it(report):
    lines = (report.index.parent / "trials.csv").read_text().splitlines()
    assert lines[0].startswith("experiment,variant,training.batch_size,point,seed,status,")
    assert lines[1].startswith("grid,none,16,0,0,diverged,")
    assert lines[-1].startswith("plain,ln,,1,1,ok,")


def test_only_the_experiments_that_are_wanted_are_reported(results, tmp_path):
    written = write_report(results, tmp_path, ["plain"])
    assert written.complete
    assert "tables/plain.csv" in names(tmp_path)
    assert "tables/grid.csv" not in names(tmp_path)


def test_files_of_an_earlier_report_are_removed_and_others_stay(results, report, tmp_path):
    shutil.copytree(report.index.parent, tmp_path, dirs_exist_ok=True)
    mine = tmp_path / "figures" / "mine.svg"
    mine.write_text("mine")
    (tmp_path / "notes.md").write_text("mine")
    write_report(results, tmp_path, ["plain"])
    assert mine.exists()
    assert (tmp_path / "notes.md").exists()
    assert not [name for name in names(tmp_path) if "grid" in name]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    "listed", [["../precious.txt", "figures/../../precious.txt", "/etc/none", 3], "precious.txt", {}]
)
def test_a_list_of_files_that_was_tampered_with_removes_nothing(unfinished, tmp_path, listed):
    precious = tmp_path / "precious.txt"
    precious.write_text("keep")
    out = tmp_path / "report"
    out.mkdir()
    (out / "files.json").write_text(json.dumps(listed))
    write_report(unfinished, out)
    assert precious.exists()


def test_without_an_experiment_there_is_a_hint(tmp_path):
    with pytest.raises(UserError, match=r"no experiment is stored here; `bnexp run CONFIG` stores some"):
        write_report(Store(tmp_path), tmp_path / "report", None)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("gird", "no experiment is named 'gird'; did you mean 'grid'?"), ("x", "there are: grid, plain")],
)
def test_an_unknown_experiment_is_refused_with_the_known_ones(results, tmp_path, name, message):
    with pytest.raises(UserError) as error:
        write_report(results, tmp_path / "report", [name])
    assert message in str(error.value)


def test_a_folder_that_cannot_be_written_is_the_user_s_to_mend(unfinished, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        write_report(unfinished, file)
    assert file.read_text() == "in the way"


def test_names_that_would_share_a_file_get_different_ones():
    assert slugs(["a b", "a-b", "A?b", "..", "層"]) == {
        "a b": "a-b",
        "a-b": "a-b-2",
        "A?b": "A-b-3",
        "..": "experiment",
        "層": "experiment-2",
    }
