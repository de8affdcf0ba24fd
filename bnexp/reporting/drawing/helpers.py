"""Processes that draw some of a report's figures while the report's own process draws the others.

They are new processes of this module (`python -m`), started by neither fork nor `multiprocessing`: a caller may have
threads, needs no `__main__` guard, and its main module is not imported again.  They read calls from stdin and write
results to stdout.  Whatever a helper does not deliver, since it did not start, died or failed, is computed by the
caller, where an error has its traceback.
"""

import os
import pickle
import signal
import site
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Generic, TypeVar

import bnexp
from bnexp.machine import available_cores

Result = TypeVar("Result")

MOST = 3
"""Helpers: each takes half a second of a core to start, which more of them would not win back."""


class Helpers:
    """One for each further core of this process, up to `MOST`; they import matplotlib while the caller goes on."""

    def __init__(self, count: int | None = None) -> None:
        wanted = min(available_cores() - 1, MOST) if count is None else count
        self._processes: list[subprocess.Popen[bytes]] = []
        with suppress(OSError):  # no further process may be started: the caller draws alone
            for _ in range(wanted):
                self._processes.append(_started())

    def __enter__(self) -> "Helpers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them, whatever they are doing."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):  # what is still buffered has no reader any more
                    stream.close()  # type: ignore[union-attr]
            process.wait()

    def begin(self, function: Callable[..., Result], arguments: Sequence[tuple[Any, ...]]) -> "Shared[Result]":
        """Have `function(*each)` computed for all `arguments`; function, arguments and results must be picklable."""
        return Shared(self._processes, function, arguments)


class Shared(Generic[Result]):
    """Calls that several processes share: each takes the next one when it is free."""

    def __init__(
        self,
        processes: Sequence["subprocess.Popen[bytes]"],
        function: Callable[..., Result],
        arguments: Sequence[tuple[Any, ...]],
    ) -> None:
        self._function = function
        self._arguments = arguments
        self._waiting = deque(range(len(arguments)))
        self._found: dict[int, Result] = {}
        self._threads = [Thread(target=self._feed, args=(each,), daemon=True) for each in processes]
        for thread in self._threads:
            thread.start()

    def results(self) -> list[Result]:
        """All, in the order of the arguments; this process computes too."""
        self._share(self._compute)
        for thread in self._threads:
            thread.join()
        return [self._found[k] if k in self._found else self._compute(k) for k in range(len(self._arguments))]

    def _compute(self, k: int) -> Result:
        return self._function(*self._arguments[k])

    def _share(self, compute: Callable[[int], Result]) -> None:
        """Compute one after the other until none is waiting."""
        while True:
            try:
                k = self._waiting.popleft()
            except IndexError:
                return
            self._found[k] = compute(k)

    def _feed(self, process: "subprocess.Popen[bytes]") -> None:
        """Have a helper compute, until it fails in any way."""
        calls, results = process.stdin, process.stdout
        assert calls is not None
        assert results is not None

        def ask(k: int) -> Result:
            calls.write(pickle.dumps((self._function, self._arguments[k])))
            calls.flush()
            found: Result = pickle.load(results)
            return found

        with suppress(Exception):
            self._share(ask)


def _started() -> "subprocess.Popen[bytes]":
    variables = {**os.environ, "MPLBACKEND": "agg"}  # a notebook's own need not be installed here
    home = str(Path(bnexp.__file__).parents[1])
    if home not in site.getsitepackages():  # a checkout that is not installed; first, since it must be the same code
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [home, variables.get("PYTHONPATH")]))
    return subprocess.Popen(
        # -P: a file of the current folder that is called like a module must not be taken for it
        [sys.executable, "-P", "-m", "bnexp.reporting.drawing.helpers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what fails there is repeated, and told, here
        env=variables,
    )


def main() -> None:
    """Answer calls until there are no more, or the caller is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's, who ends this process
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed is no result
    for name in ("accuracy", "claims", "confusion", "learning_curves", "probes", "survival"):
        import_module(f"bnexp.reporting.drawing.{name}")
    with suppress(EOFError):
        while True:
            function, arguments = pickle.load(sys.stdin.buffer)
            results.write(pickle.dumps(function(*arguments)))
            results.flush()


if __name__ == "__main__":
    main()
