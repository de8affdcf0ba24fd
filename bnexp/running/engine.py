"""What the runner asks of an engine: workers that train one trial at a time, and what they say.

An engine for other machines (Ray, arrays of Slurm) is one file with these two classes and a line in `ENGINES`.
`running.pool` is the local one, `running.dask_engine` one over a cluster.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from bnexp.lazy import attribute
from bnexp.running.options import Options
from bnexp.running.protocol import Event
from bnexp.specs.trial import Trial


class Worker(Protocol):
    """It trains one trial at a time, and can be used as a key."""

    def train(self, trial: Trial, log: Path) -> None:
        """Have it train `trial`; what it prints goes to `log`.  Its end is `Finished`, `Failed` or `Ended`."""

    def check(self, trial: Trial) -> None:
        """Have it see whether a user's own layer works in the model of `trial`; the answer is `Checked`."""

    def stop(self) -> None:
        """End it now, whatever it is at; it says `Ended`."""


class Engine(Protocol):
    """Where trials are trained.  Leaving it ends all that it started; until then workers keep compiled models."""

    def __enter__(self) -> "Engine": ...

    def __exit__(self, *exception: object) -> None: ...

    def __len__(self) -> int:
        """Workers that were started and not removed."""

    def capacity(self) -> int:
        """Workers that there may be at this moment; machines of a cluster come and go."""

    def start(self) -> Worker:
        """One more worker; it says `Ready` once, or `Unable`."""

    def remove(self, worker: Any) -> None:
        """End a worker, and forget it."""

    def events(self, timeout: float) -> Iterator[tuple[Any, Event]]:
        """What the workers say, waiting up to `timeout` seconds for the first word."""

    def wake_on(self, descriptor: int) -> None:
        """Let `events` return when something can be read there."""

    def kill(self) -> None:
        """End all workers.  What they had said before can still be had from `last_words`."""

    def last_words(self) -> Iterator[tuple[Any, Event]]:
        """What killed workers had said before."""


ENGINES = {"local": "bnexp.running.pool:Pool", "dask": "bnexp.running.dask_engine:DaskEngine"}
"""Called with the options of the run and the number of trials that wait; raises UserError where it cannot work."""


def engine(options: Options, trials: int) -> Engine:
    """The engine that the options name."""
    make: Callable[[Options, int], Engine] = attribute(ENGINES[options.engine])
    return make(options, trials)
