"""What a run and its worker processes say to each other: commands there, events back, pickled over a socket.

A worker's first event is `Ready` or `Unable`.  It answers `Check` by `Checked`, and `Train` by any number of
`Progressed` and then `Trained`.  Whatever it is at, its process may go: then who watches it says `Ended`.
"""

from dataclasses import dataclass
from typing import Any

from bnexp.records.record import Failure, Progress
from bnexp.specs.trial import Trial


@dataclass(frozen=True)
class Check:
    """See whether a user's own layer works in the model of a trial."""

    trial: Trial


@dataclass(frozen=True)
class Train:
    """Train a trial; what is printed meanwhile goes to the file `log`."""

    trial: Trial
    log: str


@dataclass(frozen=True)
class Ready:
    """The trainer is there; the description is its own (device, threads), the rest is of this package."""

    description: dict[str, Any]
    version: str
    protocol: int


@dataclass(frozen=True)
class Unable:
    """The trainer cannot be had; the process ends."""

    failure: Failure


@dataclass(frozen=True)
class Checked:
    """The layer was tried, and is refused if there is a failure."""

    failure: Failure | None
    altered: bool = False  # as of `Trained`


@dataclass(frozen=True)
class Begun:
    """A trial that had to wait for its place on another machine is being trained now."""


@dataclass(frozen=True)
class Progressed:
    """The trial at hand is so far."""

    progress: Progress


@dataclass(frozen=True)
class Trained:
    """The trial has a result, or has raised; the worker goes on."""

    result: str | Failure  # a record as JSON, not yet checked
    memory_bytes: int | None = None  # what the process holds now, between two trials
    output: str | None = None  # what the trial printed, where no folder is shared with its process
    altered: bool = False  # whether a user's code changed the process, which then trains no trial of others


@dataclass(frozen=True)
class Ended:
    """The process is gone: the last that is heard of it."""

    kind: str  # `signal`, `exit`, or `lost` for a machine that does not answer any more
    message: str
    log: str = ""  # what it printed outside of any trial
    peak_memory_bytes: int | None = None
    output: str | None = None


Command = Check | Train
Event = Ready | Unable | Checked | Begun | Progressed | Trained | Ended
