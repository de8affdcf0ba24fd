"""The keys that a config may set, read off the models of the spec."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from bnexp.specs.trial import TrialSpec

FILLED_IN = ("data.source", "model.source", "norm.source", "training.optimizer.source")
"""Keys of the spec that loading fills in and a config cannot set."""

FOR_ALL = ("probes",)
"""Keys of the spec that stand at the top alone: all variants and places of the grid share them."""


def models(annotation: Any) -> list[type[BaseModel]]:
    """The models among which a value of this type chooses; [] if it is no block."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    arguments = () if get_origin(annotation) is Literal else get_args(annotation)
    return [model for argument in arguments for model in models(argument)]


def name_of(model: type[BaseModel]) -> str:
    """`batch` for BatchNorm: the word that chooses a model where several are possible."""
    field = model.model_fields["name"]
    return str(field.examples[0] if field.examples else field.default)


def names_of(found: Iterable[type[BaseModel]]) -> list[str]:
    """The words that choose among these models; that of a user's own module is any `module:Class`, so it is none."""
    return [name_of(model) for model in found if not model.model_fields["name"].is_required()]


@cache
def every_key() -> tuple[str, ...]:
    """All dotted keys that may vary, blocks and leaves, in the order of the models: `data`, `data.name`, ..."""
    below = _below([TrialSpec], ())
    return tuple(dict.fromkeys(key for key in below if key not in FILLED_IN and key.partition(".")[0] not in FOR_ALL))


def _below(found: list[type[BaseModel]], path: tuple[str, ...]) -> Iterable[str]:
    for model in found:
        for key, field in model.model_fields.items():
            yield ".".join((*path, key))
            yield from _below(models(field.annotation), (*path, key))


@cache
def blocks() -> Mapping[tuple[str, ...], str]:
    """The blocks that have a `name`, by path, with the name that each has when none is given."""
    paths = [tuple(key.split(".")[:-1]) for key in every_key() if key.endswith(".name")]
    return {path: _default(path).name for path in paths}


def _default(path: tuple[str, ...]) -> Any:
    """What a key has when it is not given; of a key that only some models have, in the first of them."""
    found: list[type[BaseModel]] = [TrialSpec]
    default = None
    for part in path:
        field = next(model.model_fields[part] for model in found if part in model.model_fields)
        found, default = models(field.annotation), field.default
    return default
