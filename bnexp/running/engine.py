"""What the runner asks of an engine: workers that train one trial at a time, and what they say.

An engine for other machines (Ray, arrays of Slurm) is one file with these two classes and a line in `ENGINES`.
`running.pool` is the local one, `running.dask_engine` one over a cluster.
"""

import selectors
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from bnexp.lazy import attribute
from bnexp.running.options import Device, Options
from bnexp.running.protocol import Command, Event


class Worker(Protocol):
    """It does one thing at a time, and can be used as a key."""

    def say(self, command: Command) -> None:
        """Have it do something; it answers by an event."""

    def stop(self) -> None:
        """End it now, whatever it is at; it says `Ended`."""


class Engine(ABC):
    """Where trials are trained.  Leaving it ends all that it started; until then workers keep compiled models.

    It is made with the options of the run and the number of trials that wait; UserError where it cannot work.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._workers: list[Any] = []
        self._devices: tuple[Device, ...] = ()  # of the workers that there may be, as far as they share a machine's
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "Engine":
        return self

    @abstractmethod
    def __exit__(self, *exception: object) -> None: ...

    def __len__(self) -> int:
        """Workers that were started and not removed."""
        return len(self._workers)

    @abstractmethod
    def capacity(self) -> int:
        """Workers that there may be at this moment; machines of a cluster come and go."""

    @abstractmethod
    def start(self) -> Worker:
        """One more worker; it says `Ready` once, or `Unable`."""

    @abstractmethod
    def remove(self, worker: Any) -> None:
        """End a worker, and forget it."""

    @abstractmethod
    def events(self, timeout: float) -> Iterator[tuple[Any, Event]]:
        """What the workers say, waiting up to `timeout` seconds for the first word."""

    @abstractmethod
    def kill(self) -> None:
        """End all workers.  What they had said before can still be had from `last_words`."""

    @abstractmethod
    def last_words(self) -> Iterator[tuple[Any, Event]]:
        """What killed workers had said before."""

    def wake_on(self, descriptor: int) -> None:
        """Let `events` return when something can be read there."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def _free_device(self) -> Device:
        free = Counter(self._devices) - Counter(worker.device for worker in self._workers)
        return next(iter(free), Device(self._options.device))


ENGINES = {"local": "bnexp.running.pool:Pool", "dask": "bnexp.running.dask_engine:DaskEngine"}


def engine(options: Options, trials: int) -> Engine:
    """The engine that the options name."""
    found: Engine = attribute(ENGINES[options.engine])(options, trials)
    return found
