"""Things that are imported at their first use, so that what is not used costs nothing."""

from importlib import import_module
from typing import Any


def attribute(target: str) -> Any:
    """What a `"module:attribute"` of one of our tables names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
