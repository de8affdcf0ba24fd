"""The worker process: `python -m bnexp.running.worker SOCKET PARENT TRAINER DEVICE THREADS [DATA_FOLDER]`.

It is started by `running.pool` and by nothing else.  Commands come in and events go out over the socket
(`running.protocol`), whose end means that the parent is gone or wants no more: the process then ends at once, with
everything that it started.  Its descriptors 1 and 2 go to a log from the start, so that what C++ libraries print lands
there too.
"""

import ctypes
import faulthandler
import gc
import os
import queue
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bnexp import __version__
from bnexp.errors import UserError
from bnexp.lazy import attribute
from bnexp.records.record import Failure, Progress
from bnexp.running.protocol import Check, Checked, Command, Progressed, Ready, Train, Trained, Unable
from bnexp.specs.trial import PROTOCOL
from bnexp.usercode.importing import is_theirs, its_own

_PROGRESS_INTERVAL = 0.1  # seconds; more often than this nobody looks
_PREFACE_BYTES = 1 << 16  # of what was printed before the first trial, at the top of each trial's log
_PR_SET_PDEATHSIG = 1
_SMAPS = Path("/proc/self/smaps")
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ +(/.+)")
_MADV_DONTNEED = 4
_SPARED = ("pandas", "matplotlib", "sklearn", "scipy", "psutil")
"""Keras and TensorFlow import these where they are installed, for what no trial does (`fit` with data frames or sparse
matrices, plots, wrappers, saving in parts): 50 to 130 MB of a worker, and a second of its start."""


def main() -> None:
    """Make the trainer, then train what is asked for, until the end of the socket.  Only this thread sends."""
    descriptor, parent, maker, device, threads, *data_folder = sys.argv[1:]
    if sys.platform == "linux":  # elsewhere the end of the socket must do, however busy this process is then
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(parent):  # it died before we asked to be killed when it dies
            _end()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends the workers
    faulthandler.enable()
    os.set_inheritable(int(descriptor), False)  # a process that the trainer starts must not keep it open
    wire = Connection(int(descriptor))
    commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(wire, commands), name="commands", daemon=True).start()
    try:
        trainer = trainer_maker(maker)(
            device=device, threads=int(threads), data_folder=Path(data_folder[0]) if data_folder else None
        )
        ready = Ready(trainer.describe(), __version__, PROTOCOL)
        unmap_unused_pages()
    except (Exception, SystemExit) as error:
        wire.send(Unable(_failure(error)))
        return
    _flush()
    start_log = os.dup(1)
    preface = os.pread(start_log, _PREFACE_BYTES, 0)
    wire.send(ready)
    while True:
        match commands.get():
            case Check(trial):
                wire.send(Checked(_tried(trainer.check, trial), trainer.altered()))
            case Train() as command:
                result = _tried(_record, trainer, command, preface, _teller(wire))
                wire.send(Trained(result, _memory_bytes(), altered=trainer.altered()))
                _output_to(start_log)


def _record(trainer: Any, command: Train, preface: bytes, tell: Callable[[Progress], None]) -> str:
    """Train a trial with all that is printed in its own log; its record as JSON."""
    log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
    os.write(log, preface)
    _output_to(log)
    os.close(log)
    return str(trainer(command.trial, tell).model_dump_json())


def _tried(action: Callable[..., Any], *arguments: object) -> Any:
    """What an action returns; where it raises, the failure, whose traceback is printed."""
    try:
        return action(*arguments)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return _failure(error)
    finally:
        _flush()


def _teller(wire: Connection) -> Callable[[Progress], None]:
    """What a trainer is given to tell of its progress: some of it is passed on."""
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _PROGRESS_INTERVAL:
            last = now
            wire.send(Progressed(progress))

    return tell


def _listen(wire: Connection, commands: "queue.SimpleQueue[Command]") -> None:
    """Pass on commands as they come, in a thread of its own; end this process when no more can come."""
    try:
        while True:
            commands.put(wire.recv())
    finally:
        _end()


def _end() -> None:
    """End this process and what it started, without any further code of theirs."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _memory_bytes() -> int | None:
    """What this process holds at this moment; None where the system does not say."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def trainer_maker(name: str) -> Any:
    """What `module:attribute` names, imported without the packages that Keras can do without.

    Nor does Python look for garbage among what is imported, then or later: a fifth of a second.
    """
    gc.disable()
    try:
        with _absent(_SPARED):
            return attribute(name)
    finally:
        gc.freeze()
        gc.enable()


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
    """A fault that the user can mend is told without a traceback, one of his code with his lines of it."""
    if isinstance(error, UserError):
        return Failure(kind="UserError", message=str(error), traceback="")
    if is_theirs(error):
        said, _, below = its_own(error).partition("\n")
        kind, colon, message = said.partition(": ")
        return Failure(kind=kind if colon else type(error).__name__, message=message or said, traceback=below)
    return Failure(kind=type(error).__name__, message=str(error), traceback="".join(traceback.format_exception(error)))


def _output_to(descriptor: int) -> None:
    """Let everything that is printed from now on, by Python or below it, go there."""
    _flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def unmap_unused_pages() -> None:
    """Unmap what this process never wrote to in its shared libraries: pages that were needed to import them alone.

    Importing TensorFlow touches some 360 MB of its libraries, for relocations and static initialization; a training
    needs 75 MB of them.  They cost the machine nothing it could not take back, since they are the files' own, but they
    count as resident, which is what job schedulers hold against a limit.  What is used again comes back by itself from
    the system's cache of files, so that results and speed do not change.  Linux only; elsewhere nothing happens.
    """
    try:
        text = _SMAPS.read_text(errors="replace")
    except OSError:
        return
    advise = ctypes.CDLL(None).madvise
    for start, end in unwritten(text):
        advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)  # advice: it may be declined


def unwritten(smaps: str) -> Iterator[tuple[int, int]]:
    """First and last address of each private mapping of a library that cannot be written to and never was."""
    mapping = None
    for line in smaps.splitlines():
        if found := _MAPPING.fullmatch(line):
            mapping = found
        elif line.startswith("Anonymous:") and mapping is not None:
            start, end, may, path = mapping.groups()
            # Pages that were written to (relocations) count as anonymous: they would come back without it.
            if ".so" in Path(path).name and may[1] == "-" and may[3] == "p" and line.split()[1] == "0":
                yield int(start, 16), int(end, 16)
            mapping = None


if __name__ == "__main__":
    main()
