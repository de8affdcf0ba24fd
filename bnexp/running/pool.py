"""The local engine: worker processes of this machine, and the wires to them; one trial a worker at a time."""

import os
import selectors
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import bnexp
from bnexp.records.environment import peak_memory
from bnexp.running.engine import Engine
from bnexp.running.machine import out_of_memory_kills
from bnexp.running.options import Device, Options, devices, workers
from bnexp.running.protocol import Command, Ended, Event, Settings, decode, encode
from bnexp.specs.workers import GPU_SHARING

_CHUNK = 1 << 16
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
        self._events, theirs = os.pipe()
        os.set_blocking(self._events, False)
        self._buffer = b""
        self._memory_kills = out_of_memory_kills()
        self._peak_memory: int | None = None
        # What the system tells as the peak of a process that has ended begins with that of the one that forked it.
        self._inherited_memory = peak_memory()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the worker
        data_folder = str(options.data_folder.absolute()) if options.data_folder else None
        settings = Settings(theirs, os.getpid(), options.trainer, device.kind, options.threads, data_folder)
        self._process = subprocess.Popen(
            # -P: a file of the current folder that is called like a module must not be taken for it
            [sys.executable, "-P", "-m", "bnexp.running.worker", encode(settings).decode()],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[theirs],
            env=environment(options, device),
            start_new_session=True,
            bufsize=0,
        )
        os.close(theirs)

    def fileno(self) -> int:
        """The descriptor that its events come from."""
        return self._events

    def say(self, command: Command) -> None:
        """Have it do something; that it is gone shows by its next event."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(encode(command))

    def events(self) -> list[Event]:
        """What it has said since; the last one is `Ended` if it is gone."""
        chunk = None
        with suppress(BlockingIOError):
            while chunk := os.read(self._events, _CHUNK):
                self._buffer += chunk
        *lines, self._buffer = self._buffer.split(b"\n")
        said = [decode(line) for line in lines]
        return [*said, self._ending()] if chunk == b"" else said

    def _ending(self) -> Ended:
        code = self.exit_code()
        told = ending(code)
        if code == -signal.SIGKILL and out_of_memory_kills() > self._memory_kills:
            told += ", as the machine or the container had run out of memory"
        return Ended("signal" if code < 0 else "exit", told, self.start_log(), self._peak_memory)

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
        assert self._process.stdin is not None
        self._process.stdin.close()
        os.close(self._events)
        self._log.close()

    def start_log(self) -> str:
        """What it printed outside of any trial."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


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
            if isinstance(key.fileobj, Worker):
                for event in key.fileobj.events():
                    yield key.fileobj, event

    def kill(self) -> None:
        for worker in self._workers:
            worker.kill()

    def last_words(self) -> Iterator[tuple[Worker, Event]]:
        for worker in self._workers:
            worker.exit_code()
            for event in worker.events():
                yield worker, event


def environment(options: Options, device: Device) -> dict[str, str]:
    """The environment variables of a worker: this process's, and what TensorFlow must find before it is imported."""
    variables = {**_QUIET, **os.environ}
    variables.pop(GPU_SHARING, None)  # a user's shell has no say in it
    threads = str(options.threads)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        variables[name] = threads
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


def ending(exit_code: int) -> str:
    """An exit code in words: `killed by SIGKILL`, `exit code 3`."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-exit_code}"
