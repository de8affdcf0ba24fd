"""`bnexp claims`: the verdict on each claim of a results folder, or one claim with its evidence."""

from pathlib import Path

import click

from bnexp.cli import options
from bnexp.cli.text import print_json, table
from bnexp.specs.wording import printable


@click.command()
@click.argument("claim", metavar="[ID]", required=False)
@options.results
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table for a repository instead of text.")
@options.as_json
def claims(claim: str | None, results: Path, *, as_markdown: bool, as_json: bool) -> None:
    """What is claimed, and the verdict: supported, refuted, no difference or inconclusive.

    Claims stand in a config, each with the rule that decides it, which is stored before the first trial. All claims of
    a results folder are one family (Holm's correction). With an ID: one claim with its evidence at each place.

    \b
    Examples:
      bnexp claims
      bnexp claims small-batch
      bnexp claims --markdown > CLAIMS.md
    """
    from bnexp import api  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.reporting import claims as text  # noqa: PLC0415  # scipy

    if as_markdown and as_json:
        raise click.UsageError("--markdown or --json, not both")
    found = api.claims(results, ids=None if claim is None else [claim])
    if as_json:
        print_json([text.plain(each, results) for each in found])
    elif as_markdown:
        click.echo(text.markdown(found, results, one=claim is not None))
    elif claim is None:
        click.echo(table(text.HEADER, [[*map(printable, row)] for row in text.rows(found)]))
    else:
        for each in found:
            lines = [f"{each.claim.text} ({each.experiment}: {each.id})", ""]
            lines += [f"{what}: {line}" for what, line in text.card(each, results).items() if what != text.EVIDENCE]
            header, rows = text.places(each)
            click.echo("\n".join([*map(printable, lines), "", table(header, [[*map(printable, row)] for row in rows])]))
