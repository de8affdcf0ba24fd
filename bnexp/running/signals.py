"""Ctrl-C, SIGTERM and a closed terminal as something to be asked for, not as an exception anywhere."""

import os
import signal
import threading
from types import FrameType

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While entered, remembers the first signal that asks this process to end; later ones change nothing.

    Signals that were ignored stay ignored (`nohup`, `&` in a script).  Outside the main thread nothing is caught.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Signals":
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        if threading.current_thread() is threading.main_thread():
            for number in _CAUGHT:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # type: ignore[arg-type]  # as signal.signal gave it
        os.close(self._wake_read)
        os.close(self._wake_write)

    def fileno(self) -> int:
        """A descriptor that can be read once a signal has come."""
        return self._wake_read

    def _catch(self, number: int, _: FrameType | None) -> None:
        if self.received is None:
            self.received = number
            os.write(self._wake_write, b"!")
