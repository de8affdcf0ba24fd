"""The worker process: `python -m bnexp.running.worker SETTINGS`, started by `running.pool` and by nothing else.

Commands come in over stdin, events go out over a descriptor that the settings name (`running.protocol`).  The end of
stdin means that the parent is gone or wants no more: the process then ends at once, with everything that it started.
Its descriptors 1 and 2 go to a log from the start, so that what C++ libraries print lands there too.
"""

import ctypes
import faulthandler
import importlib
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bnexp import __version__
from bnexp.errors import UserError
from bnexp.records.record import Failure, Progress, TrialRecord
from bnexp.running.libraries import unmap_unused_pages
from bnexp.running.protocol import (
    Check,
    Checked,
    Command,
    Event,
    Failed,
    Finished,
    Progressed,
    Ready,
    Settings,
    Train,
    Unable,
    decode,
    encode,
)
from bnexp.specs.trial import PROTOCOL, Trial

Trainer = Callable[[Trial, Callable[[Progress], None]], TrialRecord]

_PROGRESS_INTERVAL = 0.1  # seconds; more often than this nobody looks
_PREFACE_BYTES = 1 << 16
"""How much of what was printed before the first trial stands at the top of each trial's log."""
_PR_SET_PDEATHSIG = 1
_SPARED = ("pandas", "matplotlib", "sklearn")
"""Keras imports these where they are installed, for what no trial does (`fit` with data frames, plots, wrappers): 50 to
130 MB of a worker, and a second of its start."""


def main() -> None:
    """Make the trainer, then train what is asked for, until the end of stdin."""
    settings: Settings = decode(sys.argv[1])
    _die_with(settings.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends the workers
    faulthandler.enable()
    events = _Events(settings.events)
    commands = _listen()
    try:
        trainer = trainer_maker(settings.trainer)(
            device=settings.device,
            threads=settings.threads,
            data_folder=Path(settings.data_folder) if settings.data_folder else None,
        )
        description = trainer.describe()
        unmap_unused_pages()
    except (Exception, SystemExit) as error:
        events.send(Unable(_failure(error)))
        return
    _flush()
    start_log = os.dup(1)
    preface = os.pread(start_log, _PREFACE_BYTES, 0)
    events.send(Ready(description, __version__, PROTOCOL))
    while True:
        match commands.get():
            case Check(trial):
                events.send(_checked(trainer, trial))
            case Train(trial, log):
                events.send(_trained(trainer, trial, log, preface, events.progress))
                _output_to(start_log)


def _checked(trainer: Any, trial: dict[str, Any]) -> Checked:
    try:
        trainer.check(Trial.from_json(trial))
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return Checked(_failure(error))
    finally:
        _flush()
    return Checked(None)


def _trained(
    trainer: Trainer, trial: dict[str, Any], log: str, preface: bytes, progress: Callable[[Progress], None]
) -> Finished | Failed:
    try:
        _output_to_file(log, preface)
        record = trainer(Trial.from_json(trial), progress).model_dump_json()
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return Failed(_failure(error), _memory())
    finally:
        _flush()
    return Finished(record, _memory())


class _Events:
    """The way out.  Only the main thread writes."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # a process that the trainer starts must not keep it open
        self._descriptor = descriptor
        self._last_progress = 0.0

    def send(self, event: Event) -> None:
        line = memoryview(encode(event))
        while line:
            line = line[os.write(self._descriptor, line) :]

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_INTERVAL:
            self._last_progress = now
            self.send(Progressed(progress))


def _listen() -> "queue.SimpleQueue[Command]":
    """Commands as they come, read by a thread of its own, which ends this process when stdin ends."""
    incoming = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # nobody else's code shall read our commands
    os.close(nothing)
    commands: queue.SimpleQueue[Command] = queue.SimpleQueue()

    def read() -> None:
        for line in incoming:
            commands.put(decode(line))
        _end()

    threading.Thread(target=read, name="commands", daemon=True).start()
    return commands


def _end() -> None:
    """End this process and what it started, without any further code of theirs."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _die_with(parent: int) -> None:
    """Ask Linux to kill this process when its parent dies, however busy it is then."""
    if sys.platform != "linux":
        return  # the end of stdin must do
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        _end()


def _memory() -> int | None:
    """Bytes that this process holds at this moment; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def trainer_maker(name: str) -> Callable[..., Any]:
    """What `module:attribute` names, imported without the packages that Keras can do without."""
    module, _, attribute = name.partition(":")
    with _absent(_SPARED):
        factory: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return factory


@contextmanager
def _absent(names: tuple[str, ...]) -> Iterator[None]:
    """Within it these cannot be imported, as if they were not installed; afterwards a user's module can."""
    modules: dict[str, Any] = sys.modules  # None stands for a module that is not to be had
    blocked = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(blocked))
    try:
        yield
    finally:
        for name in blocked:
            if modules.get(name, modules) is None:
                del modules[name]


def _failure(error: BaseException) -> Failure:
    """A fault that the user can mend is told without a traceback."""
    if isinstance(error, UserError):
        return Failure(kind="UserError", message=str(error), traceback="")
    text = "".join(traceback.format_exception(error))
    return Failure(kind=type(error).__name__, message=str(error), traceback=text)


def _output_to_file(path: str, preface: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
    os.write(descriptor, preface)
    _output_to(descriptor)
    os.close(descriptor)


def _output_to(descriptor: int) -> None:
    """Let everything that is printed from now on, by Python or below it, go there."""
    _flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


if __name__ == "__main__":
    main()
