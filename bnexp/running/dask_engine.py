"""The engine over a Dask cluster (https://distributed.dask.org): an existing one, or one of this machine.

Each slot is a place in one Dask worker and keeps its worker process there (`running.dask_node`), so that models stay
compiled.  Records and logs come back over the wire: no folder is shared, and only this process writes.
"""

import logging
import os
import selectors
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bnexp import __version__
from bnexp.errors import UserError
from bnexp.records.store import written
from bnexp.running import dask_node
from bnexp.running.engine import Event
from bnexp.running.options import Options, workers
from bnexp.running.progress import duration
from bnexp.specs.trial import PROTOCOL, Trial

try:
    import dask
    import distributed
except ImportError:
    raise UserError("--engine dask needs a package that is not installed: pip install 'bnexp[dask]'") from None

_LOOK = 1.0  # seconds between two looks at which workers there are
_CONNECT = 20  # seconds
_LAST_WORDS = 3.0  # seconds that slots have, when all is ended, to tell what they had finished
_LOST = (OSError, TimeoutError, RuntimeError)
"""What a client raises whose scheduler has gone."""


class DaskSlot:
    """A place in one Dask worker."""

    def __init__(self, engine: "DaskEngine", address: str) -> None:
        self.key = f"bnexp-{uuid.uuid4().hex[:12]}"
        self.address = address
        self.number = 0
        """Of the command that it is at, so that late news of an earlier one are told apart."""
        self.log: Path | None = None
        self.future: Any = None
        self.answered = True
        self.begun = False
        self._engine = engine

    def give(self, trial: Trial, log: Path) -> None:
        """Have it train `trial`; what it printed is written to `log` when it ends."""
        with written(log):
            log.unlink(missing_ok=True)  # that of an earlier try
        self.log, self.begun = log, False
        self._engine.ask(self, "train", trial=trial)

    def check(self, trial: Trial) -> None:
        """Have it see whether a user's own layer works in the model of `trial`."""
        self._engine.ask(self, "check", trial=trial)

    def stop(self) -> None:
        """End its process, whatever it is at."""
        self._engine.release([self])


