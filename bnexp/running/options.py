"""How trials are executed: nothing here changes a result, and the record keeps what matters of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bnexp.errors import UserError
from bnexp.running.machine import available_cores, available_memory

WORKER_MEMORY = 1_200_000_000
"""Bytes that one worker may come to use on full MNIST, for `jobs="auto"`; measured 0.9 to 1.3 GB."""


@dataclass(frozen=True)
class Options:
    """The execution of a run."""

    jobs: int | Literal["auto"] = "auto"
    """Worker processes; `auto`: as many as the available cores and memory carry (one on a GPU)."""
    threads: int = 1
    """Threads of each worker."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    data_folder: Path | None = None
    """Where datasets are looked for first."""
    retry_failed: bool = False
    """Train again what failed before."""
    force: bool = False
    """Train again what has a record, whatever it says; the record is replaced when the new one is there."""
    fail_fast: bool = False
    """Stop at the first failure."""
    max_failures: int = 3
    """Stop after so many failures in a row that say the same; 0: never."""
    resume: str = ""
    """The command that would go on with this run, shown when it is interrupted."""
    trainer: str = "bnexp.training:Trainer"
    """What trains in the worker, as `module:attribute`; called with `device`, `threads`, `data_folder`."""

    def __post_init__(self) -> None:
        if self.jobs != "auto" and not (_whole(self.jobs) and self.jobs >= 1):
            raise UserError(f"jobs: a whole number from 1, or 'auto', not {self.jobs!r}")
        if not (_whole(self.threads) and self.threads >= 1):
            raise UserError(f"threads: a whole number from 1, not {self.threads!r}")
        if self.device not in ("auto", "cpu", "gpu"):
            raise UserError(f"device: 'auto', 'cpu' or 'gpu', not {self.device!r}")
        if not (_whole(self.max_failures) and self.max_failures >= 0):
            raise UserError(f"max_failures: a whole number from 0 (never), not {self.max_failures!r}")


def workers(options: Options, trials: int) -> int:
    """How many worker processes `trials` trials get, at least one."""
    if options.jobs != "auto":
        wanted = options.jobs
    elif options.device == "gpu":
        wanted = 1
    else:
        wanted = min(available_cores() // options.threads, available_memory() // WORKER_MEMORY)
    return max(1, min(wanted, trials))


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
