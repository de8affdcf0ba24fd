"""The engine over a Dask cluster (https://distributed.dask.org): an existing one, or one of this machine.

A worker process of ours stays in one Dask worker (`running.dask_node`) from trial to trial, so that models stay
compiled.  Records and logs come back over the wire: no folder is shared, and only this process writes.
"""

import logging
import pickle
import selectors
import socket
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bnexp import __version__
from bnexp.errors import UserError
from bnexp.records.record import Failure
from bnexp.records.store import written
from bnexp.running import dask_node
from bnexp.running.engine import Engine
from bnexp.running.options import Device, Options, devices, workers
from bnexp.running.protocol import Begun, Command, Ended, Event, Progressed, Ready, Train, Trained, Unable
from bnexp.specs.trial import PROTOCOL
from bnexp.specs.wording import duration

try:
    import dask
    import distributed
except ImportError:
    raise UserError("--engine dask needs a package that is not installed: pip install 'bnexp[dask]'") from None

_LOOK = 1.0  # seconds between two looks at which workers there are
CONNECT_SECONDS = 20
_LAST_WORDS = 3.0  # seconds that workers have, when all is ended, to tell what they had finished
_LOST = (OSError, TimeoutError, RuntimeError)  # what a client raises whose scheduler has gone


class RemoteWorker:
    """A worker process in one Dask worker."""

    def __init__(self, engine: "DaskEngine", address: str, device: Device) -> None:
        self.key = f"bnexp-{uuid.uuid4().hex[:12]}"
        self.address, self.device = address, device
        self.future: Any = None  # of the command that it is at
        self.log: Path | None = None
        self.answered, self.begun = True, False
        self._engine = engine

    def say(self, command: Command) -> None:
        """Have it do something; what a trial printed is written to its log when it ends."""
        if isinstance(command, Train):
            self.log, self.begun = Path(command.log), False
            with written(self.log):
                self.log.unlink(missing_ok=True)  # that of an earlier try
        self._engine.ask(self, command)

    def stop(self) -> None:
        """End its process, whatever it is at."""
        self._engine.release([self])


