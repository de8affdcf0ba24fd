"""`bnexp report`: figures, tables and the page."""

from pathlib import Path

import click

from bnexp.cli import options
from bnexp.cli.text import note

INCOMPLETE = 4


@click.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT...]")
@options.results
@click.option("--out", type=options.FOLDER, help="Where the report goes.  [default: report/ in the results folder]")
@click.option("--pdf", is_flag=True, help="Each figure as PDF too.")
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
    from bnexp import api  # noqa: PLC0415  # pydantic: not for `--help`

    written = api.report(results, out=out, experiments=experiments or None, pdf=pdf)
    for sentence in written.missing:
        note(sentence)
    click.echo(written.index)
    return 0 if written.complete or not strict else INCOMPLETE
