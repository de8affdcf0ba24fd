"""Results folders as raw JSON, without a class of bnexp: what the tests here hand to its public face."""

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any
from unittest import mock

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

import bnexp
from bnexp.__main__ import main
from bnexp.specs.trial import completed

GOLDEN = Path(__file__).parent
ROOT = GOLDEN.parents[1]

Row = dict[str, str]

NOTHING: dict[str, Any] = {
    "schema_version": 1,
    "protocol": 2,
    "evaluations": [],
    **dict.fromkeys(("diverged_at_step", "test", "other_statistics", "train_examples", "validation_examples")),
    **dict.fromkeys(("parameters", "fingerprints", "data_hash", "seconds", "peak_memory_bytes", "failure")),
}
"""A record of schema version 1 in which nothing was measured."""


def but_for_the_looks(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec, with the keys of today, without what protocol 3 gives otherwise."""
    spec = completed(spec | {"training": {k: v for k, v in spec["training"].items() if k != "evaluations"}})
    training = {key: value for key, value in spec["training"].items() if key not in ("evaluations", "trained")}
    return spec | {"training": training}


def write_record(results: Path, folder: str, record: dict[str, Any]) -> None:
    """Put one trial's record where a results folder has it."""
    path = results / "trials" / folder / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record, indent=1, allow_nan=False))


def write_plan(results: Path, plan: dict[str, Any]) -> None:
    """Put an experiment's plan where a results folder has it."""
    path = results / "experiments" / f"{plan['name']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plan, indent=1, allow_nan=False))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_csv(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def command(*words: object, code: int = 0) -> str:
    """What `bnexp WORDS...` prints to stdout; it must end with this exit code."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([str(word) for word in words]) == code
    return out.getvalue()


def report(results: Path, out: Path) -> Path:
    """Write the report of a results folder into `out`; its figures are empty, since drawing takes ten times as long."""
    with (
        mock.patch.object(FigureCanvasAgg, "print_png", lambda _, file, **__: file.write(b"")),
        mock.patch.object(FigureCanvasSVG, "print_svg", lambda _, file, **__: file.write(b"<svg/>")),
        mock.patch.object(Figure, "draw_without_rendering"),
    ):
        bnexp.report(results, out=out)
    return out


def number(text: str) -> float | None:
    """A cell as a number; None where it is empty or none."""
    try:
        return float(text)
    except ValueError:
        return None
