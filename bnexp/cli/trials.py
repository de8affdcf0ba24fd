"""`bnexp status`, `show`, `logs` and `report`: what a results folder holds."""

import os
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnexp.cli import options
from bnexp.cli.text import note, print_json, table
from bnexp.errors import UserError
from bnexp.specs.wording import printable

if TYPE_CHECKING:
    from bnexp.records.record import TrialRecord

INCOMPLETE = 4
_FEW = 20  # values of a list that are shown; of more, how many they are


@click.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT...]")
@options.results
@options.as_json
def status(experiments: tuple[str, ...], results: Path, as_json: bool) -> None:
    """Print how complete each stored experiment is.

    \b
    Example:
      bnexp status
    """
    from bnexp.records.find import plans  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.records.store import Store  # noqa: PLC0415

    store = Store(results)
    found: list[dict[str, Any]] = []
    for plan in plans(store, experiments):
        records = [store.read_folder(folder) for point in plan.points for folder in point.trials.values()]
        counts = Counter("missing" if record is None else record.status for record in records)
        sizes = {"variants": len(plan.variants), "seeds": len(plan.seeds), "trials": len(records)}
        statuses = {status: counts[status] for status in ("ok", "diverged", "failed", "missing")}
        latest = max((record.started for record in records if record), default=None)  # UTC
        complete = not (counts["failed"] or counts["missing"])
        found.append({"experiment": plan.name, **sizes, **statuses, "latest": latest, "complete": complete})
    if as_json:
        print_json(found)
        return
    counted = ("variants", "seeds", "trials", "ok", "diverged", "failed", "missing")
    header = ["experiment", *(f">{key}" for key in counted), "latest start"]
    rows = [[printable(each["experiment"]), *map(each.get, counted), each["latest"] or "-"] for each in found]
    click.echo(table(header, rows))


@click.command()
@click.argument("trial")
@options.results
@options.as_json
def show(trial: str, results: Path, as_json: bool) -> None:
    """Print the record of one trial.

    TRIAL is the name of its folder, its first characters, or those of its identity (the digits at the end).

    \b
    Example:
      bnexp show mnist-cnn-batch-b64-s0
    """
    from bnexp.records.find import find, record  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.records.store import Store  # noqa: PLC0415

    folder = find(Store(results), trial)
    found = record(folder)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        click.echo(record_text(folder, found))


@click.command()
@click.argument("trial")
@click.option("-n", "--tail", type=click.IntRange(0), help="Only the last so many lines.")
@options.results
def logs(trial: str, tail: int | None, results: Path) -> None:
    """Print what the worker printed while it trained one trial.

    TRIAL is as for `bnexp show`. For a failed trial, look here first.

    \b
    Example:
      bnexp logs mnist-cnn-batch-b64-s0 --tail 20
    """
    from bnexp.records.find import find  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.records.store import Store  # noqa: PLC0415

    folder = find(Store(results), trial)
    try:
        with (folder / "run.log").open(encoding="utf-8", errors="replace") as file:
            for line in file if tail is None else deque(file, maxlen=tail):
                click.echo(line, nl=False)
    except FileNotFoundError:
        raise UserError(f"{folder}: there is no run.log; only the record was kept") from None


@click.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT...]")
@options.results
@click.option("--out", type=options.FOLDER, help="Where the report goes.  [default: report/ in the results folder]")
@click.option("--pdf", is_flag=True, help="Each figure as PDF too, and one for a paper with its caption.")
@click.option("--strict", is_flag=True, help="Exit with 4 if a planned trial is missing or failed.")
def report(experiments: tuple[str, ...], results: Path, out: Path | None, pdf: bool, strict: bool) -> int:
    """Write the report of what is stored, and print its path.

    index.html is one file that opens without a network; beside it stand report.md, figures/ (SVG, PNG) and tables/
    (CSV, Markdown, LaTeX). An incomplete experiment is reported too, and says what is missing.

    \b
    Examples:
      bnexp report
      bnexp report mnist --out /tmp/mnist-report
    """
    os.environ["MPLBACKEND"] = "agg"  # figures are files; a notebook's own need not be installed here
    from bnexp import reporting  # noqa: PLC0415  # subprocess: not for `--help`

    written = reporting.report(results, out, experiments or None, pdf=pdf)
    for sentence in written.missing:
        note(sentence)
    click.echo(written.index)
    return 0 if written.complete or not strict else INCOMPLETE


def record_text(folder: Path, record: "TrialRecord") -> str:
    """A record for people: what it was, what was measured, how it went, where it ran."""
    from bnexp.records.quantities import EVALUATION, QUANTITIES  # noqa: PLC0415  # pydantic: not for `--help`

    repeated = ("surroundings",)  # what stands under execution and environment
    told = [each for each in QUANTITIES if not each.of_machine and each.name not in repeated]
    measured = {each.label: (each.get(record), each.unit) for each in told}
    looked_at = [each for each in EVALUATION if each.column or any(map(each.get, record.evaluations))]
    evaluations = [
        [_shown(each.get(done), each.unit, in_table=True) for each in looked_at] for done in record.evaluations
    ]
    header = [f">{each.name.replace('_', ' ')}" for each in looked_at]
    failure = record.failure
    parts = [
        [f"{folder.name}: {record.status}"],
        _facts("trial", {"seed": str(record.seed), "started": record.started}),
        _facts("spec", _flat(record.spec)),
        _facts("measured", {key: _shown(*found) for key, found in measured.items() if found[0] is not None}),
        ["evaluations", table(header, evaluations, indent="  ")] if evaluations else [],
        [f"failure: {failure.kind}: {failure.message}", *failure.traceback.splitlines()] if failure else [],
        _facts("execution", _flat(record.execution)),
        _facts("environment", _flat(record.environment)),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _shown(value: Any, unit: str, *, in_table: bool = False) -> str:
    """A figure with its unit; in a table without those that stand at its head."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{value * 100:.2f} %"
    if unit == "bytes":
        return f"{value / 1e6:,.0f} MB"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) if len(value) <= _FEW else f"{len(value):,}"
    if isinstance(value, float):
        value = f"{value:,.{4 if unit == 'nats' else 2}f}"
    text = value if isinstance(value, str) else f"{value:,}"
    return f"{text} {unit}" if unit in ("nats", "s", "images/s") and not in_table else text


def _facts(title: str, facts: dict[str, str]) -> list[str]:
    width = max(map(len, facts), default=0)
    return [title, *(f"  {key:{width}}  {value}" for key, value in facts.items())] if facts else []


def _flat(tree: dict[str, object]) -> dict[str, str]:
    """Nested keys as dotted ones, with their values as text."""
    from bnexp.specs.values import leaves  # noqa: PLC0415  # pydantic: not for `--help`

    return {key: "null" if value is None else str(value) for key, value in leaves(tree)}
