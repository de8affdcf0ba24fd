"""`bnexp verify`: a stored trial trained once more and held against its record."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnexp.cli import options
from bnexp.cli.text import note, plural, print_json
from bnexp.specs.wording import duration, printable

if TYPE_CHECKING:
    from bnexp.evidence.agreement import Parting
    from bnexp.running.verify import Verification


@click.command()
@click.argument("trial")
@click.option(
    "--tolerance", type=click.FloatRange(0), help="Of losses in nats and of accuracies as shares.  [default: 0.001]"
)
@click.option("--threads", type=click.IntRange(1), help="Threads.  [default: those of the record]")
@click.option("--device", type=options.DEVICES, help="[default: that of the record]")
@click.option(
    "--modules",
    type=options.EXISTING_FOLDER,
    help="Where your own modules are looked for first, such as the config's folder.  [default: the working folder]",
)
@options.data_dir
@options.results
@options.as_json
def verify(*, trial: str, data_dir: Path | None, results: Path, as_json: bool, **chosen: Any) -> int:
    """Train a stored trial again, and say whether it comes to the same.

    TRIAL is as for `bnexp show`. The record is not touched. Exit codes: 0 the same bit by bit, or within the tolerance;
    1 different, with the first figure that differs. What differs in software and machine is printed beside it. Your own
    modules must be as they were.

    \b
    Example:
      bnexp verify mnist-cnn-group-b64-s0
    """
    from bnexp import api  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.records.find import find, record  # noqa: PLC0415
    from bnexp.records.store import Store  # noqa: PLC0415

    if not as_json:
        folder = find(Store(results), trial)
        seconds = record(folder).seconds
        took = f", which took {duration(seconds.total)} then" if seconds else ""
        note(f"training {folder.name} once more{took}; its record stays as it is")
    found = api.verify(trial, results=results, data_folder=data_dir, **chosen)
    if found.interrupted is not None:
        note("interrupted; nothing was verified, and nothing is changed")
        return found.exit_code
    if as_json:
        print_json(_plain(found))
    else:
        click.echo("\n".join(_text(found)))
    return found.exit_code


def _text(found: "Verification") -> list[str]:
    same = found.sameness
    if same is None:
        below = found.again.failure.traceback.splitlines() if found.again and found.again.failure else []
        lines = [f"{found.trial}: different: it failed this time: {found.failure}"]
        lines += [f"    {printable(line)}" for line in below]
    elif same.verdict == "identical":
        counted = f"all {same.compared:,} figures and fingerprints are those of the record"
        lines = [f"{found.trial}: bit-identical: {counted}"]
    else:
        points = 100 * same.tolerance
        rule = f"losses to {same.tolerance:g} nats, accuracies to {points:g} percentage points or one image"
        lines = [f"{found.trial}: {same.verdict} ({rule}, all else exactly)"]
        if same.beyond is not None:
            lines.append(f"first beyond it: {_parting(same.beyond)}")
        if same.first is not None and same.first != same.beyond:
            lines.append(f"first that is not the same bit by bit: {_parting(same.first)}")
        largest = f"losses by up to {same.largest_loss:.2g} nats, accuracies by up to {100 * same.largest_share:.2g}"
        lines.append(f"{same.differing:,} of {plural(same.compared, 'figure')} differ: {largest} points")
    reasons = [
        f"  {each.what}: {printable(f'{each.one} → {each.other}')}"
        for each in found.surroundings
        if each.touches == "results"
    ]
    others = [
        printable(f"{each.what} {each.one} → {each.other}") for each in found.surroundings if each.touches != "results"
    ]
    if reasons and same is not None and same.verdict == "identical":
        lines += ["although these differ:", *reasons]
    elif reasons:
        lines += ["what differs from the record, and is the likely reason:", *reasons]
    else:
        lines.append("software, machine and execution are those of the record, as far as it holds them")
    return lines + ([f"bearing on seconds alone: {', '.join(others)}"] if others else [])


def _parting(parting: "Parting") -> str:
    stored, again = (
        f"{len(value)} entries" if isinstance(value, tuple | list) else "nothing" if value is None else str(value)
        for value in (parting.stored, parting.again)
    )
    where = f"{parting.where}, " if parting.where else ""
    return f"{where}{parting.key}: {stored} in the record, {again} now"


def _plain(found: "Verification") -> dict[str, Any]:
    same = found.sameness
    return {
        "trial": found.trial,
        "verdict": "failed" if same is None else same.verdict,
        "failure": found.failure or None,
        **({} if same is None else {key: value for key, value in asdict(same).items() if key != "verdict"}),
        "surroundings": [
            {"what": each.what, "stored": each.one, "again": each.other, "touches": each.touches}
            for each in found.surroundings
        ],
        "exit_code": found.exit_code,
    }
