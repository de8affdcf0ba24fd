"""Things that are imported at their first use, so that what is not used costs nothing."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attribute(target: str) -> Any:
    """What a `"module:attribute"` of one of our tables names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def attributes(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package that imports each of these names from its module when it is asked for."""

    def get(name: str) -> Any:
        if name in modules:
            return attribute(f"{package}.{modules[name]}:{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get
