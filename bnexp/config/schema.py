"""The JSON schema of a config file, for editors, from the models that check it."""

from typing import Any

from pydantic import BaseModel

from bnexp.config.header import Header
from bnexp.config.keys import FILLED_IN, blocks, models, names_of
from bnexp.specs.datasets import DATASETS
from bnexp.specs.trial import TrialSpec

Schema = dict[str, Any]

_OWN_MODULE: Schema = {"type": "string", "pattern": "^[^:]+:[^:]+$"}
"""Names that installed packages add are not in it: the schema is the same on every machine."""


def json_schema() -> Schema:
    """Draft 2020-12; `bnexp schema` prints it, and `bnexp/experiment.schema.json` holds it."""
    spec = TrialSpec.model_json_schema()
    header = Header.model_json_schema()
    definitions = {name: _tidy(definition) for name, definition in spec.pop("$defs").items()}
    for model in definitions.values():
        model.pop("title", None)
    for model in ("DataSpec", "OwnNorm"):
        definitions[model]["properties"].pop("source")
    definitions["OwnNorm"]["properties"]["name"] |= _OWN_MODULE
    keys = _keys(_tidy(spec["properties"]), definitions)
    top = {key: value for key, value in keys.items() if "." not in key}
    axes = {key: {"type": "array", "minItems": 1, "items": value} for key, value in keys.items()}
    chosen = {"variant": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}}
    definitions["change"] = {"type": ["object", "null"], "properties": keys, "additionalProperties": False}
    definitions["axes"] = {"type": "object", "minProperties": 1, "properties": axes, "additionalProperties": False}
    definitions["entries"] = {
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", "minProperties": 1, "properties": chosen | keys, "additionalProperties": False},
    }
    own = {key: _described(_tidy(value)) for key, value in header["properties"].items()}
    own["variants"] |= {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/change"}}
    for key, definition in {"grid": "axes", "zip": "axes", "include": "entries", "exclude": "entries"}.items():
        own[key] |= {"$ref": f"#/$defs/{definition}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A bnexp experiment",
        "type": "object",
        "properties": {"name": own.pop("name"), "about": own.pop("about"), **top, **keys, **own},
        "additionalProperties": False,
        "anyOf": [{"required": ["variants"]}, {"required": ["norm"]}, {"required": ["norm.name"]}],
        "$defs": definitions,
    }


def _keys(properties: Schema, definitions: Schema) -> Schema:
    """Every dotted key with its schema; a key that several models have takes what any of them takes."""
    found: dict[str, list[Schema]] = {}

    def visit(model: type[BaseModel], path: tuple[str, ...], fields: Schema) -> None:
        for key, field in model.model_fields.items():
            place = (*path, key)
            dotted = ".".join(place)
            if dotted in FILLED_IN:
                continue
            below = models(field.annotation)
            value = _with_words(fields[key], place, below)
            if value not in found.setdefault(dotted, []):
                found[dotted].append(value)
            for option in below:
                visit(option, place, definitions[option.__name__]["properties"])

    visit(TrialSpec, (), properties)
    _put_words_inside(definitions)
    return {key: _any_of(values) for key, values in found.items()}


def _any_of(schemas: list[Schema]) -> Schema:
    """One schema for what any of several models takes; of names, the list."""
    if len(schemas) == 1:
        return schemas[0]
    names = {"type": "string", "enum": [schema["const"] for schema in schemas if "const" in schema]}
    others = [schema for schema in schemas if "const" not in schema]
    return names if not others else {"anyOf": [names, *others] if names["enum"] else others}


def _with_words(schema: Schema, place: tuple[str, ...], options: list[type[BaseModel]]) -> Schema:
    """The schema of a block that has a name, with the word for it."""
    if place not in blocks():
        return schema
    names = [*DATASETS] if place == ("data",) else names_of(options)
    own_module = [_OWN_MODULE] if place in (("data",), ("norm",)) else []
    return {"anyOf": [{"type": "string", "enum": names}, *own_module, schema]}


def _put_words_inside(definitions: Schema) -> None:
    """`optimizer: sgd` inside `training: {...}` too."""
    fields = definitions["TrainingSpec"]["properties"]
    annotation = models(TrialSpec.model_fields["training"].annotation)[0].model_fields["optimizer"].annotation
    fields["optimizer"] = _with_words(fields["optimizer"], ("training", "optimizer"), models(annotation))


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


def _described(schema: Schema) -> Schema:
    """Of an optional key only what it is when it is given."""
    if schema.get("default", ...) is None:
        rest = {key: value for key, value in schema.items() if key not in ("default", "anyOf")}
        options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
        return rest | (options[0] if len(options) == 1 else {"anyOf": options} if options else {})
    return schema
