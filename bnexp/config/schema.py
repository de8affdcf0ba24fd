"""The JSON schema of a config file, for editors, from the models that check it."""

import json
from typing import Any

from pydantic import BaseModel

from bnexp.config.header import Header
from bnexp.config.keys import FILLED_IN, FOR_ALL, blocks, models, names_of
from bnexp.specs.claims import RULE_NAMES, Claim
from bnexp.specs.datasets import DATASETS
from bnexp.specs.norms.table import METHODS
from bnexp.specs.trial import TrialSpec

Schema = dict[str, Any]

_OWN: Schema = {"type": "string", "pattern": "^[^:]+:[^:]+$"}
"""Names that installed packages add are not in it: the schema is the same on every machine."""


def json_schema() -> Schema:
    """Draft 2020-12; `bnexp schema` prints it, and `bnexp/experiment.schema.json` holds it.

    `$defs` has each model once, all dotted keys as the top, variants and entries take them (`changes`), and the same
    with lists of values (`axes`).
    """
    spec = _tidy(TrialSpec.model_json_schema())
    definitions = spec.pop("$defs") | {"TrialSpec": spec}
    for own in ("OwnModel", "OwnNorm"):
        definitions[own]["properties"]["name"] |= _OWN
    for method in METHODS.values():
        definitions[method.__name__]["description"] = method.title
    changes = _changes(definitions)
    axes = {key: {"type": "array", "minItems": 1, "items": _reference("changes", key)} for key in changes}
    header = _tidy(Header.model_json_schema())
    claim = _tidy(Claim.model_json_schema())
    rule = claim["properties"]["rule"]
    claim["properties"]["rule"] = {"anyOf": [{"enum": [*RULE_NAMES]}, rule]}
    definitions |= header["$defs"] | claim.pop("$defs") | {"Claim": claim}
    header = {key: _optional(value) for key, value in header["properties"].items()}
    for key in FOR_ALL:
        header[key] = definitions["TrialSpec"]["properties"].pop(key)
        names = names_of(models(TrialSpec.model_fields[key].annotation))
        header[key]["items"]["anyOf"].insert(0, {"enum": names})
    variant = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    header["variants"]["additionalProperties"] = {"anyOf": [{"type": "null"}, _mapping("changes")]}
    header["claims"]["additionalProperties"] = _reference("Claim")
    for key in ("grid", "zip"):
        header[key] = {"description": header[key]["description"], "minProperties": 1} | _mapping("axes")
    for key in ("include", "exclude"):
        header[key]["items"] = {"minProperties": 1} | _mapping("changes", {"variant": variant})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A bnexp experiment",
        **_mapping("changes", header),
        "anyOf": [{"required": [key]} for key in ("variants", "norm", "norm.name")],
        "$defs": {
            **definitions,
            "key": {"enum": list(changes)},
            "changes": {"properties": changes},
            "axes": {"properties": axes},
        },
    }


def _changes(definitions: Schema) -> Schema:
    """Every dotted key with what any model takes there, by reference; what several say the same stays in the first."""
    found: dict[str, dict[str, Schema]] = {}
    visited: set[tuple[type[BaseModel], tuple[str, ...]]] = set()

    def visit(model: type[BaseModel], path: tuple[str, ...]) -> None:
        if (model, path) in visited:  # by way of another model, which has the same block
            return
        visited.add((model, path))
        fields = definitions[model.__name__]["properties"]
        for key, field in model.model_fields.items():
            place, below = (*path, key), models(field.annotation)
            if ".".join(place) in FOR_ALL:
                continue
            if ".".join(place) in FILLED_IN:
                del fields[key]
                continue
            if place in blocks():  # the word for it, too
                own = [_OWN] if key in ("data", "model", "norm") else []
                names = [*DATASETS] if key == "data" else names_of(below)
                fields[key] = {"anyOf": [{"enum": names}, *own, fields[key]]}
            known, content = found.setdefault(".".join(place), {}), json.dumps(fields[key])
            if content in known:
                fields[key] = known[content]
            known.setdefault(content, _reference(model.__name__, key))
            for option in below:
                visit(option, place)

    visit(TrialSpec, ())
    return {
        key: known.popitem()[1] if len(known) == 1 else {"anyOf": [*known.values()]} for key, known in found.items()
    }


def _reference(definition: str, key: str = "") -> Schema:
    return {"$ref": f"#/$defs/{definition}" + (f"/properties/{key}" if key else "")}


def _mapping(definition: str, others: Schema | None = None) -> Schema:
    """A mapping with dotted keys, as a definition has them, and some others."""
    names = {"anyOf": [_reference("key"), {"enum": [*others]}]} if others else _reference("key")
    schema = {"type": "object", "propertyNames": names, "allOf": [_reference(definition)]}
    return schema | ({"properties": others} if others else {})


def text(value: Any, indent: int = 0) -> str:
    """JSON in lines of up to 120 characters: what fits on one stands on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent < 120 or not isinstance(value, dict | list):
        return line
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {text(item, indent + 2)}" for key, item in value.items()]
    else:
        parts = [text(item, indent + 2) for item in value]
    margin = "\n" + " " * indent
    inside = ",".join(f"{margin}  {part}" for part in parts) + margin
    return f"{{{inside}}}" if isinstance(value, dict) else f"[{inside}]"


def _tidy(schema: Any) -> Any:
    """Without titles and defaults of whole blocks; pydantic's `ge` of a union as JSON schema's `minimum`.

    `oneOf` becomes `anyOf`: a change may leave out the name of its block, and then several models fit.
    """
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    names = {"oneOf": "anyOf", "ge": "minimum"}
    tidy = {names.get(key, key): _tidy(value) for key, value in schema.items() if key != "discriminator"}
    if isinstance(tidy.get("title"), str):
        del tidy["title"]
    if isinstance(tidy.get("default"), dict) and "type" not in tidy["default"]:
        del tidy["default"]
    return tidy


def _optional(schema: Schema) -> Schema:
    """Of an optional key only what it is when it is given."""
    if schema.get("default", ...) is None:
        rest = {key: value for key, value in schema.items() if key not in ("default", "anyOf")}
        options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
        return rest | (options[0] if len(options) == 1 else {"anyOf": options} if options else {})
    return schema
