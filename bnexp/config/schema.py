"""The JSON schema of a config file, for editors, from the models that check it."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from bnexp.config.header import Header
from bnexp.config.keys import FILLED_IN, blocks, every_key, models, name_of, options
from bnexp.specs.datasets import DATASETS
from bnexp.specs.norms.own import OwnNorm

Schema = dict[str, Any]


def json_schema() -> Schema:
    """Draft 2020-12; `bnexp schema` prints it, and `bnexp/experiment.schema.json` holds it.

    `$defs` has the keys of each block (`norm`), what may stand in its place (`norm-or-name`), all dotted keys as the
    top, variants and entries take them (`changes`), and with lists of values (`axes`).
    """
    keys = every_key()
    definitions = {key: _block(key) for key in keys if options(key.split("."))}
    header = {key: _optional(_tidy(value)) for key, value in Header.model_json_schema()["properties"].items()}
    variant = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    for key in ("grid", "zip"):
        header[key] = {"description": header[key]["description"], "$ref": "#/$defs/axes"}
    for key in ("include", "exclude"):
        header[key]["items"] = _changes(variant=variant) | {"minProperties": 1}
    header["variants"]["additionalProperties"] = {"anyOf": [{"type": "null"}, _changes()]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A bnexp experiment",
        **_changes(**header),
        "anyOf": [{"required": [key]} for key in ("variants", "norm", "norm.name")],
        "$defs": {
            **definitions,
            **{f"{key}-or-name": _or_name(key) for key, block in definitions.items() if "name" in block["properties"]},
            "own": {"type": "string", "pattern": "^[^:]+:[^:]+$", "description": "your own module:attribute"},
            "own-norm": _own_norm(),
            "key": {"enum": list(keys)},
            "changes": {"properties": {key: _value(key, definitions) for key in keys}},
            "axes": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"$ref": "#/$defs/key"},
                "patternProperties": {"": {"type": "array", "minItems": 1}},
                "properties": {key: {"items": {"$ref": f"#/$defs/changes/properties/{key}"}} for key in keys},
            },
        },
    }


def text(value: Any, indent: int = 0) -> str:
    """JSON in lines of up to 120 characters: what fits on one stands on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent < 120 or not isinstance(value, dict | list):
        return line
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {text(item, indent + 2)}" for key, item in value.items()]
    else:
        parts = [text(item, indent + 2) for item in value]
    left, right = "{}" if isinstance(value, dict) else "[]"
    margin = "\n" + " " * indent
    return left + ",".join(f"{margin}  {part}" for part in parts) + margin + right


def _changes(**properties: Schema) -> Schema:
    """A mapping of dotted keys, and of some others."""
    known: Schema = {"$ref": "#/$defs/key"}
    names = {"anyOf": [known, {"enum": list(properties)}]} if properties else known
    schema = {"type": "object", "propertyNames": names, "allOf": [_reference("changes")]}
    return schema | ({"properties": properties} if properties else {})


def _value(key: str, definitions: Schema) -> Schema:
    """What a dotted key takes, by reference."""
    if key in definitions:
        return _reference(f"{key}-or-name" if "name" in definitions[key]["properties"] else key)
    block, _, last = key.rpartition(".")
    value = _reference(f"{block}/properties/{last}")
    return {"anyOf": [value, _reference("own")]} if key == "norm.name" else value


def _or_name(key: str) -> Schema:
    """A block, or its name alone."""
    own = [_reference("own"), _reference("own-norm")] if key == "norm" else []
    return {"anyOf": [_reference(f"{key}/properties/name"), _reference(key), *own]}


def _own_norm() -> Schema:
    """A layer of the user's own, with whatever arguments; names that installed packages add are on no other machine."""
    shared = ("place", "layers", "use_bias")
    properties = {"name": _reference("own")} | {key: _reference(f"norm/properties/{key}") for key in shared}
    return {"type": "object", "required": ["name"], "properties": properties}


