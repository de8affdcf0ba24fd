"""`bnexp norms`: the normalization methods that a config can name."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from bnexp.cli.text import note, plural, print_json, table
from bnexp.errors import UserError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from bnexp.specs.block import Block
    from bnexp.specs.norms.base import Norm

_SYMBOLS = {"gamma": "γ", "beta": "β", "tau": "τ", "rho": "ρ", "gain": "g"}
_CHECK = """
import json, sys
from bnexp.norms.check import deviation
from bnexp.specs.trial import TrialSpec
print(json.dumps(deviation(TrialSpec.model_validate({"norm": json.loads(sys.argv[1])}).norm)))
"""


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[--ARGUMENT VALUE]...")
@click.option("--no-check", is_flag=True, help="Leave out the comparison with numpy, which takes some seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def norms(name: str | None, arguments: tuple[str, ...], no_check: bool, as_json: bool) -> None:
    """List the normalization methods; with a NAME, one method's card.

    The card tells the method with the arguments that are given as in a config, on the reference CNN, and holds its
    layer against a reference in numpy.

    \b
    Examples:
      bnexp norms
      bnexp norms group --groups 4
      bnexp norms batch --layers conv --no-check
    """
    from bnexp.specs.norms.table import METHODS  # noqa: PLC0415  # pydantic: not for `--help`

    if name is None or name.startswith("-"):
        if name or arguments:
            raise UserError(f"`bnexp norms` takes no option {name or arguments[0]!r}; arguments follow a method's name")
        if as_json:
            print_json([facts(each, method) for each, method in METHODS.items()])
        else:
            click.echo(listing(METHODS))
            click.echo("\n`bnexp norms NAME` prints the card of one; `norm: my_module:MyNorm` takes your own layer.")
        return
    norm = _chosen(name, arguments)
    if not (as_json or no_check):
        note("comparing with numpy ...")
    deviation = None if no_check else _deviation(norm)
    if as_json:
        print_json([facts(name, type(norm)) | {"chosen": norm.model_dump(mode="json"), "deviation": deviation}])
    else:
        click.echo(card(norm, deviation))


def _chosen(name: str, arguments: Sequence[str]) -> "Norm":
    """The method of this name with these arguments, as a config would have it."""
    from bnexp.config.load import from_mapping  # noqa: PLC0415  # pydantic: not for `--help`
    from bnexp.specs.norms.own import is_own  # noqa: PLC0415
    from bnexp.specs.norms.table import METHODS  # noqa: PLC0415
    from bnexp.specs.wording import did_you_mean  # noqa: PLC0415

    if is_own(name):
        raise UserError(f"{name} is not one of ours, and has no card; `bnexp run` tries it before it trains")
    if name not in METHODS:
        raise UserError(
            f"no normalization is named {name!r}{did_you_mean(name, list(METHODS))}; `bnexp norms` lists them"
        )
    norm = {"name": name, **_options(arguments)}
    return from_mapping({"norm": norm}, name="card").points[0].spec.norm


def _options(arguments: Sequence[str]) -> dict[str, Any]:
    """`--groups 8 --layers=conv` as `{"groups": 8, "layers": "conv"}`."""
    from bnexp.config.yaml import scalar  # noqa: PLC0415  # yaml: not for `--help`

    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--") else [word])]
    if len(words) % 2 or not all(word.startswith("--") for word in words[::2]):
        raise UserError(f"arguments of a method are written as in --groups 8, not {' '.join(arguments)!r}")
    keys = [word.removeprefix("--").replace("-", "_") for word in words[::2]]
    return {key: scalar(value) for key, value in zip(keys, words[1::2], strict=True)}


def _deviation(norm: "Norm") -> dict[str, Any]:
    """What `norms.check.deviation` says of a method, asked of a process of its own: it needs TensorFlow."""
    asked = [sys.executable, "-P", "-c", _CHECK, norm.model_dump_json()]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", **os.environ}
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"the comparison with numpy failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


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
        "parameters": dict(method.parameters),
        "state": dict(method.state),
        "reduced": dict(method.reduced),
        "in_training": method.in_training,
        "in_inference": method.in_inference,
        "traps": list(method.traps),
    }


def listing(methods: "Mapping[str, type[Norm]]") -> str:
    """One line for each method, then those that installed packages add."""
    from bnexp.specs.norms.own import installed  # noqa: PLC0415  # pydantic: not for `--help`

    rows = [
        [
            name,
            method.paper,
            "yes" if method.batch_dependent else "no",
            _shapes(method.parameters),
            _shapes(method.state),
        ]
        for name, method in methods.items()
    ]
    rows += [[name, f"installed: {path}", "", "", ""] for name, path in sorted(installed().items())]
    return table(["name", "paper", "batch-dependent", "parameters", "extra state"], rows)


def card(norm: "Norm", deviation: dict[str, Any] | None) -> str:
    """All that is known of one method with its arguments."""
    method = type(norm)
    formula, *rest = method.formula.split("; ")
    source = method.paper + (f", {method.link}" if method.link else "")
    lines = [f"{method.title} (norm: {norm.name})", f"  {source}"]
    lines += ["", "formula", f"  {formula}", *(f"  {part}" for part in rest)]
    lines += ["", f"batch-dependent: {'yes' if method.batch_dependent else 'no'}"]
    lines += [f"in training:     {method.in_training}", f"at inference:    {method.in_inference}"]
    lines += ["", "arguments", _argument_table(norm), "", *_places(norm)]
    if method.not_dense:
        lines += ["", f"no dense layers: {method.not_dense}"]
    if method.traps:
        lines += ["", "traps", *(f"  - {trap}" for trap in method.traps)]
    if deviation is not None:
        lines += ["", *_compared(deviation)]
    return "\n".join(lines)


def _compared(deviation: dict[str, Any]) -> list[str]:
    if not deviation:
        return ["nothing to hold against numpy"]
    rows = [[key.replace("_", " "), f"{value:.1e}"] for key, value in deviation.items()]
    return [
        "largest deviation from the reference in numpy (float64), computed now",
        table(["of", ">by"], rows, indent="  "),
    ]


def _argument_table(norm: "Norm") -> str:
    rows = [
        [key, _value(getattr(norm, key)), _value(field.default), _choices(field), field.description or ""]
        for key, field in _arguments(type(norm)).items()
    ]
    return table(["argument", "here", "default", "values", "meaning"], rows, indent="  ")


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
        output = "N," + ",".join(map(str, block.shape))
        rows.append([block.name, output, _reduced(norm, block), _sizes(parameters), _sizes(state)])
    header = ["layer", "output", "statistics over", "parameters", "extra state"]
    total = f"  {plural(trained, 'number')} trained, {plural(kept, 'number')} kept beside them"
    redundant = [block.name for block in blocks if norm.use_bias and norm.bias_redundant(block)]
    bias = [f"  the bias of {', '.join(redundant)} changes nothing: the method removes it"] if redundant else []
    return ["in the reference CNN, on MNIST", table(header, rows, indent="  "), total, *bias]


def _reduced(norm: "Norm", block: "Block") -> str:
    """The axes that statistics are taken over, and how many numbers that is: `H,W,C/G = 26·26·4`."""
    axes = norm.reduced.get(block.kind, "")
    sizes: dict[str, int | str] = {"N": "N", "C": block.shape[-1], "N of a chunk": getattr(norm, "ghost_size", "")}
    if len(block.shape) == 3:
        sizes |= {"H": block.shape[0], "W": block.shape[1]}
    if groups := getattr(norm, "groups", None):
        sizes["C/G"] = block.shape[-1] // groups
    return (
        "; ".join(
            f"{part} = {counted}" if (counted := _product(part, sizes)) not in ("", part) else part
            for part in _parts(axes)
        )
        or "-"
    )


def _parts(axes: str) -> list[str]:
    return [part for part in re.split("; (?:then )?| and ", axes) if part]


def _product(axes: str, sizes: Mapping[str, int | str]) -> str:
    letters = axes.split(",")
    return "·".join(str(sizes[letter]) for letter in letters) if all(letter in sizes for letter in letters) else ""


def _shapes(letters: Mapping[str, str]) -> str:
    """`γ (C), β (C)`."""
    return ", ".join(f"{_SYMBOLS.get(name, name)} ({shape})" for name, shape in letters.items()) or "-"


def _sizes(shapes: Mapping[str, Sequence[int]]) -> str:
    """`γ (32), β (32)`."""
    return _shapes({name: ",".join(map(str, shape)) for name, shape in shapes.items()})


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
