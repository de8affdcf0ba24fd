"""Running: trials out to worker processes, records back to the store.  No TensorFlow in this process."""

from bnexp.running.options import Options
from bnexp.running.outcome import Outcome
from bnexp.running.runner import run

__all__ = ["Options", "Outcome", "run"]
