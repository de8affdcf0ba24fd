"""What the README shows of the reference runs is what lies under results/reference/."""

import re
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results/reference"
README = (ROOT / "README.md").read_text()


def test_the_table_of_the_readme_is_the_reports():
    assert (REFERENCE / "tables/mnist.md").read_text().strip() in README


def test_the_times_of_the_readme_are_the_reports():
    stored = (REFERENCE / "tables/mnist-times.md").read_text().splitlines()
    rows = [line for line in README.splitlines() if line.startswith("|") and line.count("|") == 10]
    shown = [line for line in rows if "| 98 |" in line]
    assert len(shown) == 5
    assert set(shown) <= set(stored)
    assert stored[0] in README.splitlines()


def test_the_table_follows_from_the_trials():
    """Mean test accuracy per variant, recomputed from the tidy table of trials."""
    trials = pd.read_csv(REFERENCE / "trials.csv")
    ok = trials[(trials["experiment"] == "mnist") & (trials["status"] == "ok")]
    table = pd.read_csv(REFERENCE / "tables/mnist.csv").set_index("variant")
    means = 100 * ok.groupby("variant")["test_accuracy"].mean()
    assert len(means) == 5
    assert ok.groupby("variant")["seed"].nunique().eq(table["n_ok"].reindex(means.index)).all()
    pd.testing.assert_series_equal(means, table["test_accuracy"].reindex(means.index), check_names=False)


def test_every_picture_of_the_readme_is_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 2
    assert all((ROOT / picture).is_file() for picture in pictures)
