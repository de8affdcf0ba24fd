"""What runs inside a Dask worker: it passes commands to a worker process of ours, and answers what that said.

Trials are trained in `running.worker`, as on one machine: with the same environment, in a process that may die without
the Dask worker, one for each slot, kept from trial to trial with its compiled models.
"""

import os
import select
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bnexp import __version__
from bnexp.running.engine import Event
from bnexp.running.options import Options
from bnexp.running.pool import Worker
from bnexp.specs.trial import PROTOCOL, Trial

IDLE_SECONDS = 120.0
"""A worker process that nobody has asked anything for so long is ended: its client is gone."""

_LOOK = 0.25  # seconds between two looks at whether the client still wants the answer
_LOG_BYTES = 10_000_000  # of a trial's log, its end, is sent back

_held: dict[str, "_Held"] = {}
_lock = threading.Lock()


@dataclass
class _Held:
    """The worker process of one slot."""

    worker: Worker
    busy: bool = False
    last_used: float = field(default_factory=time.monotonic)


def start(slot: str, options: Options, wanted: Callable[[], bool]) -> Event:
    """Start the worker process of a slot: `ready`, `unable` or `ended`.  `ready` tells the version of this package."""
    with _lock:
        if not any(thread.name == "bnexp-idle" for thread in threading.enumerate()):
            threading.Thread(target=_end_idle_ones, name="bnexp-idle", daemon=True).start()
        held = _held[slot] = _Held(Worker(options), busy=True)
    answer = _answer(slot, held, wanted, lambda _: None)
    return {**answer, "version": __version__, "protocol": PROTOCOL}


def check(slot: str, options: Options, trial: Trial, wanted: Callable[[], bool]) -> Event:
    """Try a user's own layer: `checked`, or `ended`."""
    held = _ready(slot, options, wanted)
    if not isinstance(held, _Held):
        return held
    held.worker.check(trial)
    return _answer(slot, held, wanted, lambda _: None)


def train(
    slot: str, options: Options, trial: Trial, wanted: Callable[[], bool], tell: Callable[[Event], None]
) -> Event:
    """Train a trial: `done`, `failed` or `ended`, with what it printed as `output`.

    `tell` is given `begun` and each `progress`; where `wanted` says no, the worker process is ended.
    """
    held = _ready(slot, options, wanted)
    if not isinstance(held, _Held):
        return held
    with tempfile.TemporaryDirectory(prefix="bnexp-") as folder:
        log = Path(folder) / "run.log"
        tell({"event": "begun"})
        held.worker.give(trial, log)
        answer = _answer(slot, held, wanted, tell)
        return {**answer, "output": _tail(log)}


def release(slots: list[str]) -> None:
    """End the worker processes of some slots, whatever they are at."""
    for slot in slots:
        with _lock:
            held = _held.get(slot)
        if held is None:
            continue
        held.worker.kill()  # who waits for its answer is told `ended`, and closes it
        with _lock:
            if not held.busy and _held.get(slot) is held:
                del _held[slot]
                held.worker.close()


def _ready(slot: str, options: Options, wanted: Callable[[], bool]) -> "_Held | Event":
    """The slot's process, marked as busy; a new one where it was ended for being idle.  `failed` or `ended` if none is.

    That an idle process was ended is no fault of the trial that comes next.
    """
    for _ in range(2):
        with _lock:
            held = _held.get(slot)
            if held is not None:
                held.busy = True
                return held
        answer = start(slot, options, wanted)
        if answer["event"] == "unable":
            return {"event": "failed", "failure": answer["failure"]}
        if answer["event"] == "ended":
            return answer
    told = "its process was ended while it waited"
    return {"event": "ended", "kind": "lost", "message": told, "log": "", "peak_memory_bytes": None}


def _answer(slot: str, held: _Held, wanted: Callable[[], bool], tell: Callable[[Event], None]) -> Event:
    """The next word of the worker process that is not progress."""
    answer: Event | None = None
    while answer is None:
        if not wanted():
            held.worker.kill()
        select.select([held.worker.fileno()], [], [], _LOOK)
        for event in held.worker.events():
            if event["event"] == "progress":
                tell(event)
            elif answer is None:
                answer = event
    with _lock:
        held.busy, held.last_used = False, time.monotonic()
        if answer["event"] in ("ended", "unable"):
            _held.pop(slot, None)
            held.worker.close()
    return answer


def _end_idle_ones() -> None:
    while True:
        time.sleep(min(5.0, IDLE_SECONDS / 4))
        limit = time.monotonic() - IDLE_SECONDS
        with _lock:
            old = [slot for slot, held in _held.items() if not held.busy and held.last_used < limit]
        release(old)


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def in_dask(do: str, slot: str, number: int, topic: str, *, options: Options, **arguments: Any) -> Event:
    """The task that a Dask worker runs: one of `start`, `check`, `train`, its progress logged under a topic."""
    import distributed  # noqa: PLC0415  # an extra of this package

    dask = distributed.get_worker()
    key = dask.get_current_task()

    def wanted() -> bool:
        task = dask.state.tasks.get(key)
        return task is not None and task.state == "executing"

    def tell(event: Event) -> None:
        dask.log_event(topic, {**event, "slot": slot, "number": number})

    if do == "train":
        return train(slot, options, arguments["trial"], wanted, tell)
    if do == "check":
        return check(slot, options, arguments["trial"], wanted)
    return start(slot, options, wanted)
