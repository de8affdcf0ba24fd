"""Arguments and options that several commands share."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

Command = Callable[..., Any]

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
DEVICES = click.Choice(["auto", "cpu", "gpu"])


def files(ctx: click.Context, _: click.Parameter, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The paths, none of them a folder; of one that is, it says what was probably meant."""
    for path in paths:
        if path.is_dir():
            raise click.BadParameter(f"{path} is a folder; name the files in it: {ctx.command_path} {path}/*.yaml")
    return paths


def seeds(text: str) -> frozenset[int]:
    """`0-4`, `3`, `0,2,7-9` as a set of seeds."""
    from bnexp.config.selection import parse_seeds  # noqa: PLC0415  # pydantic: not for `--help`

    return parse_seeds(text)


def number_of_jobs(text: str) -> int | Literal["auto"]:
    """A whole number from 1, or `auto`."""
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"a whole number from 1, or auto, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """`90s`, `30m`, `1h30m`, or a number of seconds."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.replace(" ", ""))
    hours, minutes, rest = (float(part or 0) for part in match.groups()) if match else (0, 0, 0)
    if found := 3600 * hours + 60 * minutes + rest:
        return found
    raise click.BadParameter(f"a length of time, as in 90s, 30m or 1h30m, not {text!r}")


def shard(text: str) -> str:
    """`1/4`, checked."""
    from bnexp.running.options import Shard  # noqa: PLC0415  # pydantic: not for `--help`

    Shard.parse(text)
    return text


def group(name: str, *options: Command) -> Command:
    """Several options as one decorator, listed in this order; a command gets what they are as one mapping `name`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def grouped(*arguments: Any, **values: Any) -> Any:
            return command(*arguments, **{name: {key: values.pop(key) for key in keys}}, **values)

        others = len(getattr(command, "__click_params__", ()))
        for option in reversed(options):
            option(grouped)
        keys = [parameter.name for parameter in grouped.__click_params__[others:]]  # type: ignore[attr-defined]
        return grouped

    return decorate


configs = click.argument(
    "configs",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    callback=files,
    metavar="CONFIG...",
)

results = click.option("--results", type=FOLDER, default=Path("results"), help="The results folder.")

data_dir = click.option(
    "--data-dir", type=EXISTING_FOLDER, help="Where datasets are looked for first: mnist.npz or the four IDX files."
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")

loading = group(
    "loading",
    click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a key of the config; repeatable."),
    click.option("--name", help="Store under this name instead of the config's."),
    click.option("--smoke", is_flag=True, help="A tiny form of the experiment, to see that it works."),
)

selecting = group(
    "selecting",
    click.option("--seeds", type=seeds, metavar="SEEDS", help="Only these seeds of the plan: 0-4, or 0,2,7-9."),
    click.option(
        "--only", multiple=True, metavar="KEY=PATTERN", help="Only these trials: variant=bn*, norm=batch*; repeatable."
    ),
)

until_decided = click.option(
    "--until-decided",
    is_flag=True,
    help="Add seeds until each primary comparison is decided, whatever number the config has.",
)

max_seeds = click.option(
    "--max-seeds", type=click.IntRange(1), help="The most seeds that --until-decided adds.  [default: 40]"
)

sharing = click.option(
    "--shard", type=shard, metavar="K/N", help="Only the K-th of N parts of the rest, for N machines."
)


def jobs(help_text: str) -> Command:
    """How many trials at a time."""
    return click.option("--jobs", type=number_of_jobs, metavar="N|auto", default="auto", help=help_text)
