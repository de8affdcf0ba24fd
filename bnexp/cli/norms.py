"""`bnexp norms`: the normalization methods that a config can name."""

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from bnexp.cli.text import plural, print_json, table
from bnexp.errors import UserError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from bnexp.norms.table import Norm


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def norms(name: str | None, as_json: bool) -> None:
    """List the normalization methods; with a NAME, one method's card.

    \b
    Examples:
      bnexp norms
      bnexp norms group
    """
    from bnexp.norms.table import METHODS  # noqa: PLC0415  # pydantic: not for `--help`

    if name is not None and name not in METHODS:
        from bnexp.experiment.words import did_you_mean  # noqa: PLC0415  # only for this message

        raise UserError(
            f"no normalization is named {name!r}{did_you_mean(name, list(METHODS))}; `bnexp norms` lists them"
        )
    chosen = METHODS if name is None else {name: METHODS[name]}
    if as_json:
        print_json([facts(each, method) for each, method in chosen.items()])
    elif name is None:
        click.echo(listing(chosen))
        click.echo("\n`bnexp norms NAME` prints the formula and the arguments of one.")
    else:
        click.echo(card(name, METHODS[name]))


def facts(name: str, method: "type[Norm]") -> dict[str, Any]:
    """What the table says of a method, as plain data."""
    return {
        "name": name,
        "title": method.title,
        "paper": method.paper,
        "link": method.link,
        "formula": method.formula,
        "batch_dependent": method.batch_dependent,
        "arguments": {key: field.default for key, field in _arguments(method).items()},
    }


def listing(methods: "dict[str, type[Norm]]") -> str:
    """One line for each method."""
    rows = [
        [
            name,
            method.title,
            method.paper,
            "yes" if method.batch_dependent else "no",
            ", ".join(f"{key}={_value(field.default)}" for key, field in _arguments(method).items()),
        ]
        for name, method in methods.items()
    ]
    return table(["name", "method", "paper", "batch-dependent", "arguments"], rows)


def card(name: str, method: "type[Norm]") -> str:
    """All that the table says of one method, and where it would stand in the reference CNN."""
    formula, *rest = method.formula.split("; ")
    lines = [f"{method.title} (norm: {name})", f"  {method.paper}" + (f", {method.link}" if method.link else "")]
    lines += ["", "formula", f"  {formula}", *(f"  {part}" for part in rest)]
    lines += ["", f"batch-dependent: {'yes' if method.batch_dependent else 'no'}"]
    lines += ["", "arguments", _argument_table(method)]
    return "\n".join([*lines, "", *_places(method)])


def _argument_table(method: "type[Norm]") -> str:
    rows = [
        [key, _value(field.default), _choices(field), field.description or ""]
        for key, field in _arguments(method).items()
    ]
    return table(["argument", "default", "values", "meaning"], rows, indent="  ")


def _places(method: "type[Norm]") -> list[str]:
    """The layers of the reference CNN that the method normalizes with its default arguments."""
    from bnexp.data.table import DATASETS  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.models.table import CnnSpec  # noqa: PLC0415

    blocks = CnnSpec().blocks(DATASETS["mnist"].shape)
    taken = [block for block in blocks if method().takes(block)]
    if not taken:
        return ["in the reference CNN: nothing is normalized"]
    rows = [[block.name, "N," + ",".join(map(str, block.shape)), _per_channel(block.shape[-1])] for block in taken]
    return ["in the reference CNN, on MNIST", table(["layer", "shape", "parameters"], rows, indent="  ")]


def _per_channel(channels: int) -> str:
    return f"γ ({channels}), β ({channels}): {plural(2 * channels, 'number')}"


def _arguments(method: "type[Norm]") -> "dict[str, FieldInfo]":
    return {key: field for key, field in method.model_fields.items() if key != "name"}


def _choices(field: "FieldInfo") -> str:
    """The words that an argument takes, or its type."""
    if get_origin(field.annotation) is Literal:
        return " | ".join(map(str, get_args(field.annotation)))
    names = {float: "number", int: "whole number", bool: "true | false"}
    return names.get(field.annotation, "") if isinstance(field.annotation, type) else ""


def _value(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)
