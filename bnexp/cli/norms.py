"""`bnexp norms`: the normalization methods that a config can name."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from bnexp.cli import options
from bnexp.cli.text import note, plural, print_json, table
from bnexp.errors import UserError
from bnexp.specs.wording import did_you_mean

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from bnexp.specs.norms.base import Norm

_SYMBOLS = {"gamma": "γ", "beta": "β", "tau": "τ", "rho": "ρ", "gain": "g"}
_YES = {True: "yes", False: "no"}
_KINDS = {float: "number", float | None: "number | null", int: "whole number", bool: "true | false"}


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[--ARGUMENT VALUE]...")
@click.option("--no-check", is_flag=True, help="Leave out the comparison with NumPy, which takes some seconds.")
@options.as_json
def norms(name: str | None, arguments: tuple[str, ...], no_check: bool, as_json: bool) -> None:
    """List the normalization methods; with a NAME, one method's card.

    The card tells the method with the arguments that are given as in a config, on the reference CNN, and checks its
    layer against its formula in NumPy.

    \b
    Examples:
      bnexp norms
      bnexp norms group --groups 4
      bnexp norms batch --layers conv --no-check
    """
    from bnexp.specs.norms.own import installed  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.specs.norms.table import METHODS  # noqa: PLC0415

    if name is None or name.startswith("-"):
        if name or arguments:
            raise UserError(f"`bnexp norms` takes no option {name or arguments[0]!r}; arguments follow a method's name")
        if as_json:
            print_json([facts(each, method) for each, method in METHODS.items()])
        else:
            rows = [
                [each, method.paper, _YES[method.batch_dependent], _shapes(method.parameters), _shapes(method.state)]
                for each, method in METHODS.items()
            ]
            rows += [[each, f"installed: {path}", "", "", ""] for each, path in sorted(installed().items())]
            click.echo(table(["name", "paper", "batch-dependent", "parameters", "extra state"], rows))
            click.echo("\n`bnexp norms NAME` prints the card of one; `norm: my_module:MyNorm` takes your own layer.")
        return
    from bnexp.norms.check import deviation_apart  # noqa: PLC0415  # numpy: not for `--help`

    norm = _chosen(name, arguments)
    if not (as_json or no_check):
        note("comparing with NumPy ...")
    deviation = None if no_check else deviation_apart(norm)
    if as_json:
        print_json([facts(name, type(norm)) | {"chosen": norm.model_dump(mode="json"), "deviation": deviation}])
    else:
        click.echo(card(norm, deviation))


def _chosen(name: str, arguments: Sequence[str]) -> "Norm":
    """The method of this name with these arguments, as a config would have it: each field is an option."""
    from bnexp.config.load import from_mapping  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.config.yaml import scalar  # noqa: PLC0415
    from bnexp.specs.norms.own import is_own  # noqa: PLC0415
    from bnexp.specs.norms.table import METHODS  # noqa: PLC0415

    if is_own(name):
        raise UserError(f"{name} is not one of ours, and has no card; `bnexp run` tries it before it trains")
    if name not in METHODS:
        raise UserError(f"no normalization is named {name!r}{did_you_mean(name, METHODS)}; `bnexp norms` lists them")
    params = [click.Option([f"--{key.replace('_', '-')}"]) for key in METHODS[name].model_fields if key != "name"]
    either: dict[str, Any] = {"token_normalize_func": lambda token: token.replace("_", "-")}
    method = click.Command(name, params=[*params], add_help_option=False, context_settings=either)
    with method.make_context(f"bnexp norms {name}", list(arguments)) as context:
        given = {key: scalar(value) for key, value in context.params.items() if value is not None}
    return from_mapping({"norm": {"name": name, **given}}, name="card").points[0].spec.norm


def facts(name: str, method: "type[Norm]") -> dict[str, Any]:
    """What the table says of a method, as plain data."""
    return {
        "name": name,
        **{key: getattr(method, key) for key in ("title", "paper", "link", "formula", "in_cell", "batch_dependent")},
        "arguments": {key: field.default for key, field in method.model_fields.items() if key != "name"},
        **{key: dict(getattr(method, key)) for key in ("parameters", "state", "reduced")},
        **{key: getattr(method, key) for key in ("in_training", "in_inference", "traps")},
    }


def card(norm: "Norm", deviation: dict[str, Any] | None) -> str:
    """All that is known of one method with its arguments."""
    arguments = [
        [key, _value(getattr(norm, key)), _value(field.default), _choices(field), field.description or ""]
        for key, field in type(norm).model_fields.items()
        if key != "name"
    ]
    lines = [f"{norm.title} (norm: {norm.name})", f"  {norm.paper}{norm.link and f', {norm.link}'}", ""]
    lines += ["formula", *(f"  {part}" for part in norm.formula.split("; ")), ""]
    if norm.in_cell:
        lines += ["in the cell of lstm (place: in-cell)", *(f"  {part}" for part in norm.in_cell.split("; ")), ""]
    lines += [f"batch-dependent: {_YES[norm.batch_dependent]}", f"in training:     {norm.in_training}"]
    lines += [f"at inference:    {norm.in_inference}", "", "arguments"]
    lines += [table(["argument", "here", "default", "values", "meaning"], arguments, indent="  "), "", *_places(norm)]
    if norm.not_dense:
        lines += ["", f"no dense layers: {norm.not_dense}"]
    if norm.traps:
        lines += ["", "traps", *(f"  - {trap}" for trap in norm.traps)]
    if deviation:
        lines += ["", "largest deviation from the formula in NumPy (float64), computed now"]
        rows = [[key.replace("_", " "), f"{value:.1e}"] for key, value in deviation.items()]
        lines += [table(["of", ">by"], rows, indent="  ")]
    elif deviation is not None:
        lines += ["", "nothing to check against NumPy"]
    return "\n".join(lines)


def _places(norm: "Norm") -> list[str]:
    """The layers of the reference CNN that the method normalizes, with axes, shapes and counts."""
    from bnexp.specs.datasets import DATASETS  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.specs.model import CnnSpec  # noqa: PLC0415

    blocks = [block for block in CnnSpec().blocks(DATASETS["mnist"].shape) if norm.takes(block)]
    if not blocks:
        return ["in the reference CNN: nothing is normalized"]
    rows, trained, kept = [], 0, 0
    for block in blocks:
        parameters, state = norm.parameter_shapes(block), norm.state_shapes(block)
        trained += sum(map(prod, parameters.values()))
        kept += sum(map(prod, state.values()))
        output = ",".join(["N", *map(str, block.shape)])
        rows.append([block.name, output, norm.statistics_over(block), _shapes(parameters), _shapes(state)])
    header = ["layer", "output", "statistics over", "parameters", "extra state"]
    total = f"  {plural(trained, 'number')} trained, {plural(kept, 'number')} kept beside them"
    redundant = [block.name for block in blocks if norm.use_bias and norm.bias_redundant(block)]
    bias = [f"  the bias of {', '.join(redundant)} changes nothing: the method removes it"] if redundant else []
    return ["in the reference CNN, on MNIST", table(header, rows, indent="  "), total, *bias]


def _shapes(shapes: Mapping[str, str | Sequence[int]]) -> str:
    """`γ (C), β (C)`, or `γ (32), β (32)`."""
    texts = {name: shape if isinstance(shape, str) else ",".join(map(str, shape)) for name, shape in shapes.items()}
    return ", ".join(f"{_SYMBOLS.get(name, name)} ({shape})" for name, shape in texts.items()) or "-"


def _choices(field: "FieldInfo") -> str:
    """The words that an argument takes, or its type."""
    if get_origin(field.annotation) is Literal:
        return " | ".join(map(str, get_args(field.annotation)))
    return next((text for kind, text in _KINDS.items() if field.annotation is kind), "")


def _value(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if default is None:
        return "null"
    return f"{default:g}" if isinstance(default, float) else str(default)
