"""A merged tree to a spec, or to what is wrong with it in plain words, at the places in the config that it is about."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from bnexp.config.keys import FILLED_IN, every_key, models, name_of, names_of
from bnexp.config.mistakes import Mistake
from bnexp.config.tree import Node, Path, get, keys_of, plain, without
from bnexp.config.yaml import scalar
from bnexp.specs.norms.own import installed
from bnexp.specs.trial import SpecError, TrialSpec
from bnexp.specs.wording import described, did_you_mean, either, listed, nearest, unknown
from bnexp.usercode.code import KINDS, UserCode, own_code

Details = Mapping[str, Any]

_ROUNDS = 10  # a mistake can hide others; so many times the wrong parts are left out, and the rest is looked at


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


class Checker:
    """Checks specs; a user's own module is read once, however many points name it."""

    def __init__(self, search_path: Sequence[str]) -> None:
        self._folders = tuple(search_path)
        self._digest = cache(UserCode.digest)

    def spec(self, tree: Node) -> tuple[TrialSpec | None, list[Finding]]:
        """The spec that a tree describes, or what is wrong with it."""
        found: list[Finding] = []
        for _ in range(_ROUNDS):
            value = plain(tree)
            new = self._add_sources(value)
            try:
                spec = TrialSpec.model_validate(value)
                if not (found or new):
                    return spec, []
            except ValidationError as error:
                # A default is no mistake beside a value that is wrong itself.
                new += [
                    finding
                    for finding in findings(error, value, TrialSpec)
                    if not (found and finding.together and get(tree, finding.path) is None)
                ]
            if not new:
                break
            found += new
            for finding in new:
                tree = without(tree, whole(finding.path))
        return None, found

    def _add_sources(self, value: dict[str, Any]) -> list[Finding]:
        """Fill in the hashes of a user's own modules; what stands there already, or has no module, is found wrong."""
        found = []
        for key in KINDS:
            path, block = tuple(key.split(".")), value
            for part in path:
                block = block.get(part, {}) if isinstance(block, dict) else {}
            if not isinstance(block, dict):
                continue
            if "source" in block:
                message = f"{key}.source is filled in, not set; remove it"
                found.append(Finding((*path, "source"), message, at_key=True))
            try:
                if code := own_code(key, block.get("name"), None, self._folders):
                    block["source"] = self._digest(code)
            except ValueError as error:
                found.append(Finding((*path, "name"), str(error)))
        return found


def located(finding: Finding, tree: Node) -> Mistake:
    """The finding at its place: the value or the key, or the block around it where a default is wrong."""
    path = next((place for place in (finding.path, *finding.beside) if get(tree, place)), finding.path)
    by_itself = path in finding.beside
    while (node := get(tree, path)) is None:
        path = path[:-1]
    message = finding.message
    if path != finding.path:
        message += f" ({'.'.join(map(str, finding.path))} has its default)"
    at_key = node.key is not None and (finding.at_key or not (by_itself or path == finding.path))
    return Mistake(node.key if at_key and node.key else node.mark, message)


def whole(path: Path) -> Path:
    """What to leave out with a wrong part: with a wrong name the whole block."""
    return path[:-1] if path[-1:] == ("name",) else path


class _Place(NamedTuple):
    """What pydantic's location means in the tree, and in the models."""

    path: Path
    value: Any
    annotation: Any
    parent: type[BaseModel] | None
    """The model that the last key belongs to."""
    siblings: list[type[BaseModel]]
    """Those that could stand in its place."""


def findings(error: ValidationError, tree: Any, root: type[BaseModel]) -> list[Finding]:
    """What a failed validation of the plain `tree` as `root` says: one finding per mistake."""
    found: dict[tuple[Path, bool], Finding] = {}
    for details in error.errors(include_url=False):
        reason = details.get("ctx", {}).get("error")
        if isinstance(reason, SpecError):
            first = {path: (message, beside) for path, message, beside in reversed(reason.problems)}
            new = [Finding(path, text, together=True, beside=beside) for path, (text, beside) in first.items()]
        else:
            new = [_translated(details, _place(details["loc"], tree, root))]
        # Each branch of a union reports; the last, as in `int | float`, is the wider one.
        found |= {(finding.path, finding.at_key): finding for finding in new}
    return list(found.values())


def _translated(details: Details, place: _Place) -> Finding:
    kind: str = details["type"]
    if kind == "extra_forbidden":
        return _extra_key(place)
    if kind == "missing":
        return Finding(place.path, f"{'.'.join(map(str, place.path))} lacks a {details['loc'][-1]!r}")
    if kind.startswith("union_tag") or kind == "model_attributes_type":
        return _wrong_name(place)
    return Finding(place.path, _wrong_value(kind, details, place))


