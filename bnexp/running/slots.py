"""What each worker of a run is at, which compiled models it has, and whether it is to be replaced."""

import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bnexp.records.record import Progress
from bnexp.running.engine import Worker
from bnexp.running.options import Options
from bnexp.running.survey import Task
from bnexp.specs.workers import MODELS_KEPT, model_key


@dataclass(frozen=True)
class Starting:
    """Not ready yet."""


@dataclass(frozen=True)
class Idle:
    """Ready, and at nothing."""


@dataclass(frozen=True)
class Trying:
    """At a user's own layer, to see whether it works."""

    task: Task


@dataclass(frozen=True)
class Training:
    """At a trial."""

    task: Task
    progress: Progress | None = None
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


class Slot:
    """A place that has one worker, and is in one state at a time; it is gone with its worker."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.models: deque[str] = deque(maxlen=MODELS_KEPT)  # keys of the compiled models that the worker has
        self._trials = 0
        self._memory_at_first: int | None = None
        self.become(Starting())

    def become(self, state: Starting | Idle | Trying | Training) -> None:
        """Enter a state at this moment."""
        self.state = state
        self.since = time.monotonic()
        self.late = False  # whether the worker was ended because the state lasted too long

    def train(self, task: Task) -> None:
        """Be at a task from now on."""
        key = model_key(task.trial.spec)
        if key in self.models:  # the last used are kept
            self.models.remove(key)
        self.models.append(key)
        self.become(Training(task))

    def progressed(self, progress: Progress) -> Task | None:
        """The trial at hand, which is returned, is so far; None where its end was heard first, over another wire."""
        if not isinstance(self.state, Training):
            return None
        self.state = replace(self.state, progress=progress)
        return self.state.task

    def stop_if_late(self, options: Options) -> None:
        """End the worker where its state has lasted too long.

        Again at each call: a task that waits for its place on another machine cannot be ended before it has begun.
        """
        limit = {Idle: None, Training: options.timeout}.get(type(self.state), options.start_timeout)
        if limit is not None and time.monotonic() - self.since > limit:
            self.late = True
            self.worker.stop()

    def worn_out(self, memory: int | None, options: Options) -> bool:
        """Whether the worker, which now holds `memory` bytes after one more trial, is to be replaced."""
        self._trials += 1
        if self._memory_at_first is None:
            self._memory_at_first = memory
        grown = memory is not None and memory - (self._memory_at_first or 0) > options.growth
        return grown or self._trials >= options.trials_per_worker
