"""Running: trials out to worker processes, records back to the store.  No TensorFlow in this process."""

from bnexp.running.options import Options
from bnexp.running.runner import run
from bnexp.running.survey import Outcome

__all__ = ["Options", "Outcome", "run"]
