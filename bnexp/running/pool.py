"""The local engine: worker processes of this machine, and the sockets to them; one trial a worker at a time."""

import os
import selectors
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path

import bnexp
from bnexp.machine import out_of_memory_kills
from bnexp.records.environment import peak_memory
from bnexp.running.engine import Engine
from bnexp.running.options import Device, Options, devices, workers
from bnexp.running.protocol import Command, Ended, Event
from bnexp.specs.workers import GPU_SHARING

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "1",  # warnings and errors, into run.log
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "PYTHONUNBUFFERED": "1",  # what was printed before a crash must be in the log
    "PYTHONFAULTHANDLER": "1",
}


class Worker:
    """A process of its own session: no Ctrl-C of the terminal reaches it, and it can be killed with all it started."""

    def __init__(self, options: Options, device: Device) -> None:
        self.device = device
        self._memory_kills = out_of_memory_kills()
        self._peak_memory: int | None = None
        # What the system tells as the peak of a process that has ended begins with that of the one that forked it.
        self._inherited_memory = peak_memory()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the worker
        self._wire, theirs = Pipe()
        settings = [theirs.fileno(), os.getpid(), options.trainer, device.kind, options.threads]
        settings += [options.data_folder.absolute()] if options.data_folder else []
        with theirs:
            self._process = subprocess.Popen(
                # -P: a file of the current folder that is called like a module must not be taken for it
                [sys.executable, "-P", "-m", "bnexp.running.worker", *map(str, settings)],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno()],
                env=environment(options, device),
                start_new_session=True,
            )

    def fileno(self) -> int:
        """The descriptor that its events come from."""
        return self._wire.fileno()

    def say(self, command: Command) -> None:
        """Have it do something; that it is gone shows by its next event."""
        with suppress(OSError):
            self._wire.send(command)

    def events(self) -> list[Event]:
        """What it has said since; the last one is `Ended` if it is gone."""
        said: list[Event] = []
        try:
            while self._wire.poll():
                said.append(self._wire.recv())
        except (EOFError, OSError):  # perhaps in the middle of a message
            said.append(self._ending())
        return said

    def _ending(self) -> Ended:
        code = self.exit_code()
        names = {-number: number.name for number in signal.Signals}  # a real-time signal has none
        told = f"exit code {code}" if code >= 0 else f"killed by {names.get(code, f'signal {-code}')}"
        if code == -signal.SIGKILL and out_of_memory_kills() > self._memory_kills:
            told += ", as the machine or the container had run out of memory"
        self._log.seek(0)
        printed = self._log.read().decode(errors="replace")
        return Ended("signal" if code < 0 else "exit", told, printed, self._peak_memory)

    def kill(self) -> None:
        """End it and everything it started, now."""
        if self._process.returncode is None:  # once waited for, its number may be another's
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    stop = kill

    def exit_code(self) -> int:
        """Its exit code, or minus the signal that ended it; it is ended if it still lives.

        One that is gone by itself keeps its own code: killing it then ends only what it has left behind.
        """
        self.kill()
        if self._process.returncode is None:
            # Not `Popen.wait`, which does not tell how much memory the process had.
            _, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            self._peak_memory = peak if peak > self._inherited_memory else None
        return self._process.returncode

    def close(self) -> None:
        """End it and free what it held."""
        self.exit_code()
        self._wire.close()
        self._log.close()


class Pool(Engine):
    """Workers on this machine: as many as the options say, or its cores and memory carry."""

    def __init__(self, options: Options, trials: int = 1) -> None:
        super().__init__(options)
        self._devices = devices(options, workers(options, trials))

    def __exit__(self, *exception: object) -> None:
        self.kill()
        for worker in list(self._workers):
            self.remove(worker)
        self._selector.close()

    def capacity(self) -> int:
        return len(self._devices)

    def start(self) -> Worker:
        worker = Worker(self._options, self._free_device())
        self._workers.append(worker)
        self._selector.register(worker, selectors.EVENT_READ)
        return worker

    def remove(self, worker: Worker) -> None:
        self._selector.unregister(worker)
        self._workers.remove(worker)
        worker.close()

    def events(self, timeout: float) -> Iterator[tuple[Worker, Event]]:
        for key, _ in self._selector.select(timeout):
            if isinstance(worker := key.fileobj, Worker):
                yield from ((worker, event) for event in worker.events())

    def kill(self) -> None:
        for worker in self._workers:
            worker.kill()

    def last_words(self) -> Iterator[tuple[Worker, Event]]:
        for worker in self._workers:
            worker.exit_code()
            yield from ((worker, event) for event in worker.events())


def environment(options: Options, device: Device) -> dict[str, str]:
    """The environment variables of a worker: this process's, and what TensorFlow must find before it is imported."""
    variables = {**_QUIET, **os.environ}
    variables.pop(GPU_SHARING, None)  # a user's shell has no say in it
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    variables |= dict.fromkeys(names, str(options.threads))
    variables["KERAS_BACKEND"] = "tensorflow"
    variables["MPLBACKEND"] = "agg"  # a notebook's own need not be installed here
    variables["PYTHONHASHSEED"] = "0"  # no result may depend on the order of a set
    if device.kind == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = "-1"
    elif device.gpu is not None:
        variables["CUDA_VISIBLE_DEVICES"] = device.gpu
    if device.sharing > 1:
        variables[GPU_SHARING] = str(device.sharing)
    home = str(Path(bnexp.__file__).parents[1])
    if home not in site.getsitepackages():  # a checkout that is not installed
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [variables.get("PYTHONPATH"), home]))
    return variables
