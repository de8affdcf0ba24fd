"""How trials are executed: nothing here changes a result, and the record keeps what matters of it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bnexp.errors import UserError
from bnexp.machine import available_cores, available_gpus, available_memory

WORKER_MEMORY = 1_000_000_000
"""Bytes that one worker may come to use on full MNIST, for `jobs="auto"`: it has 0.4 GB after its first trial, 0.7 GB
at most after 23 models, and is replaced when it has grown by `Options.growth`."""


_SHARD = "shard: one of so many, as in 1/4"


@dataclass(frozen=True)
class Device:
    """What a worker trains on."""

    kind: Literal["auto", "cpu", "gpu"] = "auto"
    gpu: str | None = None  # as `CUDA_VISIBLE_DEVICES` names it; None: the first that TensorFlow sees, if any
    sharing: int = 1  # how many workers share that GPU, and its memory


@dataclass(frozen=True)
class Shard:
    """One of several parts of a plan, to be trained each on a machine of its own."""

    index: int  # from 1
    of: int

    def __post_init__(self) -> None:
        if not (_whole(self.index, 1) and _whole(self.of, self.index)):
            raise UserError(f"{_SHARD}, not {self.index!r}/{self.of!r}")

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """`1/4`.  Raises UserError for anything else."""
        if match := re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text):
            return cls(int(match[1]), int(match[2]))
        raise UserError(f"{_SHARD}, not {text!r}")


@dataclass(frozen=True)
class Options:
    """The execution of a run."""

    jobs: int | Literal["auto"] = "auto"
    """Worker processes; `auto`: as many as the available cores and memory carry (with `device="gpu"`: one a GPU)."""
    threads: int = 1  # of each worker
    device: Literal["auto", "cpu", "gpu"] = "auto"
    data_folder: Path | None = None  # where datasets are looked for first
    retry_failed: bool = False  # train again what failed before
    force: bool = False
    """Train again what has a record, whatever it says; the record is replaced when the new one is there."""
    fail_fast: bool = False  # stop at the first failure
    max_failures: int = 3  # stop after so many identical consecutive failures; 0: never
    timeout: float | None = None
    """Seconds that a trial may take, from its start in a worker; then the worker is ended and the trial has failed."""
    budget: float | None = None
    """Seconds after which no seed is started; nor one that is unlikely to finish within them."""
    retries: int | None = None  # when a worker dies; None: none on this machine, two on others
    shard: Shard | None = None  # which part of the plan is trained here
    engine: Literal["local", "dask"] = "local"
    scheduler: str | None = None  # address of the Dask scheduler to use; None: a cluster of this machine
    resume: str = ""  # the command that would go on with this run, shown when it is interrupted
    trainer: str = "bnexp.training:Trainer"
    """What trains in the worker, as `module:attribute`; called with `device`, `threads`, `data_folder`."""
    start_timeout: float = 300
    """Seconds within which a worker must be ready, or say whether a user's own layer works."""
    trials_per_worker: int = 200  # a worker is replaced after so many trials,
    growth: int = 500_000_000  # or when it holds so many bytes more than after its first one

    def __post_init__(self) -> None:
        rules = [
            (self.jobs == "auto" or _whole(self.jobs, 1), "jobs: a whole number from 1, or 'auto'", self.jobs),
            (_whole(self.threads, 1), "threads: a whole number from 1", self.threads),
            (self.device in ("auto", "cpu", "gpu"), "device: 'auto', 'cpu' or 'gpu'", self.device),
            (_whole(self.max_failures, 0), "max_failures: a whole number from 0 (never)", self.max_failures),
            (self.retries is None or _whole(self.retries, 0), "retries: a whole number from 0", self.retries),
            (_duration(self.timeout), "timeout: a number of seconds above 0", self.timeout),
            (_duration(self.budget), "budget: a number of seconds above 0", self.budget),
            (self.engine in ("local", "dask"), "engine: 'local' or 'dask'", self.engine),
        ]
        for kept, rule, value in rules:
            if not kept:
                raise UserError(f"{rule}, not {value!r}")
        if self.scheduler is not None and self.engine != "dask":
            raise UserError("scheduler: the address of a Dask scheduler, which takes engine='dask'")

    @property
    def tries(self) -> int:
        """How often a trial is begun at most, where its worker is lost each time."""
        return 1 + ((2 if self.engine == "dask" else 0) if self.retries is None else self.retries)


def workers(options: Options, trials: int) -> int:
    """How many worker processes `trials` trials get, at least one."""
    if options.jobs != "auto":
        wanted = options.jobs
    elif options.device == "gpu":
        wanted = len(available_gpus())
    else:
        wanted = min(available_cores() // options.threads, available_memory() // WORKER_MEMORY)
    return max(1, min(wanted, trials))


def devices(options: Options, count: int, gpus: Sequence[str] | None = None) -> tuple[Device, ...]:
    """The devices of `count` workers of this machine: its GPUs in turn, by default those that it is known to have."""
    if options.device == "cpu":
        return (Device("cpu"),) * count
    found = (available_gpus() if gpus is None else gpus) or (None,)
    sharing = [len(range(k, count, len(found))) for k in range(len(found))]
    return tuple(Device(options.device, found[k % len(found)], sharing[k % len(found)]) for k in range(count))


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _duration(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and 0 < value < math.inf)
