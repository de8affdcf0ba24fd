"""No number of a report or a comparison changes, and no word unnoticed: a made-up folder against stored files.

Columns and keys may be added, and their order may change.  `report_golden.py` writes the files anew.
"""

import math
from pathlib import Path
from typing import Any

import pytest
from made_up_report import build
from raw_results import Row, number, read_csv, read_json, report
from report_golden import COMPARISONS, STORED, compared, words_of

RELATIVE = 1e-12
"""Of numbers: another machine may round the last digit otherwise."""

TABLES = sorted(path.name for path in STORED.glob("tables/*.csv"))

KEYS = (
    *("comparison", "variant", "training.batch_size", "training.optimizer.learning_rate", "target", "measure"),
    *("true_class", "predicted_class", "image"),
)
"""Columns that name a row, of those that a table has."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made-up")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def reported(results: Path) -> Path:
    return report(results, results / "report")


def close(found: Any, stored: Any) -> bool:
    """Whether a value is the stored one, a number to `RELATIVE`."""
    if isinstance(found, bool) or isinstance(stored, bool):
        return found is stored
    if isinstance(found, float | int) and isinstance(stored, float | int):
        return math.isclose(found, stored, rel_tol=RELATIVE, abs_tol=1e-13)
    return bool(found == stored)


def same_cell(found: str, stored: str) -> bool:
    """Whether a cell of a table is the stored one."""
    numbers = number(found), number(stored)
    return found == stored if None in numbers else close(*numbers)


def by_key(rows: list[Row]) -> dict[tuple[str, ...], Row]:
    found = {tuple(row[key] for key in KEYS if key in row): row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("table", TABLES)
def test_no_number_of_a_table_changes(reported: Path, table: str) -> None:
    found, stored = (by_key(read_csv(folder / "tables" / table)) for folder in (reported, STORED))
    assert found.keys() == stored.keys()
    unlike = [
        f"{' '.join(key)}, {column}: {cell} was, {found[key].get(column)} is"
        for key, row in stored.items()
        for column, cell in row.items()
        if not same_cell(found[key].get(column, "no such column"), cell)
    ]
    assert not unlike, "\n".join(unlike)


def test_the_report_has_the_stored_tables_and_no_others(reported: Path) -> None:
    assert sorted(path.name for path in reported.glob("tables/*.csv")) == TABLES


@pytest.mark.parametrize("name", COMPARISONS)
def test_no_number_of_a_comparison_changes(results: Path, name: str) -> None:
    unlike = differences("", compared(name, results), read_json(STORED / f"compare/{name}.json"))
    assert not unlike, "\n".join(unlike)


def differences(path: str, found: Any, stored: Any) -> list[str]:
    """Where JSON lacks something that is stored, or says otherwise."""
    if isinstance(stored, dict) and isinstance(found, dict):
        lost = [f"{path}.{key} is gone" for key in stored if key not in found]
        return lost + [
            each for key in stored if key in found for each in differences(f"{path}.{key}", found[key], stored[key])
        ]
    if isinstance(stored, list) and isinstance(found, list) and len(stored) == len(found):
        pairs = enumerate(zip(found, stored, strict=True))
        return [each for k, pair in pairs for each in differences(f"{path}[{k}]", *pair)]
    return [] if close(found, stored) else [f"{path}: {stored!r} was, {found!r} is"]


def test_the_words_of_the_report_are_the_stored_ones(reported: Path) -> None:
    """The one place where every sentence is held as it is; write it anew where the words are meant to change."""
    found = words_of((reported / "report.md").read_text(encoding="utf-8"))
    assert found.splitlines() == (STORED / "report.md").read_text(encoding="utf-8").splitlines()
