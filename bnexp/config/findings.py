"""From pydantic's errors to plain words, each at the path in the config that it is about."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from bnexp.config.keys import FILLED_IN, choices, every_key, models, name_of, names_of, options
from bnexp.config.tree import Path
from bnexp.config.yaml import scalar
from bnexp.specs.norms.own import installed
from bnexp.specs.trial import SpecError
from bnexp.specs.wording import described, did_you_mean, either, listed, nearest, unknown

Details = Mapping[str, Any]


class Finding(NamedTuple):
    """A mistake before its place in the file is looked up."""

    path: Path
    message: str
    at_key: bool = False
    """The key itself is wrong, not its value."""
    together: bool = False
    """Right by itself, wrong beside other values: `norm.groups` where the norm is not `group`."""
    beside: tuple[Path, ...] = ()
    """The other values, nearest first: blamed where the config does not say the value itself."""


class _Place(NamedTuple):
    """What pydantic's location means in the tree, and in the models."""

    path: Path
    value: Any
    annotation: Any
    parent: type[BaseModel] | None
    """The model that the last key belongs to."""


def findings(error: ValidationError, tree: Any, root: type[BaseModel]) -> list[Finding]:
    """What a failed validation of the plain `tree` as `root` says: one finding per mistake."""
    found: dict[tuple[Path, bool], Finding] = {}
    for details in error.errors(include_url=False):
        for finding in _translated(details, tree, root):
            # Each branch of a union reports; the last, as in `int | float`, is the wider one.
            found[finding.path, finding.at_key] = finding
    return list(found.values())


def _translated(details: Details, tree: Any, root: type[BaseModel]) -> list[Finding]:
    reason = details.get("ctx", {}).get("error")
    if isinstance(reason, SpecError):
        first = {problem.path: problem for problem in reversed(reason.problems)}
        return [Finding(path, problem.message, together=True, beside=problem.beside) for path, problem in first.items()]
    kind: str = details["type"]
    place = _place(details["loc"], tree, root)
    if kind == "extra_forbidden":
        return [_extra_key(place, root)]
    if kind.startswith("union_tag") or kind == "model_attributes_type":
        return [_wrong_name(place)]
    return [Finding(place.path, _wrong_value(kind, details, place))]


def _place(location: tuple[str | int, ...], tree: Any, root: type[BaseModel]) -> _Place:
    """Follows pydantic's location, which also holds parts that stand nowhere in the config: branches of unions."""
    path: Path = ()
    value: Any = tree
    found = [root]
    annotation: Any = root
    parent: type[BaseModel] | None = None
    for part in location:
        if len(found) > 1:
            # A part may also name a union inside a union, which chooses nothing yet.
            found = [model for model in found if name_of(model) == part] or found
        elif part in (value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()):
            parent = found[0] if found else None
            field = parent.model_fields.get(str(part)) if parent else None
            annotation = field.annotation if field else None
            path, value, found = (*path, part), value[part], models(annotation)
    return _Place(path, value, annotation, parent)


def _extra_key(place: _Place, root: type[BaseModel]) -> Finding:
    *above, key = (str(part) for part in place.path)
    siblings = options(above, root)
    owners = names_of(model for model in siblings if key in model.model_fields)
    block = above[-1] if above else ""
    if owners and place.parent and ".".join(map(str, place.path)) not in FILLED_IN:
        message = f"{block} {name_of(place.parent)!r} has no key {key!r}, only {_some(owners)}"
        return Finding(place.path, message, at_key=True, together=True)
    fields = place.parent.model_fields if place.parent else ()
    known = [name for name in fields if ".".join((*above, name)) not in FILLED_IN]
    elsewhere = [dotted for dotted in every_key() if dotted.rpartition(".")[2] == key]
    hint = (
        f" here; did you mean {elsewhere[0]!r}?" if elsewhere and not nearest(key, known) else did_you_mean(key, known)
    )
    return Finding(place.path, f"unknown key {key!r}{hint}", at_key=True)


def _some(owners: list[str]) -> str:
    """`'a' has`, `'a', 'b' have`; of many, the first."""
    if len(owners) > 4:
        return f"{listed(map(repr, owners[:3]))} and {len(owners) - 3} others have"
    return f"{listed(map(repr, owners))} {'has' if len(owners) == 1 else 'have'}"


_NOUNS = {"norm": "normalization", "data": "dataset"}


def _wrong_name(place: _Place) -> Finding:
    block = str(place.path[-1])
    noun = _NOUNS.get(block, block)
    known = names_of(models(place.annotation))
    own = ""
    if block == "norm":
        known += installed()
        own = ", or your own module:Class"
    if isinstance(place.value, dict):
        name = place.value.get("name")
        message = unknown(noun, name, known) if isinstance(name, str) else f"a {noun} is one of {listed(known)}"
        message += own
        return Finding((*place.path, "name"), message if name is not None else message + _write_none(known))
    received = f"{block} must be a word or a block with a name, not {described(place.value)}"
    return Finding(place.path, f"{received}; known: {listed(known)}{own}" + _write_none(known))


def _write_none(known: list[str]) -> str:
    return "; for none of them write the word `none`" if "none" in known else ""


_KINDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a block of keys",
    "model_type": "a block of keys",
}

_LIMITS: dict[str, Callable[[Details], str]] = {
    "greater_than": lambda limit: f"must be greater than {limit['gt']:g}",
    "greater_than_equal": lambda limit: f"must be at least {limit['ge']:g}",
    "less_than": lambda limit: f"must be less than {limit['lt']:g}",
    "less_than_equal": lambda limit: f"must be at most {limit['le']:g}",
}


def _wrong_value(kind: str, details: Details, place: _Place) -> str:  # noqa: PLR0911  # one return per kind of error
    key = ".".join(map(str, place.path))
    value = place.value
    if kind in _KINDS:
        return f"{key} must be {_KINDS[kind]}, not {described(value)}{_hint(kind, value)}"
    if kind in _LIMITS:
        return f"{key} {_LIMITS[kind](details['ctx'])}, not {described(value)}"
    if kind == "literal_error":
        known = choices(place.annotation)
        if place.path[-1] == "name" and len(place.path) > 1:
            return unknown(_NOUNS.get(str(place.path[-2]), str(place.path[-2])), value, known)
        near = nearest(value, known) if isinstance(value, str) else ""
        suggestion = f"; did you mean {near!r}?" if near else ""
        return f"{key} must be {either(known)}, not {described(value)}{suggestion}"
    if kind == "too_short":
        return f"{key} is empty"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    return f"{key}: {details['msg']}"


def _hint(kind: str, value: Any) -> str:
    """The likely fix of a value of the wrong kind."""
    if value is None:
        return "; give it one, or remove it"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "on", "no", "off", "true", "false"):
        return f"; write {'true' if value.lower() in ('yes', 'on', 'true') else 'false'}"
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"; write {int(value)}"
    if kind in ("int_type", "float_type") and isinstance(value, str):
        bare = value.strip()
        if type(scalar(bare)) in (int, float):
            return f"; write {bare} without quotes"
        number = scalar(value.replace("_", "").replace(",", "").lstrip("0"))
        if type(number) in (int, float):
            return f"; write {number}"
    return ""
