"""Users' own layers, each tried by a worker before anything is trained: whether one works, only trying tells."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from bnexp.errors import UserError
from bnexp.records.record import Failure
from bnexp.running.engine import Event, Slot
from bnexp.running.progress import duration, last_lines
from bnexp.running.survey import Task
from bnexp.usercode.code import code_of


class OwnLayers:
    """One model after the other that holds a user's own layer, until all have been tried."""

    def __init__(self, waiting: Iterable[Task], limit: float) -> None:
        """`limit`: seconds that a try may take."""
        self._tasks = _models(waiting)
        self._limit = limit
        self._slot: Slot | None = None
        self._since = 0.0
        self._refusals: list[str] = []

    @property
    def untried(self) -> bool:
        """Whether any is left, or being tried."""
        return bool(self._tasks)

    @property
    def wants_slot(self) -> bool:
        """Whether the next can be tried."""
        return self.untried and self._slot is None

    def try_next(self, slot: Slot) -> None:
        """Let this slot try the next one."""
        self._slot, self._since = slot, time.monotonic()
        slot.check(self._tasks[0].trial)

    def tried_by(self, slot: Slot) -> bool:
        """Whether the slot is at one."""
        return slot is self._slot

    def answered(self, failure: Failure | None) -> None:
        """What the slot found.  Raises UserError after the last if any did not work."""
        self._slot = None
        task = self._tasks.popleft()
        if failure is not None:
            reason = failure.message if failure.kind == "UserError" else failure.traceback
            self._refusals.append(f"{_name(task)}: {reason.strip()}")
        if self._refusals and not self._tasks:
            raise UserError("\n".join(self._refusals))

    def stop_late_one(self) -> None:
        """End the slot that takes too long."""
        if self._slot is not None and self._late():
            self._slot.stop()

    def lost(self, event: Event) -> UserError:
        """The slot has ended while it tried one, which is that one's doing or its own end for being late."""
        told = f"it took more than {duration(self._limit)}" if self._late() else event["message"]
        task = self._tasks[0]
        return UserError(
            f"{_name(task)}: norm {task.trial.spec.norm.name}: the worker ended while it tried the layer: {told}\n"
            f"{last_lines(event['log'])}"
        )

    def _late(self) -> bool:
        return time.monotonic() - self._since > self._limit


def _name(task: Task) -> str:
    return f"{task.experiment}, variant {task.variant}"


def _models(waiting: Iterable[Task]) -> deque[Task]:
    """One task for each model with a user's own layer in it."""
    found: dict[tuple[Any, ...], Task] = {}
    for task in waiting:
        spec = task.trial.spec
        if "norm" in code_of(spec, task.trial.search_path):
            # The optimizer, batch size and length make no difference to the layer.
            key = (spec.data.name, spec.data.source, repr(spec.model), repr(spec.norm), task.trial.search_path)
            found.setdefault(key, task)
    return deque(found.values())
