"""A topic is one file and one line of `PARTS`; what it says stands where its region is."""

from pathlib import Path

import pytest
from made_up import build

import bnexp.reporting.parts
from bnexp.evidence.experiment import Evidence
from bnexp.reporting.drawing.figures import looks
from bnexp.reporting.numbers import Number, cell, interval, time
from bnexp.reporting.part import Part
from bnexp.reporting.parts import PARTS, section
from bnexp.reporting.render.html import sorted_by
from bnexp.reporting.write import write_report
from bnexp.stats.estimates import mean_interval
from bnexp.stats.survival import time_to_target

TINY = {"variants": ("none", "ln"), "batch_sizes": (), "seeds": 2, "faults": {}}


def test_every_file_has_a_line_and_every_line_a_file():
    modules = {where.partition(":")[0].rpartition(".")[2] for where in PARTS.values()}
    files = {path.stem for path in Path(bnexp.reporting.parts.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == files


def test_parts_come_in_the_order_of_the_table(tmp_path):
    store, plan = build(tmp_path, **TINY)
    found = section(Evidence(store, plan), "it", looks(plan.variants), tmp_path).parts
    assert [name for name in PARTS if name in found] == list(found)


def test_another_topic_is_one_line_more(tmp_path, monkeypatch):
    """Its title, sentence and table stand in page and Markdown without a change to a template."""
    monkeypatch.setitem(PARTS, "weather", f"{__name__}:weather")
    store, _ = build(tmp_path, **TINY)
    index = write_report(store, tmp_path / "report").index
    for text in (index.read_text(), (index.parent / "report.md").read_text()):
        assert "Weather of made-up" in text
        assert "It rained on 2 variants." in text


def weather(evidence, _):
    return Part(f"Weather of {evidence.plan.name}", sentences=(f"It rained on {len(evidence.conditions)} variants.",))


@pytest.mark.parametrize(
    ("shown", "value"),
    [
        (interval(mean_interval([0.125, 0.25])), "0.1875"),
        (interval(mean_interval([])), ""),
        (time(time_to_target([float("nan")], [2532.0])), "Infinity"),
        (cell(16), "16.0"),
        (cell("adam"), None),
        (cell(True), None),
        ("—", ""),
        (Number("1,013", 1013), "1013.0"),
    ],
)
def test_a_cell_is_sorted_by_its_number_in_full(shown, value):
    assert sorted_by(shown) == value