class DaskEngine(Engine):
    """Worker processes in those of a cluster: one for each of their threads, or on GPUs for each resource `GPU`.

    Raises UserError where no scheduler answers, where it has no workers in time, and where it is lost: what runs then
    is lost with it, what has finished is not.
    """

    def __init__(self, options: Options, trials: int = 1) -> None:
        super().__init__(replace(options, data_folder=options.data_folder and options.data_folder.absolute()))
        self._trials = trials
        self._gpu = {"GPU": 1} if options.device == "gpu" else None
        self._topic = f"bnexp-{uuid.uuid4().hex}"
        self._places: dict[str, int] = {}
        self.news: deque[tuple[str, Event]] = deque()
        """What was heard of the workers, by the key of a task, and not yet read."""
        self._looked = self._peopled = -_LOOK  # when there was a look at the workers, and when there were some

    def __enter__(self) -> "DaskEngine":
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is said by the run itself
        with ExitStack() as stack:
            stack.callback(self._selector.close)
            self._wake, self._waker = map(stack.enter_context, socket.socketpair())
            self._wake.setblocking(False)
            self._waker.setblocking(False)
            self._selector.register(self._wake, selectors.EVENT_READ)
            address = self._options.scheduler or stack.enter_context(self._own_cluster()).scheduler_address
            try:
                self._client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise UserError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from None
            stack.callback(self._leave)
            self._client.subscribe_topic(self._topic, self._heard)
            self._peopled = time.monotonic()
            while not self.capacity():
                time.sleep(0.2)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def _leave(self) -> None:
        self.kill()
        with suppress(*_LOST):
            self._client.close(timeout=5)

    def _own_cluster(self) -> Any:
        self._devices = devices(self._options, workers(self._options, self._trials))
        # The run counts the tries of a trial itself.
        with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
            return distributed.LocalCluster(
                n_workers=len(self._devices),
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",  # any port: there may be other clusters
                silence_logs=logging.CRITICAL,
                resources=self._gpu,
            )

    def capacity(self) -> int:
        """Threads of all workers, or their GPUs, at most the jobs that were asked for."""
        self._look()
        places = sum(self._places.values())
        return places if self._options.jobs == "auto" else min(places, self._options.jobs)

    def start(self) -> RemoteWorker:
        """A worker where most places are free."""
        taken = Counter(worker.address for worker in self._workers)
        address = max(self._places, key=lambda address: self._places[address] - taken[address])
        worker = RemoteWorker(self, address, self._free_device())
        self._workers.append(worker)
        self.ask(worker, None)
        return worker

    def remove(self, worker: RemoteWorker) -> None:
        self._workers.remove(worker)
        self.release([worker])
        with suppress(*_LOST):
            worker.future.cancel()

    def ask(self, worker: RemoteWorker, command: Command | None) -> None:
        """Pass on a command, or have the process started; the answer comes as an event."""
        worker.answered = False
        task = partial(dask_node.in_dask, worker.key, self._topic, command, self._options, worker.device)
        try:
            worker.future = self._client.submit(task, workers=[worker.address], resources=self._gpu, pure=False)
        except _LOST as error:
            raise self._gone() from error
        worker.future.add_done_callback(self._answered)

    def release(self, some: Sequence[RemoteWorker]) -> None:
        """End the processes of some workers, past the queue of tasks."""
        if addresses := {worker.address for worker in some} & self._places.keys():
            keys = [worker.key for worker in some]  # of which each takes its own
            with suppress(*_LOST):
                self._client.run(dask_node.release, keys, workers=list(addresses), on_error="ignore")

    def events(self, timeout: float) -> Iterator[tuple[RemoteWorker, Event]]:
        if not self.news:
            self._selector.select(timeout)
        with suppress(BlockingIOError):
            self._wake.recv(4096)
        self._look()
        yield from self._heard_so_far()

    def _heard_so_far(self) -> Iterator[tuple[RemoteWorker, Event]]:
        while self.news:
            task, event = self.news.popleft()
            worker = next((each for each in self._workers if each.future.key == task), None)
            if worker is None:
                continue  # late news of an earlier command
            if isinstance(event, Ended) and self._client.status != "running":
                continue  # not the worker is lost but the scheduler, which `_look` says
            yield worker, self._told(worker, event)

    def kill(self) -> None:
        self.release(self._workers)

    def last_words(self) -> Iterator[tuple[RemoteWorker, Event]]:
        limit = time.monotonic() + _LAST_WORDS
        yield from self._heard_so_far()  # without a look at the machines: it is kept even if the scheduler has gone
        while any(not worker.answered for worker in self._workers) and time.monotonic() < limit:
            time.sleep(0.05)
            yield from self._heard_so_far()
            if self._client.status != "running":
                break

    def _look(self) -> None:
        """Which Dask workers there are; ours in one that is gone say `Ended`."""
        if self._client.status != "running":
            raise self._gone()
        if time.monotonic() - self._looked < _LOOK:
            return
        try:
            found = self._client.scheduler_info(n_workers=-1)["workers"]
        except _LOST as error:
            raise self._gone() from error
        self._looked = time.monotonic()
        places = {
            address: int(worker.get("resources", {}).get("GPU", 0)) if self._gpu else int(worker["nthreads"])
            for address, worker in found.items()
        }
        self._places = {address: count for address, count in places.items() if count}
        if self._places:
            self._peopled = self._looked
        elif self._looked - self._peopled > self._options.start_timeout:
            offering = " with the resource GPU" if self._gpu else ""
            limit = duration(self._options.start_timeout)
            raise self._gone(f"has had no workers{offering} for {limit}", "there are some")
        for each in self._workers:
            if each.address not in self._places:
                self.news.append((each.future.key, Ended("lost", f"lost with the machine {each.address}")))

    def _gone(self, why: str = "does not answer any more", until: str = "it is back") -> UserError:
        return UserError(
            f"the Dask scheduler {self._options.scheduler or 'of this machine'} {why}; every finished trial is kept, "
            f"and the same command goes on once {until}"
        )

    def _heard(self, message: tuple[Any, Any]) -> None:
        """What a Dask worker logged, in a thread of Dask's."""
        task, event = message[1]
        self._tell(task, pickle.loads(event))

    def _answered(self, future: Any) -> None:
        """The end of a task, in a thread of Dask's."""
        try:
            event: Event = future.result(timeout=CONNECT_SECONDS)
        except BaseException as error:  # whatever befell the task, its worker is of no use any more
            event = Ended("lost", f"{type(error).__name__}: {error}")
        self._tell(future.key, event)

    def _tell(self, task: str, event: Event) -> None:
        self.news.append((task, event))
        with suppress(OSError):  # full: it wakes anyway; closed: nobody listens any more
            self._waker.send(b"!")

    def _told(self, worker: RemoteWorker, event: Event) -> Event:
        """An event as the runner knows it."""
        worker.answered = worker.answered or not isinstance(event, Begun | Progressed)
        match event:
            case Begun():
                if worker.begun:  # Dask gave it to a worker that has come back under the same address
                    self.release([worker])
                    return Ended("lost", "its machine was lost for a while")
                worker.begun = True
            case Ready(version=version, protocol=protocol) if (version, protocol) != (__version__, PROTOCOL):
                message = (
                    f"a Dask worker has bnexp {version} (protocol {protocol}), this process {__version__} "
                    f"(protocol {PROTOCOL}); install the same on all machines"
                )
                return Unable(Failure(kind="UserError", message=message, traceback=""))
            case Trained(output=str(output)) | Ended(output=str(output)) if worker.log is not None:
                with written(worker.log):
                    worker.log.parent.mkdir(parents=True, exist_ok=True)
                    worker.log.write_text(output, encoding="utf-8", errors="replace")
        return event