def _place(location: tuple[str | int, ...], tree: Any, root: type[BaseModel]) -> _Place:
    """Follows pydantic's location, which also holds parts that stand nowhere in the config: branches of unions."""
    place = _Place((), tree, root, None, [])
    among = found = [root]
    for part in location:
        if isinstance(part, int) and found and part in keys_of(place.value):
            # An entry of a list of blocks, which are of the models of the list.
            place = place._replace(path=(*place.path, part), value=place.value[part])
        elif len(found) > 1:
            # A part may also name a union inside a union, which chooses nothing yet.
            found = [model for model in found if name_of(model) == part] or found
        elif part in keys_of(place.value):
            parent = found[0] if found else None
            field = parent.model_fields.get(str(part)) if parent else None
            annotation = field.annotation if field else None
            place = _Place((*place.path, part), place.value[part], annotation, parent, among)
            among = found = models(annotation)
    return place


def _extra_key(place: _Place) -> Finding:
    *above, key = (str(part) for part in place.path)
    owners = names_of(model for model in place.siblings if key in model.model_fields)
    fields = place.parent.model_fields if place.parent else ()
    known = [name for name in fields if ".".join((*above, name)) not in FILLED_IN]
    if owners and place.parent and ".".join((*above, key)) not in FILLED_IN:
        block = (
            _NOUNS.get(above[-2], above[-2]) if above[-1].isdigit() else above[-1]
        )  # of a list it is the place there
        message = f"{block} {name_of(place.parent)!r} has no key {key!r}, only {_some(owners)}"
        return Finding(place.path, message, at_key=True, together=True)
    elsewhere = [dotted for dotted in every_key() if dotted.rpartition(".")[2] == key]
    if elsewhere and not nearest(key, known):
        hint = f" here; did you mean {elsewhere[0]!r}?"
    else:
        hint = did_you_mean(key, known)
    return Finding(place.path, f"unknown key {key!r}{hint}", at_key=True)


_NOUNS = {"norm": "normalization", "data": "dataset", "probes": "probe"}


def _some(owners: list[str]) -> str:
    """`'a' has`, `'a', 'b' have`; of many, the first."""
    if len(owners) > 4:
        return f"{listed(map(repr, owners[:3]))} and {len(owners) - 3} others have"
    return f"{listed(map(repr, owners))} {'has' if len(owners) == 1 else 'have'}"


def _wrong_name(place: _Place) -> Finding:
    block = str(next(part for part in reversed(place.path) if isinstance(part, str)))
    noun = _NOUNS.get(block, block)
    known, own = names_of(models(place.annotation)), ""
    if block in _OWN:
        own = _OWN[block]
        known += installed() if block == "norm" else ()
    write_none = "; for none of them write the word `none`" if "none" in known else ""
    of_list = place.path[-1] != block
    if of_list and isinstance(place.value, str):
        return Finding(place.path, unknown(noun, place.value, known))
    if not isinstance(place.value, dict):
        what = f"a {noun}" if of_list else block
        received = f"{what} must be a word or a block with a name, not {described(place.value)}"
        return Finding(place.path, f"{received}; known: {listed(known)}{own}{write_none}")
    name = place.value.get("name")
    message = unknown(noun, name, known) if isinstance(name, str) else f"a {noun} is one of {listed(known)}"
    path = (*place.path, "name") if "name" in place.value else place.path
    return Finding(path, f"{message}{own}{write_none if name is None else ''}")


_OWN = {
    "model": ", or your own module:function",
    "norm": ", or your own module:Class",
    "optimizer": ", keras.optimizers:Class, or your own module:Class",
}
_KINDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type"), "a block of keys"),
}
_LIMITS = {
    "greater_than": "greater than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


def _wrong_value(kind: str, details: Details, place: _Place) -> str:
    key, value, hint = ".".join(map(str, place.path)), place.value, ""
    if kind in _KINDS:
        rule, hint = _KINDS[kind], _hint(kind, value) or _meaning(place)
    elif kind in _LIMITS:
        (limit,) = details["ctx"].values()
        rule = f"{_LIMITS[kind]} {limit:g}"
    elif kind == "literal_error":
        known = get_args(place.annotation)
        rule, near = either(known), nearest(value, known) if isinstance(value, str) else ""
        hint = f"; did you mean {near!r}?" if near else ""
    elif kind == "string_pattern_mismatch" and place.parent:
        field = place.parent.model_fields[str(place.path[-1])]
        rule = f"written as {either(field.examples or [])}"
    elif kind == "too_short":
        return f"{key} is empty"
    else:
        return str(details["ctx"]["error"]) if kind == "value_error" else f"{key}: {details['msg']}"
    return f"{key} must be {rule}, not {described(value)}{hint}"


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


def _meaning(place: _Place) -> str:
    """What a key stands for that takes a number and was given a block, as it may have taken one in earlier versions."""
    field = place.parent.model_fields.get(str(place.path[-1])) if place.parent else None
    if field is None or field.description is None or type(field.default) not in (int, float):
        return ""
    return f"; such as {field.default}: {field.description}" if isinstance(place.value, dict) else ""