class DaskEngine:
    """Slots in the workers of a cluster: one for each of their threads, or on GPUs for each of their resource `GPU`.

    Raises UserError where no scheduler answers, where it has no workers in time, and where it is lost: what runs then
    is lost with it, what has finished is not.
    """

    def __init__(self, options: Options, trials: int = 1) -> None:
        self._options = options
        data_folder = options.data_folder.absolute() if options.data_folder else None
        self._node_options = replace(options, engine="local", scheduler=None, resume="", data_folder=data_folder)
        self._trials = trials
        self._topic = f"bnexp-{uuid.uuid4().hex}"
        self._slots: dict[str, DaskSlot] = {}
        self._places: dict[str, int] = {}
        self._news: deque[tuple[str, int, Event]] = deque()
        self._selector = selectors.DefaultSelector()
        self._looked = -_LOOK
        self._deserted: float | None = None
        """Since when there has been no worker."""
        self._cluster: Any = None

    def __enter__(self) -> "DaskEngine":
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is said by the run itself
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        address = self._options.scheduler or self._own_cluster()
        try:
            self._client = distributed.Client(address, timeout=_CONNECT, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            self._free()
            raise UserError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from None
        self._client.subscribe_topic(self._topic, self._heard)
        try:
            while not self.capacity():
                time.sleep(0.2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _own_cluster(self) -> str:
        # The run counts the tries of a trial itself.
        with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
            self._cluster = distributed.LocalCluster(
                n_workers=workers(self._options, self._trials),
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                resources={"GPU": 1} if self._options.device == "gpu" else None,
            )
        return str(self._cluster.scheduler_address)

    def __exit__(self, *exception: object) -> None:
        self.kill()
        with suppress(*_LOST):
            self._client.close(timeout=5)
        self._free()

    def _free(self) -> None:
        if self._cluster is not None:
            self._cluster.close()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def __len__(self) -> int:
        return len(self._slots)

    def capacity(self) -> int:
        """Threads of all workers, or their GPUs, at most the jobs that were asked for."""
        self._look()
        places = sum(self._places.values())
        return places if self._options.jobs == "auto" else min(places, self._options.jobs)

    def start(self) -> DaskSlot:
        """A slot in the worker that has the most free places."""
        taken = Counter(slot.address for slot in self._slots.values())
        slot = DaskSlot(self, max(self._places, key=lambda address: self._places[address] - taken[address]))
        self._slots[slot.key] = slot
        self.ask(slot, "start")
        return slot

    def remove(self, slot: DaskSlot) -> None:
        """End a slot, and forget it."""
        self._slots.pop(slot.key, None)
        self.release([slot])
        if slot.future is not None:
            with suppress(*_LOST):
                slot.future.cancel()

    def ask(self, slot: DaskSlot, do: str, **arguments: Any) -> None:
        """Have a Dask worker do something for a slot; the answer comes as an event."""
        slot.number += 1
        slot.answered = False
        number = slot.number
        try:
            slot.future = self._client.submit(
                dask_node.in_dask,
                do,
                slot.key,
                number,
                self._topic,
                options=self._node_options,
                **arguments,
                key=f"{slot.key}-{number}-{do}",
                workers=[slot.address],
                resources={"GPU": 1} if self._options.device == "gpu" else None,
                pure=False,
            )
        except _LOST as error:
            raise self._gone() from error
        slot.future.add_done_callback(lambda future: self._answered(slot.key, number, future))

    def release(self, slots: Sequence[DaskSlot]) -> None:
        """End the processes of some slots, past the queue of tasks."""
        keys: dict[str, list[str]] = {}
        for slot in slots:
            keys.setdefault(slot.address, []).append(slot.key)
        for address in keys.keys() & self._places.keys():
            with suppress(*_LOST):
                self._client.run(dask_node.release, keys[address], workers=[address], on_error="ignore")

    def wake_on(self, descriptor: int) -> None:
        """Let `events` return when something can be read there."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def events(self, timeout: float) -> Iterator[tuple[DaskSlot, Event]]:
        """What the slots say, waiting up to `timeout` seconds for the first word."""
        if not self._news:
            self._selector.select(timeout)
        with suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        self._look()
        yield from self._heard_so_far()

    def _heard_so_far(self) -> Iterator[tuple[DaskSlot, Event]]:
        while self._news:
            key, number, event = self._news.popleft()
            slot = self._slots.get(key)
            if slot is None or number != slot.number:
                continue
            if event["event"] == "ended" and self._client.status != "running":
                continue  # not the slot is lost but the scheduler, which `_look` says
            yield from ((slot, told) for told in self._told(slot, event))

    def kill(self) -> None:
        """End all slots."""
        self.release(list(self._slots.values()))

    def last_words(self) -> Iterator[tuple[DaskSlot, Event]]:
        """What the slots had finished before they were ended."""
        limit = time.monotonic() + _LAST_WORDS
        while True:  # without a look at the machines: what was heard is kept even if the scheduler has gone
            yield from self._heard_so_far()
            busy = any(not slot.answered for slot in self._slots.values())
            if not busy or time.monotonic() > limit or self._client.status != "running":
                break
            time.sleep(0.05)
        yield from self._heard_so_far()

    def _look(self) -> None:
        """Which workers there are; a slot of one that is gone says `ended`."""
        if self._client.status != "running":
            raise self._gone()
        if time.monotonic() - self._looked < _LOOK:
            return
        try:
            found = self._client.scheduler_info(n_workers=-1)["workers"]
        except _LOST as error:
            raise self._gone() from error
        self._looked = time.monotonic()
        gpu = self._options.device == "gpu"
        places = {
            address: int(worker.get("resources", {}).get("GPU", 0)) if gpu else int(worker["nthreads"])
            for address, worker in found.items()
        }
        self._places = {address: count for address, count in places.items() if count}
        if self._places:
            self._deserted = None
        elif self._deserted is None:
            self._deserted = self._looked
        elif self._looked - self._deserted > self._options.start_timeout:
            raise UserError(
                f"the Dask scheduler {self._options.scheduler or 'of this machine'} has had no workers"
                f"{' with the resource GPU' if gpu else ''} for {duration(self._options.start_timeout)}; "
                "every finished trial is kept, and the same command goes on once there are some"
            )
        for slot in self._slots.values():
            if slot.address not in self._places:
                self._news.append((slot.key, slot.number, _lost(f"lost with the machine {slot.address}")))

    def _gone(self) -> UserError:
        at = self._options.scheduler or "of this machine"
        return UserError(
            f"the Dask scheduler {at} does not answer any more; every finished trial is kept, and the same command "
            "goes on once it is back"
        )

    def _heard(self, message: tuple[Any, Any]) -> None:
        """What a Dask worker logged, in a thread of Dask's."""
        event = dict(message[1])
        self._tell(event.pop("slot"), event.pop("number"), event)

    def _answered(self, key: str, number: int, future: Any) -> None:
        """The end of a task, in a thread of Dask's."""
        try:
            event = future.result(timeout=_CONNECT)
        except BaseException as error:  # whatever befell the task, its slot is of no use any more
            event = _lost(f"{type(error).__name__}: {error}")
        self._tell(key, number, event)

    def _tell(self, key: str, number: int, event: Event) -> None:
        self._news.append((key, number, event))
        with suppress(OSError):  # full: it wakes anyway; closed: nobody listens any more
            os.write(self._wake_write, b"!")

    def _told(self, slot: DaskSlot, event: Event) -> Iterator[Event]:
        """An event as the runner knows it."""
        slot.answered = slot.answered or event["event"] not in ("begun", "progress")
        match event["event"]:
            case "begun":
                if slot.begun:  # Dask gave it to a worker that has come back under the same address
                    self.release([slot])
                    yield _lost("its machine was lost for a while")
                    return
                slot.begun = True
            case "ready":
                if fault := _other_version(event):
                    event = {"event": "unable", "failure": {"kind": "UserError", "message": fault, "traceback": ""}}
            case "done" | "failed" | "ended":
                output = event.pop("output", None)
                if output is not None and slot.log is not None:
                    with written(slot.log):
                        slot.log.parent.mkdir(parents=True, exist_ok=True)
                        slot.log.write_text(output, encoding="utf-8", errors="replace")
        yield event
        if event["event"] == "unable":  # as a worker process that cannot work ends, so does this slot
            yield _lost("it could not start")


def _lost(message: str) -> Event:
    return {"event": "ended", "kind": "lost", "message": message, "log": "", "peak_memory_bytes": None}


def _other_version(ready: Event) -> str:
    """What to say where a Dask worker has another bnexp than this process; empty where it has the same."""
    if (ready["version"], ready["protocol"]) == (__version__, PROTOCOL):
        return ""
    return (
        f"a Dask worker has bnexp {ready['version']} (protocol {ready['protocol']}), this process {__version__} "
        f"(protocol {PROTOCOL}); install the same on all machines"
    )
