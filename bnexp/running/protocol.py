"""What a run and its worker processes say to each other: commands in, events out, one JSON object a line.

A worker's first event is `Ready` or `Unable`.  It answers `Check` by `Checked`, and `Train` by any number of
`Progressed` and then `Finished` or `Failed`.  Whatever it is at, its process may go: then who watches it says `Ended`.
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bnexp.records.record import Failure, Progress


@dataclass(frozen=True)
class Settings:
    """What a worker process is started with."""

    events: int
    """The descriptor on which it sends its events."""
    parent: int
    """The process that it is to die with."""
    trainer: str
    """As `module:attribute`."""
    device: str
    threads: int
    data_folder: str | None


@dataclass(frozen=True)
class Check:
    """See whether a user's own layer works in the model of a trial."""

    trial: dict[str, Any]


@dataclass(frozen=True)
class Train:
    """Train a trial; what is printed meanwhile goes to the file `log`."""

    trial: dict[str, Any]
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


@dataclass(frozen=True)
class Begun:
    """A trial that had to wait for its place on another machine is being trained now."""


@dataclass(frozen=True)
class Progressed:
    """The trial at hand is so far."""

    progress: Progress


@dataclass(frozen=True)
class Finished:
    """The trial has a result."""

    record: str
    """The record as JSON, not yet checked."""
    memory_bytes: int | None = None
    """What the process holds now, between two trials."""
    output: str | None = None
    """What the trial printed, where no folder is shared with its process."""


@dataclass(frozen=True)
class Failed:
    """The trial raised; the worker goes on."""

    failure: Failure
    memory_bytes: int | None = None
    output: str | None = None


@dataclass(frozen=True)
class Ended:
    """The process is gone: the last that is heard of it."""

    kind: str
    """`signal`, `exit`, or `lost` for a machine that does not answer any more."""
    message: str
    log: str = ""
    """What it printed outside of any trial."""
    peak_memory_bytes: int | None = None
    output: str | None = None


Command = Check | Train
Event = Ready | Unable | Checked | Begun | Progressed | Finished | Failed | Ended

_TYPES: dict[str, type[Any]] = {each.__name__: each for each in (Settings, *Command.__args__, *Event.__args__)}
_MODELS: dict[str, type[BaseModel]] = {"failure": Failure, "progress": Progress}


def encode(message: Settings | Command | Event) -> bytes:
    """A message as one line."""
    fields = {
        key: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for key, value in vars(message).items()
    }
    return json.dumps({"type": type(message).__name__, **fields}).encode() + b"\n"


def decode(line: bytes | str) -> Any:
    """The message that `encode` made a line of."""
    fields = json.loads(line)
    message = _TYPES[fields.pop("type")]
    for key in fields.keys() & _MODELS.keys():
        if fields[key] is not None:
            fields[key] = _MODELS[key].model_validate(fields[key])
    return message(**fields)
