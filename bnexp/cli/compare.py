"""`bnexp compare`: two variants, or two results folders, with an exit code for continuous integration."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bnexp.cli import options
from bnexp.cli.text import note, print_json, table
from bnexp.specs.wording import printable

REGRESSION, UNDECIDABLE = 1, 2


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    default=["test-accuracy"],
    metavar="NAME",
    help="test-accuracy, recalibrated-accuracy, validation-accuracy, test-loss, validation-loss, train-loss, seconds, "
    "or steps-to-N: steps to N % validation accuracy, recalibrated-steps-to-N: under recalibrated statistics; "
    "repeatable.",
)
@click.option(
    "--margin",
    "margins",
    type=float,
    multiple=True,
    default=[0.0],
    help="A difference up to this is tolerated; in the unit of differences (accuracies: percentage points; steps-to-N: "
    "0.1 is a tenth more steps). Of several metrics, each has its own, in the same order.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["regression", "difference"]),
    default="regression",
    help="Exit with 1 at a regression; or at an improvement too.",
)
@click.option(
    "--require-noninferior",
    is_flag=True,
    help="Also fail unless B is shown to be non-inferior: every interval lies on the better side of -margin.",
)
@click.option("--experiment", metavar="NAME", help="Experiment to compare.")
@click.option("--seeds", type=options.seeds, metavar="SEEDS", help="Only these seeds: 0-4, or 0,2,7-9.")
@click.option(
    "--only", multiple=True, metavar="PATTERN", help="Only these places: bn*, variant=bn*, batch_size=16; repeatable."
)
@click.option("--simultaneous", is_flag=True, help="Intervals that hold together, where several places are compared.")
@click.option("--allow-differs", is_flag=True, help="Compare although the trials differ in more than what is compared.")
@options.results
@options.as_json
@click.pass_context
def compare(
    ctx: click.Context,
    /,
    *,
    a: str,
    b: str,
    metrics: tuple[str, ...],
    margins: tuple[float, ...],
    fail_on: Any,
    require_noninferior: bool,
    results: Path,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Compare B with A, pair by pair; exit with 1 if B is worse.

    A and B are two variants of one experiment, or two results folders: those of two versions of a layer, say, whose
    variants are then compared each with itself. Trials are paired by seed. A regression: the whole 95 % interval of the
    paired difference lies beyond -margin, and the sign-flip test agrees after Holm's correction over all places. Trials
    that differ in more than what is compared (other data, another version of TensorFlow, another device) are refused
    with exit 2, and so is a place with fewer than three pairs; exit 2 too where so few can confirm nothing, or planned
    pairs have no result yet.

    \b
    Examples:
      bnexp compare none bn-pre
      bnexp compare results-main results-branch --margin 0.2
      bnexp compare none bn-pre --metric steps-to-98 --require-noninferior --margin 0.1
      bnexp compare results-main results-branch --metric test-accuracy --margin 0.2 --metric train-loss --margin 0.005
    """
    from bnexp import api  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.evidence.sides import at, is_results  # noqa: PLC0415
    from bnexp.reporting import comparison as text  # noqa: PLC0415  # scipy
    from bnexp.specs.experiment import seeds_needed  # noqa: PLC0415

    given = ctx.get_parameter_source("results") is ParameterSource.COMMANDLINE
    if given and is_results(a) and is_results(b):
        raise click.UsageError(f"{a} and {b} are results folders; --results is for two variants of one")
    if len(margins) != len(metrics) and any(margins):
        raise click.UsageError(f"{len(metrics)} metrics and {len(margins)} margins; each metric has its own --margin")
    sizes = margins if len(margins) == len(metrics) else [0.0] * len(metrics)
    found = [
        api.compare(a, b, metric=metric, margin=margin, results=results, **chosen)
        for metric, margin in zip(metrics, sizes, strict=True)
    ]
    failed = any(each.failed(fail_on, require_noninferior=require_noninferior) for each in found)
    # That a mean is noninferior is shown by its interval, for which three pairs are enough.
    undecidable = [] if failed or require_noninferior else [(each, one) for each in found for one in each.undecidable]
    code = REGRESSION if failed else UNDECIDABLE if undecidable else 0
    for each, one in undecidable:
        if one.pending:
            needed = (
                f"{one.pending} of {one.planned} planned pairs have no result yet; train them, or choose with --seeds"
            )
        else:
            needed = f"n = {len(one.values)} can confirm nothing, n = {seeds_needed(one.family)} can"
        place = printable(f"{one.label}{at(one.coordinates)}")
        note(f"no verdict on {each.metric.label} of {place}: {needed} (exit {code})")
    if as_json:
        told = [text.plain(each) for each in found]
        print_json({**(told[0] if len(told) == 1 else {"metrics": told}), "fail_on": fail_on, "exit_code": code})
        return code
    for each in found:
        # Names in it are somebody else's.
        header, *rows = ([*map(printable, cells)] for cells in (text.header(each), *text.rows(each)))
        click.echo("\n".join([*map(printable, text.sentences(each)), "", table(header, rows), ""]))
    click.echo("\n".join(map(printable, text.audits(found[0]))))
    for line in found[0].unmatched:
        note(f"not compared: {printable(line)}")
    if require_noninferior and not all(sizes):
        note("--require-noninferior without a --margin: only a proven improvement passes")
    return code
