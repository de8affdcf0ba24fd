"""The run: survey what is there, train what is missing in worker processes, store each record as it comes."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from bnexp.data.known import KNOWN
from bnexp.data.places import find
from bnexp.errors import UserError
from bnexp.experiment.grid import Experiment, PlannedTrial
from bnexp.experiment.trial import PROTOCOL
from bnexp.norms.own import OwnNorm
from bnexp.results.record import Failure, Progress, TrialRecord
from bnexp.results.store import Store, written
from bnexp.running.claims import Claims
from bnexp.running.estimate import seconds_left
from bnexp.running.feeding import REMEMBERED, choose, model_of
from bnexp.running.options import Options, workers
from bnexp.running.outcome import Outcome
from bnexp.running.pool import Event, Pool, Worker, ending
from bnexp.running.progress import Running, State, Watcher, in_a_line
from bnexp.running.signals import Signals
from bnexp.running.survey import Survey, Task, learn, survey, tasks

_TICK = 0.25  # seconds between two looks at claims and at the live view, when nothing happens
_START_FAILURES = 3  # workers in a row that end before they are ready, after others were: then something is broken
_LOG_LINES = 20


def run(
    experiments: Sequence[Experiment],
    store: Store,
    options: Options,
    watch: Watcher,
    *,
    selected: Sequence[Iterable[PlannedTrial]] | None = None,
) -> Outcome:
    """Train every trial of the experiments that has no record yet; returns what it came to.

    `selected` holds what is wanted of each experiment (`experiment.grid.select`), by default all.
    Raises UserError where no trial could be trained: no GPU, a results folder that cannot be read or written, a data
    folder without the data.
    Every trial that finishes is kept whatever comes after it.  Needs no `__main__` guard.
    """
    with Signals() as signals:
        try:
            found = survey(tasks(experiments, selected), store)
            _check_data(found.waiting, options)
            for experiment in experiments:
                store.keep_plan(experiment)
            return _Run(found, store, options, watch, signals).to_end()
        finally:
            watch.close()


class _Run:
    """One run from its survey to its outcome."""

    def __init__(self, found: Survey, store: Store, options: Options, watch: Watcher, signals: Signals) -> None:
        again = found.failed if options.retry_failed or options.force else []
        anew = found.finished if options.force else []
        wanted = {task.trial.identity for task in (*found.waiting, *again, *anew)}
        self._waiting = deque(task for task in found.tasks if task.trial.identity in wanted)
        self._left = Counter(task.trial.spec for task in self._waiting)
        self._tried_before = frozenset(task.trial.identity for task in found.failed)
        self._planned = len(found.tasks)
        self._skipped = len(found.finished) - len(anew)
        self._failed_before = len(found.failed) - len(again)
        self._trained = self._diverged = self._failed = self._mendable = 0
        self._jobs = workers(options, len(self._waiting))
        self._costs = found.costs
        self._store, self._options, self._watch, self._signals = store, options, watch, signals
        self._claims = Claims()
        self._starting: set[Worker] = set()
        self._idle: list[Worker] = []
        self._to_check = _unproven(self._waiting)
        self._checking: Worker | None = None
        self._refusals: list[str] = []
        self._running: dict[Worker, _Training] = {}
        self._models: defaultdict[Worker, deque[str]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._ever_ready = False
        self._start_failures = 0
        self._same_failures: tuple[tuple[str, str] | None, int] = (None, 0)
        self._reason = ""

    def to_end(self) -> Outcome:
        """Train what is waiting, until nothing is, or something ends the run early."""
        self._watch.planned(self._planned, self._skipped, self._failed_before, self._jobs if self._waiting else 0)
        if self._waiting:
            with Pool(self._options) as pool:
                pool.wake_on(self._signals.fileno())
                try:
                    while not self._over():
                        self._staff(pool)
                        self._hand_out()
                        for worker, event in pool.events(_TICK):
                            self._take(pool, worker, event)
                        self._watch.tick(self._state())
                finally:
                    pool.kill()
                    self._keep_finished(pool)
                    self._claims.release_all()
        outcome = self._outcome()
        self._watch.stopped(outcome, self._options.resume)
        return outcome

    def _over(self) -> bool:
        return bool(self._signals.received or self._reason or not (self._waiting or self._running))

    def _staff(self, pool: Pool) -> None:
        """As many workers as there is work for, up to the jobs."""
        while len(pool) < min(self._jobs, len(self._waiting) + len(self._running)):
            self._starting.add(pool.start())

    def _hand_out(self) -> None:
        self._check()
        if self._to_check:
            return
        while self._idle and (task := self._next(self._idle[-1])):
            worker = self._idle.pop()
            self._running[worker] = _Training(task)
            self._models[worker].append(model_of(task.trial.spec))
            worker.give(task.trial, self._store.log(task.trial))
            self._watch.started(task)

    def _check(self) -> None:
        """Before anything is trained: users' own layers, one after the other in the first worker that is ready."""
        if self._to_check and self._checking is None and self._idle:
            self._checking = self._idle.pop()
            self._checking.check(self._to_check[0].trial)

    def _checked_layer(self, worker: Worker, failure: Failure | None) -> None:
        self._checking = None
        self._idle.append(worker)
        task = self._to_check.popleft()
        if failure is not None:
            reason = failure.message if failure.kind == "UserError" else failure.traceback
            self._refusals.append(f"{task.experiment}, variant {task.variant}: {reason.strip()}")
        if self._refusals and not self._to_check:
            raise UserError("\n".join(self._refusals))

    def _next(self, worker: Worker) -> Task | None:
        """The waiting task that suits the worker and that no other run is at; None if there is none at the moment."""
        mine = self._models[worker]
        others = {model for other, models in self._models.items() if other is not worker for model in models}
        for _ in range(len(self._waiting)):
            index = choose(self._waiting, mine, others)
            task = self._waiting[index]
            del self._waiting[index]
            folder = self._store.folder(task.trial)
            with written(folder):
                claimed = self._claims.take(folder)
            if not claimed:
                self._waiting.append(task)
                continue
            self._left[task.trial.spec] -= 1
            if not self._done_meanwhile(task):
                return task
            self._claims.release(folder)
        return None

    def _done_meanwhile(self, task: Task) -> bool:
        """Whether another run on this folder has finished the task since the survey."""
        record = None if self._options.force else self._store.read(task.trial)
        if record is None or self._meant_again(task, record):
            return False
        if record.status == "failed":
            self._failed_before += 1
        else:
            self._skipped += 1
            learn(self._costs, task, record)
        return True

    def _meant_again(self, task: Task, record: TrialRecord) -> bool:
        return record.failure is not None and (
            task.trial.identity in self._tried_before or record.failure.kind == "UserError"
        )

    def _take(self, pool: Pool, worker: Worker, event: Event) -> None:
        """What a worker says, and what follows from it."""
        match event["event"]:
            case "ready":
                self._ready(worker, event["description"])
            case "checked":
                failure = event["failure"]
                self._checked_layer(worker, None if failure is None else Failure.model_validate(failure))
            case "progress":
                self._progressed(worker, Progress.model_validate(event["progress"]))
            case "done" | "failed":
                self._finished(worker, event)
                self._idle.append(worker)
            case "unable":
                self._starting.discard(worker)
                unable = Failure.model_validate(event["failure"])
                self._start_failed(unable.message if unable.kind == "UserError" else unable.traceback)
            case "ended":
                self._ended(pool, worker)

    def _ready(self, worker: Worker, description: dict[str, Any]) -> None:
        self._starting.discard(worker)
        self._idle.append(worker)
        self._start_failures = 0
        if not self._ever_ready:
            self._ever_ready = True
            self._watch.ready(description)

    def _start_failed(self, reason: str) -> None:
        """A worker cannot work.  The first one stands for all; later ones have some more tries."""
        self._start_failures += 1
        if not self._ever_ready or self._start_failures >= _START_FAILURES:
            raise UserError(f"no trial can be trained: {reason.strip()}")

    def _progressed(self, worker: Worker, progress: Progress) -> None:
        training = self._running[worker]
        training.progress = progress
        self._watch.progressed(training.task, progress)

    def _finished(self, worker: Worker, event: Event) -> None:
        training = self._running.pop(worker)
        if event["event"] == "failed":
            record = self._failure(training, Failure.model_validate(event["failure"]))
        else:
            record = self._checked(training, event["record"])
        self._keep(training.task, record)

    def _checked(self, training: "_Training", text: str) -> TrialRecord:
        """The record that a worker has sent, or one of a failure if it is not this trial's."""
        try:
            record = TrialRecord.model_validate_json(text)
        except ValidationError as error:
            return self._failure(training, Failure(kind="ValidationError", message=str(error), traceback=""))
        if record.identity != training.task.trial.identity:
            message = f"the trainer returned the record of another trial, {record.identity[:16]}"
            return self._failure(training, Failure(kind="ValidationError", message=message, traceback=""))
        return record

    def _ended(self, pool: Pool, worker: Worker) -> None:
        """A worker is gone: with the trial that it was at, before it was ready, or idle."""
        code, start_log = worker.exit_code(), worker.start_log()
        pool.remove(worker)
        self._models.pop(worker, None)
        if worker in self._idle:
            self._idle.remove(worker)
        elif worker is self._checking:
            task = self._to_check[0]
            raise UserError(
                f"{task.experiment}, variant {task.variant}: norm {task.trial.spec.norm.name}: the worker ended while "
                f"it tried the layer: {ending(code)}\n{_last_lines(start_log)}"
            )
        elif worker in self._running:
            training = self._running.pop(worker)
            log = self._store.log(training.task.trial)
            last = _last_lines(log.read_text(errors="replace") if log.exists() else start_log)
            kind = "signal" if code < 0 else "exit"
            failure = Failure(kind=kind, message=f"the worker ended: {ending(code)}", traceback=last)
            self._keep(training.task, self._failure(training, failure))
        elif worker in self._starting:
            self._starting.remove(worker)
            self._start_failed(f"the worker ended at its start: {ending(code)}\n{_last_lines(start_log)}")

    def _failure(self, training: "_Training", failure: Failure) -> TrialRecord:
        from bnexp.results.environment import environment  # noqa: PLC0415  # a run without failures needs it not

        trial = training.task.trial
        return TrialRecord(
            protocol=PROTOCOL,
            identity=trial.identity,
            spec=trial.spec.model_dump(mode="json"),
            seed=trial.seed,
            status="failed",
            started=training.started,
            environment=environment(),
            failure=failure,
        )

    def _keep(self, task: Task, record: TrialRecord) -> None:
        """Store a record, count it, tell of it."""
        beside = {"jobs": self._jobs, "threads": self._options.threads}
        record = record.model_copy(update={"execution": {**record.execution, **beside}})
        self._store.write(task.trial, record)
        self._claims.release(self._store.folder(task.trial))
        self._trained += record.status != "failed"
        self._diverged += record.status == "diverged"
        self._failed += record.status == "failed"
        self._mendable += record.failure is not None and record.failure.kind == "UserError"
        learn(self._costs, task, record)
        self._watch.finished(task, record, self._state())
        self._look_for_reason(record.failure)

    def _look_for_reason(self, failure: Failure | None) -> None:
        """Failures that end the run: any with `fail_fast`, or several in a row that say the same."""
        if failure is None:
            self._same_failures = (None, 0)
            return
        said = (failure.kind, failure.message)
        self._same_failures = said, (self._same_failures[1] + 1 if self._same_failures[0] == said else 1)
        if self._options.fail_fast:
            self._reason = "at the first failure, as asked"
        elif self._same_failures[1] == self._options.max_failures:
            said_so = f"{self._options.max_failures} failures in a row that say the same"
            self._reason = f"after {said_so} ({in_a_line(failure)})"

    def _keep_finished(self, pool: Pool) -> None:
        """Store what killed workers had finished; what they were at is to be trained again."""
        for worker, event in pool.last_words():
            if event["event"] in ("done", "failed"):
                self._finished(worker, event)

    def _state(self) -> State:
        running = tuple(
            Running(training.task, time.monotonic() - training.since, training.progress)
            for training in self._running.values()
        )
        needs = (each.seconds_left(self._costs.expected(each.task.trial.spec)) for each in running)
        done = self._skipped + self._failed_before + self._trained + self._failed
        return State(done, self._planned, running, seconds_left(self._left, self._costs, self._jobs, needs))

    def _outcome(self) -> Outcome:
        return Outcome(
            planned=self._planned,
            skipped=self._skipped,
            trained=self._trained,
            diverged=self._diverged,
            failed=self._failed,
            mendable=self._mendable,
            failed_before=self._failed_before,
            interrupted=self._signals.received,
            reason=self._reason,
        )


class _Training:
    """A task that a worker is at."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.since = time.monotonic()
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.progress: Progress | None = None


def _check_data(waiting: Iterable[Task], options: Options) -> None:
    """UserError where a data folder that the user names lacks a dataset: once, before any worker starts."""
    for name in {task.trial.spec.data.name for task in waiting} & KNOWN.keys():
        find(name, KNOWN[name], options.data_folder)


def _unproven(waiting: Iterable[Task]) -> deque[Task]:
    """One task for each model with a user's own layer in it: whether that works, only trying tells."""
    found: dict[tuple[Any, ...], Task] = {}
    for task in waiting:
        spec = task.trial.spec
        if isinstance(spec.norm, OwnNorm):
            # The optimizer, batch size and length make no difference to the layer.
            key = (spec.data.name, spec.data.source, repr(spec.model), repr(spec.norm), task.trial.search_path)
            found.setdefault(key, task)
    return deque(found.values())


def _last_lines(text: str) -> str:
    return "\n".join(line[:200] for line in text.splitlines()[-_LOG_LINES:])
