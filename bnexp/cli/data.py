"""`bnexp data`: the datasets themselves."""

from pathlib import Path

import click

from bnexp.cli import options
from bnexp.cli.text import note


@click.group()
def data() -> None:
    """Fetch datasets, so that later runs need no network.

    \b
    Example:
      bnexp data fetch mnist
    """


@data.command()
@click.argument("name", default="mnist")
@click.option(
    "--into", type=options.FOLDER, help="The cache folder; default: BNEXP_CACHE_DIR, or the user's own cache."
)
def fetch(name: str, into: Path | None) -> None:
    """Download a dataset (default: mnist), check it, and print its folder.

    NAME is mnist, fashion-mnist or cifar10. What is there and intact is not downloaded again. The printed folder can be
    copied to a machine without a network, and named there with --data-dir.

    \b
    Example:
      bnexp data fetch fashion-mnist
    """
    from bnexp.data import fetch as download  # noqa: PLC0415  # pydantic: not for `--help`

    folder = download(name, cache=into)
    note(f"{name} is here and intact:")
    click.echo(folder)
