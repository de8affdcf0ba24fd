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
from dataclasses import dataclass, field, replace
from pathlib import Path

from bnexp.running.options import Device, Options
from bnexp.running.pool import Worker
from bnexp.running.protocol import Begun, Ended, Event, Failed, Finished, Progressed, Unable, encode
from bnexp.specs.trial import Trial

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


@dataclass(frozen=True)
class Asked:
    """What one task of a Dask worker is about."""

    slot: str
    """The key of the worker process."""
    options: Options
    device: Device
    wanted: Callable[[], bool] = lambda: True
    """Where it says no, the worker process is ended."""
    tell: Callable[[Event], None] = lambda _: None
    """It is given `Begun` and each `Progressed`."""


def start(asked: Asked) -> Event:
    """Start the worker process of a slot: `Ready`, `Unable` or `Ended`."""
    with _lock:
        if not any(thread.name == "bnexp-idle" for thread in threading.enumerate()):
            threading.Thread(target=_end_idle_ones, name="bnexp-idle", daemon=True).start()
        held = _held[asked.slot] = _Held(Worker(asked.options, asked.device), busy=True)
    return _answer(asked, held)


def check(asked: Asked, trial: Trial) -> Event:
    """Try a user's own layer: `Checked`, or `Ended`."""
    held = _ready(asked)
    if not isinstance(held, _Held):
        return held
    held.worker.check(trial)
    return _answer(asked, held)


def train(asked: Asked, trial: Trial) -> Event:
    """Train a trial: `Finished`, `Failed` or `Ended`, with what it printed."""
    held = _ready(asked)
    if not isinstance(held, _Held):
        return held
    with tempfile.TemporaryDirectory(prefix="bnexp-") as folder:
        log = Path(folder) / "run.log"
        asked.tell(Begun())
        held.worker.train(trial, log)
        answer = _answer(asked, held)
        return replace(answer, output=_tail(log)) if isinstance(answer, Finished | Failed | Ended) else answer


def release(slots: list[str]) -> None:
    """End the worker processes of some slots, whatever they are at."""
    for slot in slots:
        with _lock:
            held = _held.get(slot)
        if held is None:
            continue
        held.worker.kill()  # who waits for its answer is told `Ended`, and closes it
        with _lock:
            if not held.busy and _held.get(slot) is held:
                del _held[slot]
                held.worker.close()


def _ready(asked: Asked) -> "_Held | Event":
    """The slot's process, marked as busy; a new one where it was ended for being idle.  `Failed` or `Ended` if none is.

    That an idle process was ended is no fault of the trial that comes next.
    """
    for _ in range(2):
        with _lock:
            held = _held.get(asked.slot)
            if held is not None:
                held.busy = True
                return held
        match start(asked):
            case Unable(failure):
                return Failed(failure)
            case Ended() as ended:
                return ended
    return Ended("lost", "its process was ended while it waited")


def _answer(asked: Asked, held: _Held) -> Event:
    """The next word of the worker process that is not progress."""
    answer: Event | None = None
    while answer is None:
        if not asked.wanted():
            held.worker.kill()
        select.select([held.worker.fileno()], [], [], _LOOK)
        for event in held.worker.events():
            if isinstance(event, Progressed):
                asked.tell(event)
            elif answer is None:
                answer = event
    with _lock:
        held.busy, held.last_used = False, time.monotonic()
        if isinstance(answer, Ended | Unable):
            _held.pop(asked.slot, None)
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


def in_dask(
    do: str, slot: str, number: int, topic: str, *, options: Options, device: Device, trial: Trial | None = None
) -> bytes:
    """The task that a Dask worker runs: one of `start`, `check`, `train`, its progress logged under a topic."""
    import distributed  # noqa: PLC0415  # an extra of this package

    dask = distributed.get_worker()
    key = dask.get_current_task()

    def wanted() -> bool:
        task = dask.state.tasks.get(key)
        return task is not None and task.state == "executing"

    def tell(event: Event) -> None:
        dask.log_event(topic, {"slot": slot, "number": number, "event": encode(event)})

    asked = Asked(slot, options, device, wanted, tell)
    if trial is None:
        return encode(start(asked))
    return encode(train(asked, trial) if do == "train" else check(asked, trial))
