"""What runs inside a Dask worker: it passes commands to a worker process of ours, and answers what that said.

Trials are trained in `running.worker`, as on one machine: with the same environment, in a process that may die without
the Dask worker, one for each key, kept from trial to trial with its compiled models.
"""

import pickle
import select
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bnexp.running.options import Device, Options
from bnexp.running.pool import Worker
from bnexp.running.protocol import Begun, Checked, Command, Ended, Event, Progressed, Train, Trained, Unable

IDLE_SECONDS = 120.0
"""A worker process that nobody has asked anything for so long is ended: its client is gone."""

_LOOK = 0.25  # seconds between two looks at whether the client still wants the answer
_LOG_BYTES = 10_000_000  # of a trial's log, its end, is sent back


@dataclass
class _Held:
    """A worker process, and what will end it; None while somebody waits for its answer."""

    worker: Worker
    idle: threading.Timer | None = None


_held: dict[str, _Held] = {}
_lock = threading.Lock()


def ask(
    key: str,
    command: Command | None,
    make: Callable[[], Worker],
    wanted: Callable[[], bool] = lambda: True,
    tell: Callable[[Event], None] = lambda _: None,
) -> Event:
    """The answer of a worker process to a command; `Ready`, `Unable` or `Ended` where it is only to be there.

    It is made where there is none under this key: at first, and where it was ended for being idle, which is no fault of
    the trial that comes next.  Where `wanted` says no, it is ended.  `tell` is given `Begun` and each `Progressed`.
    """
    with _lock:
        new = key not in _held
        if new:
            _held[key] = _Held(make())
        held = _held[key]
        if held.idle:
            held.idle.cancel()
        held.idle = None
    answer = _answer(held.worker, wanted, tell) if new else None
    if command is not None and not isinstance(answer, Unable | Ended):
        answer = _obeyed(held.worker, command, wanted, tell)
    assert answer is not None
    with _lock:
        if isinstance(answer, Ended | Unable):
            _held.pop(key, None)
            held.worker.close()
        else:
            held.idle = threading.Timer(IDLE_SECONDS, release, [[key]])
            held.idle.daemon = True
            held.idle.start()
    if isinstance(answer, Unable) and command is not None:
        return Trained(answer.failure) if isinstance(command, Train) else Checked(answer.failure)
    return answer


def _obeyed(worker: Worker, command: Command, wanted: Callable[[], bool], tell: Callable[[Event], None]) -> Event:
    """The answer to a command; with what was printed, if it was to train a trial."""
    with tempfile.TemporaryDirectory(prefix="bnexp-") as folder:
        log = Path(folder) / "run.log"
        if isinstance(command, Train):
            tell(Begun())
            command = replace(command, log=str(log))
        worker.say(command)
        answer = _answer(worker, wanted, tell)
        if isinstance(command, Train) and isinstance(answer, Trained | Ended):
            printed = b""
            if log.exists():
                with log.open("rb") as file:
                    file.seek(max(0, log.stat().st_size - _LOG_BYTES))
                    printed = file.read()
            return replace(answer, output=printed.decode(errors="replace"))
        return answer


def _answer(worker: Worker, wanted: Callable[[], bool], tell: Callable[[Event], None]) -> Event:
    """The next word of the worker process that is not progress."""
    while True:
        if not wanted():
            worker.kill()
        select.select([worker.fileno()], [], [], _LOOK)
        answer: Event | None = None
        for event in worker.events():
            if isinstance(event, Progressed):
                tell(event)
            else:
                answer = answer or event
        if answer is not None:
            return answer


def release(keys: list[str]) -> None:
    """End the worker processes under some keys, whatever they are at."""
    for key in keys:
        with _lock:
            held = _held.get(key)
        if held is None:
            continue
        held.worker.kill()  # who waits for its answer is told `Ended`, and closes it
        with _lock:
            if held.idle and _held.get(key) is held:
                held.idle.cancel()
                del _held[key]
                held.worker.close()


def in_dask(key: str, topic: str, command: Command | None, options: Options, device: Device) -> Event:
    """The task that a Dask worker runs: a command to a worker process, its progress logged under a topic."""
    import distributed  # noqa: PLC0415  # an extra of this package

    dask = distributed.get_worker()
    task = dask.get_current_task()

    def wanted() -> bool:
        state = dask.state.tasks.get(task)
        return state is not None and state.state == "executing"

    def tell(event: Event) -> None:
        dask.log_event(topic, (task, pickle.dumps(event)))

    return ask(key, command, partial(Worker, options, device), wanted, tell)
