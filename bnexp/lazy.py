"""Things that are imported at their first use, so that what is not used costs nothing."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def attribute(target: str) -> Any:
    """What a `"module:attribute"` of one of our tables names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def callable_package(name: str, target: str) -> None:
    """Make the package `name` callable as `target`: `bnexp.results` is a package, and `bnexp.results("results")` works.

    A package that bears the name of an API function would hide it as soon as any of its modules is imported.
    """

    class CallablePackage(ModuleType):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return attribute(target)(*args, **kwargs)

    sys.modules[name].__class__ = CallablePackage
