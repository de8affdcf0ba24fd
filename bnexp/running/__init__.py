"""Running: trials out to worker processes, records back to the store.  No TensorFlow in this process."""

from typing import TYPE_CHECKING

from bnexp.lazy import attributes

if TYPE_CHECKING:
    from bnexp.running.options import Options
    from bnexp.running.runner import run
    from bnexp.running.survey import Outcome

__all__ = ["Options", "Outcome", "run"]

# A worker needs none of them.
__getattr__ = attributes(__name__, {"Options": "options", "Outcome": "survey", "run": "runner"})