def _block(key: str) -> Schema:
    """The keys of a block.  Where its name chooses a model: the keys of all, and beside which names each may stand.

    A change may leave the name out; then the keys of any model fit.
    """
    members = [model for model in options(key.split(".")) if model is not OwnNorm]
    fields = {name_of(model): _fields(model, key) for model in members}
    every = dict.fromkeys(field for found in fields.values() for field in found)
    properties = {field: _common([found[field] for found in fields.values() if field in found]) for field in every}
    if key == "data":
        known = [{"const": name, "description": images.title} for name, images in DATASETS.items()]
        properties["name"]["anyOf"] = [*known, _reference("own")]
    elif len(members) > 1:
        known = [{"const": name_of(model), "description": _title(model)} for model in members]
        properties["name"] = {"anyOf": known, "default": blocks()[tuple(key.split("."))]}
    rules = [*_owners(fields), *_narrower(fields)]
    block = {"type": "object", "properties": properties, "additionalProperties": False}
    return block | ({"allOf": rules} if rules else {})


def _fields(model: Any, block: str) -> Schema:
    """The schemas of a model's fields; those that are blocks, by reference."""
    schemas = model.model_json_schema()["properties"]
    found = {}
    for key, field in model.model_fields.items():
        below = models(field.annotation)
        named = below and "name" in below[0].model_fields
        if f"{block}.{key}" not in FILLED_IN:
            reference = _reference(f"{block}.{key}-or-name" if named else f"{block}.{key}")
            found[key] = reference if below else _tidy(schemas[key])
    return found


def _owners(fields: Schema) -> Iterator[Schema]:
    """Rules for keys that some models lack: the names beside which they may stand."""
    owned: dict[tuple[str, ...], list[str]] = {}
    for key in dict.fromkeys(key for found in fields.values() for key in found):
        owned.setdefault(tuple(name for name, found in fields.items() if key in found), []).append(key)
    for names, keys in owned.items():
        if len(names) < len(fields):
            written = [{"required": [key]} for key in keys]
            condition = written[0] if len(written) == 1 else {"anyOf": written}
            yield {"if": condition, "then": {"properties": {"name": {"enum": list(names)}}}}


def _narrower(fields: Schema) -> Iterator[Schema]:
    """Rules for keys that take less in some models than in the first that has them."""
    for key in dict.fromkeys(key for found in fields.values() for key in found if key != "name"):
        taking: dict[str, list[str]] = {}
        for name, found in fields.items():
            if key in found:
                taking.setdefault(json.dumps(_constraint(found[key])), []).append(name)
        for constraint, names in list(taking.items())[1:]:
            condition = {"required": ["name"], "properties": {"name": {"enum": names}}}
            yield {"if": condition, "then": {"properties": {key: json.loads(constraint)}}}


def _common(schemas: list[Schema]) -> Schema:
    """What the first of several models takes at a key, with a default where all have the same."""
    first = dict(schemas[0])
    if any(schema.get("default") != first.get("default") for schema in schemas):
        first.pop("default", None)
    return first


def _title(model: type[BaseModel]) -> str:
    return str(getattr(model, "title", None) or (model.__doc__ or "").splitlines()[0])


def _constraint(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in ("default", "description", "type")}


def _reference(place: str) -> Schema:
    return {"$ref": f"#/$defs/{place}"}


def _tidy(schema: Any) -> Any:
    """Without titles; pydantic's `ge` of a union as JSON schema's `minimum`."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        "minimum" if key == "ge" else key: _tidy(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


def _optional(schema: Schema) -> Schema:
    """Of an optional key only what it is when it is given."""
    if schema.get("default", ...) is None:
        rest = {key: value for key, value in schema.items() if key not in ("default", "anyOf")}
        options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
        return rest | (options[0] if len(options) == 1 else {"anyOf": options} if options else {})
    return schema
