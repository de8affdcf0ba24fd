"""Running: trials out to worker processes, records back to the store.  No TensorFlow in this process."""

from typing import TYPE_CHECKING, Any

from bnexp.lazy import attribute

if TYPE_CHECKING:
    from bnexp.running.options import Options
    from bnexp.running.runner import run
    from bnexp.running.survey import Outcome

__all__ = ["Options", "Outcome", "run"]

_MODULES = {"Options": "options", "Outcome": "survey", "run": "runner"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:  # imported when it is asked for: a worker needs none of them
        return attribute(f"bnexp.running.{_MODULES[name]}:{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
