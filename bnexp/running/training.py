"""What a worker is at, and what it has been used for."""

import time
from datetime import UTC, datetime

from bnexp.records.record import Progress
from bnexp.running.options import Options
from bnexp.running.survey import Task


class Training:
    """A task that a worker is at."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.since = time.monotonic()
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.progress: Progress | None = None
        self.late = False
        """Whether it was ended because it took too long."""


class Use:
    """What a worker has been used for."""

    def __init__(self) -> None:
        self._trials = 0
        self._at_first: int | None = None

    def worn_out(self, memory: int | None, options: Options) -> bool:
        """Whether a worker that now holds `memory` bytes between two trials is to be replaced."""
        self._trials += 1
        if self._at_first is None:
            self._at_first = memory
        grown = memory is not None and self._at_first is not None and memory - self._at_first > options.growth
        return grown or self._trials >= options.trials_per_worker
