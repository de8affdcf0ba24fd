"""`bnexp validate`, `schema`, `init` and `data`: config files and datasets, before anything is trained."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from bnexp.cli import options
from bnexp.cli.running import note_cautions, summary
from bnexp.cli.text import note
from bnexp.errors import UserError


@click.command()
@options.configs
@options.loading
def validate(configs: tuple[Path, ...], loading: dict[str, Any]) -> None:
    """Check configs, and print what they amount to.

    All mistakes of all files are printed, each with its line and what was probably meant.

    \b
    Example:
      bnexp validate configs/*.yaml
    """
    from bnexp.config.load import load, load_many  # noqa: PLC0415  # pydantic: not for `--help`

    try:
        experiments = load_many(configs, **loading)
    except UserError:
        for path in configs:  # what is right is said too, before the mistakes of the others
            with suppress(UserError):
                click.echo(f"ok: {summary(load(path, **loading))}")
        raise
    for experiment in experiments:
        click.echo(f"ok: {summary(experiment)}")
    note_cautions(experiments, smoke=loading["smoke"])


@click.command()
def schema() -> None:
    """Print the JSON schema of a config.

    Editors that know YAML complete and check configs with it: save it, and name it in the config's first line.

    \b
    Example:
      bnexp schema > experiment.schema.json
      # yaml-language-server: $schema=experiment.schema.json
    """
    from bnexp.config.schema import json_schema, text  # noqa: PLC0415  # pydantic: not for `--help`

    click.echo(text(json_schema()))


@click.command()
@click.argument("name", default="mnist")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--list", "list_names", is_flag=True, help="Print the names of the shipped configs, and end.")
def init(name: str, force: bool, list_names: bool) -> None:
    """Write a shipped config (default: mnist) into this folder.

    \b
    Examples:
      bnexp init mnist
      bnexp init --list
    """
    from bnexp import shipped  # noqa: PLC0415  # only this command reads them

    if list_names:
        click.echo("\n".join(shipped.names()))
        return
    # Without the line by which editors find the schema: its relative path would lead nowhere from another folder.
    lines = shipped.text(name).splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("# yaml-language-server:")).removeprefix("#\n")
    path = Path(f"{name.rpartition('/')[2]}.yaml")
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text.replace(f"configs/{name}.yaml", str(path)))
    except FileExistsError:
        raise UserError(f"{path} is there already; --force writes over it") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); go to a folder of your own") from None
    click.echo(path)
    note(f"Next: bnexp run {path}")


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
    from bnexp.data.download import fetch as download  # noqa: PLC0415  # pydantic: not for `--help`

    folder = download(name, cache=into)
    note(f"{name} is here and intact:")
    click.echo(folder)
