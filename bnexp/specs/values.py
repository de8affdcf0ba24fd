"""The base of everything that is described, identified and stored: frozen values that check themselves."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Frozen(BaseModel):
    """A value that never changes, knows all its keys, and takes no `"64"` for a 64 and no `true` for a 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Word(Frozen):
    """A named block that is stored, and identified, as its name where it holds nothing but defaults."""

    name: str

    @model_serializer(mode="wrap")
    def _stored(self, dump: SerializerFunctionWrapHandler) -> Any:
        content = canonical(self)
        return content if isinstance(content, str) else dump(self)


def named(default: str) -> BeforeValidator:
    """A block may be given by its name alone, `layer` for `{name: layer}`; without a name it has the `default`."""

    def complete(value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        return {"name": default} | value if isinstance(value, dict) else value

    return BeforeValidator(complete)


def argument(value: Any) -> Any:
    """A value that a config can hold, for a class that is not ours; lists as tuples, so that it can be hashed."""
    if isinstance(value, list | tuple):
        return tuple(argument(item) for item in value)
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"an argument of your own class is a number, text, true, false, null or a list, not {value!r}")


def canonical(value: Any) -> Any:
    """A value of a spec as plain JSON data without the keys that hold their default, for content hashes.

    A block's `name` always stays.  So a key that a later version adds, with a default that keeps the old
    behaviour, leaves all identities as they were; a default that changes needs a new protocol version.
    Of a value that takes any key (the arguments of a user's own layer), all of those stay.
    """
    if isinstance(value, BaseModel):
        known = {
            key: canonical(getattr(value, key))
            for key, field in type(value).model_fields.items()
            if key == "name" or getattr(value, key) != field.get_default(call_default_factory=True)
        }
        found = known | {key: canonical(item) for key, item in (value.model_extra or {}).items()}
        return value.name if isinstance(value, Word) and len(found) == 1 else found
    if isinstance(value, tuple | list):
        return [canonical(item) for item in value]
    return value


def equal(one: Any, other: Any) -> bool:
    """Equal, where `true` is not 1."""
    return one is other if isinstance(one, bool) or isinstance(other, bool) else bool(one == other)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of everything in nested mappings that is not one."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
