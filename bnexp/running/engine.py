"""What the runner asks of an engine: places that train one trial at a time, and what they say.

An engine for other machines (Ray, arrays of Slurm) is one file with these two classes and a line in `ENGINES`.
`running.pool` is the local one, `running.dask_engine` one over a cluster.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bnexp.lazy import attribute
from bnexp.specs.trial import Trial

if TYPE_CHECKING:
    from bnexp.running.options import Options

Event = dict[str, Any]
"""What a slot says: one of the events of `running.worker`, or

    {"event": "begun"}        a trial that had to wait for its place is being trained now
    {"event": "ended", "kind": "signal", "message": "killed by SIGKILL", "log": "...", "peak_memory_bytes": 812345678}

the last thing it says: its process is gone, `log` being what it printed outside of any trial.  `kind` is `signal`,
`exit`, or `lost` for a machine that does not answer any more.  `done` and `failed` carry `memory_bytes`, what the
process holds between two trials.
"""


class Slot(Protocol):
    """A place that trains one trial at a time, and can be used as a key."""

    def give(self, trial: Trial, log: Path) -> None:
        """Have it train `trial`; what it prints goes to `log`.  Its end is `done`, `failed` or `ended`."""

    def check(self, trial: Trial) -> None:
        """Have it see whether a user's own layer works in the model of `trial`; the answer is `checked`."""

    def stop(self) -> None:
        """End it now, whatever it is at; it says `ended`."""


class Engine(Protocol):
    """Where trials are trained.  Leaving it ends all that it started; until then slots keep compiled models."""

    def __enter__(self) -> "Engine": ...

    def __exit__(self, *exception: object) -> None: ...

    def __len__(self) -> int:
        """Slots that were started and not removed."""

    def capacity(self) -> int:
        """Slots that there may be at this moment; machines of a cluster come and go."""

    def start(self) -> Slot:
        """One more slot; it says `ready` once, or `unable`."""

    def remove(self, slot: Any) -> None:
        """End a slot, and forget it."""

    def events(self, timeout: float) -> Iterator[tuple[Any, Event]]:
        """What the slots say, waiting up to `timeout` seconds for the first word."""

    def wake_on(self, descriptor: int) -> None:
        """Let `events` return when something can be read there."""

    def kill(self) -> None:
        """End all slots.  What they had said before can still be had from `last_words`."""

    def last_words(self) -> Iterator[tuple[Any, Event]]:
        """What killed slots had said before."""


ENGINES = {"local": "bnexp.running.pool:Pool", "dask": "bnexp.running.dask_engine:DaskEngine"}
"""Called with the options of the run and the number of trials that wait; raises UserError where it cannot work."""


def engine(options: "Options", trials: int) -> Engine:
    """The engine that the options name."""
    make: Callable[[Options, int], Engine] = attribute(ENGINES[options.engine])
    return make(options, trials)
