"""The run: survey what is there, have an engine train what is missing, store each record as it comes."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from bnexp.data.known import KNOWN
from bnexp.data.places import find
from bnexp.errors import UserError
from bnexp.records.record import Failure, Progress, TrialRecord
from bnexp.records.store import Store, written
from bnexp.running.budget import Budget
from bnexp.running.claims import Claims
from bnexp.running.engine import Engine, Event, Slot, engine
from bnexp.running.estimate import seconds_left
from bnexp.running.feeding import REMEMBERED, choose, model_of
from bnexp.running.options import Options
from bnexp.running.outcome import Outcome
from bnexp.running.own_layers import OwnLayers
from bnexp.running.progress import Running, State, Watcher, duration, last_lines
from bnexp.running.signals import Signals
from bnexp.running.survey import Survey, Task, learn, of_shard, survey, tasks
from bnexp.running.tally import Tally
from bnexp.running.training import Training, Use
from bnexp.specs.experiment import Experiment, PlannedTrial
from bnexp.specs.trial import PROTOCOL

_TICK = 0.25  # seconds between two looks at claims and at the live view, when nothing happens
_START_FAILURES = 3  # workers in a row that end before they are ready, after others were: then something is broken
_START_KILLS = 10  # the same for workers that are killed, which more often is somebody's doing than a fault
_FEW_SPECS = 32


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
            found = survey(of_shard(tasks(experiments, selected), options.shard), store)
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
        skipped, failed_before = len(found.finished) - len(anew), len(found.failed) - len(again)
        self._tally = Tally(len(found.tasks), skipped, failed_before, options)
        self._jobs = 0
        self._costs = found.costs
        self._store, self._options, self._watch, self._signals = store, options, watch, signals
        self._claims = Claims()
        self._starting: dict[Slot, float] = {}
        self._idle: list[Slot] = []
        self._layers = OwnLayers(self._waiting, options.start_timeout)
        self._running: dict[Slot, Training] = {}
        self._models: defaultdict[Slot, deque[str]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._use: defaultdict[Slot, Use] = defaultdict(Use)
        self._tries: Counter[str] = Counter()
        self._budget = Budget(options.budget)
        self._ever_ready = False
        self._cautions: set[str] = set()
        self._start_failures = 0
        self._estimate: float | None = None
        self._estimated = 0.0

    def to_end(self) -> Outcome:
        """Train what is waiting, until nothing is, or something ends the run early."""
        if self._waiting:
            with engine(self._options, len(self._waiting)) as place:
                self._jobs = place.capacity()
                self._tell_plan()
                place.wake_on(self._signals.fileno())
                try:
                    while not self._over():
                        self._staff(place)
                        self._hand_out()
                        for slot, event in place.events(_TICK):
                            self._take(place, slot, event)
                        self._stop_late_ones()
                        self._watch.tick(self._state())
                finally:
                    place.kill()
                    self._keep_finished(place)
                    self._claims.release_all()
        else:
            self._tell_plan()
        outcome = self._tally.outcome(self._signals.received)
        self._watch.stopped(outcome, self._options.resume)
        return outcome

    def _tell_plan(self) -> None:
        self._watch.planned(self._tally.planned, self._tally.skipped, self._tally.failed_before, self._jobs)

    def _over(self) -> bool:
        if self._signals.received or self._tally.reason:
            return True
        if self._waiting or self._running:
            return False
        if self._budget.spent:
            self._tally.reason = f"at the budget of {duration(self._budget.seconds)}, with whole seeds"
        return True

    def _staff(self, place: Engine) -> None:
        """As many slots as there is work for, up to the engine's capacity."""
        self._jobs = place.capacity()
        while len(place) < min(self._jobs, len(self._waiting) + len(self._running)):
            self._starting[place.start()] = time.monotonic()

    def _hand_out(self) -> None:
        """Before anything is trained, users' own layers are tried, in the first worker that is ready."""
        if self._layers.wants_slot and self._idle:
            self._layers.try_next(self._idle.pop())
        if self._layers.untried:
            return
        while self._idle and (task := self._next(self._idle[-1])):
            slot = self._idle.pop()
            self._running[slot] = Training(task)
            self._models[slot].append(model_of(task.trial.spec))
            slot.give(task.trial, self._store.log(task.trial))
            self._watch.started(task)

    def _stop_late_ones(self) -> None:
        """End the workers that take longer than they may: to start, to try a user's layer, to train a trial."""
        now, limit, start_limit = time.monotonic(), self._options.timeout, self._options.start_timeout
        for slot, training in self._running.items():
            if limit is not None and now - training.since > limit and not training.late:
                training.late = True
                slot.stop()
        for slot, since in self._starting.items():
            if now - since > start_limit:
                slot.stop()
        self._layers.stop_late_one()

    def _next(self, slot: Slot) -> Task | None:
        """The waiting task that suits the slot and that no other run is at; None if there is none at the moment."""
        mine = self._models[slot]
        others = {model for other, models in self._models.items() if other is not slot for model in models}
        for _ in range(len(self._waiting)):
            index = choose(self._waiting, mine, others)
            task = self._waiting[index]
            if not self._budget.admits(task.block, partial(self._expected_until_end_of, task.block)):
                self._drop_what_is_not_begun()
                return None
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

    def _drop_what_is_not_begun(self) -> None:
        """The budget is spent: what waits of seeds that were begun, such as a lost trial, is still trained."""
        self._waiting = deque(task for task in self._waiting if self._budget.has_begun(task.block))
        self._left = Counter(task.trial.spec for task in self._waiting)

    def _done_meanwhile(self, task: Task) -> bool:
        """Whether another run on this folder has finished the task since the survey."""
        record = None if self._options.force else self._store.read(task.trial)
        if record is None or self._meant_again(task, record):
            return False
        if record.status == "failed":
            self._tally.failed_before += 1
        else:
            self._tally.skipped += 1
            learn(self._costs, task, record)
        return True

    def _meant_again(self, task: Task, record: TrialRecord) -> bool:
        return record.failure is not None and (
            task.trial.identity in self._tried_before or record.failure.kind == "UserError"
        )

    def _take(self, place: Engine, slot: Slot, event: Event) -> None:
        """What a slot says, and what follows from it."""
        match event["event"]:
            case "ready":
                self._ready(slot, event["description"])
            case "checked":
                failure = event["failure"]
                self._idle.append(slot)
                self._layers.answered(None if failure is None else Failure.model_validate(failure))
            case "begun":
                self._running[slot].since = time.monotonic()
            case "progress":
                self._progressed(slot, Progress.model_validate(event["progress"]))
            case "done" | "failed":
                self._finished(slot, event)
                if self._use[slot].worn_out(event.get("memory_bytes"), self._options):
                    self._forget(place, slot)
                else:
                    self._idle.append(slot)
            case "unable":
                self._starting.pop(slot, None)
                unable = Failure.model_validate(event["failure"])
                self._start_failed(unable.message if unable.kind == "UserError" else unable.traceback)
            case "ended":
                self._ended(place, slot, event)

    def _ready(self, slot: Slot, description: dict[str, Any]) -> None:
        self._starting.pop(slot, None)
        self._idle.append(slot)
        self._start_failures = 0
        if not self._ever_ready:
            self._ever_ready = True
            self._watch.ready(description)

    def _start_failed(self, reason: str, *, killed: bool = False) -> None:
        """A worker cannot work.  The first one stands for all, unless it was killed; later ones have more tries."""
        self._start_failures += 1
        enough = _START_KILLS if killed else _START_FAILURES if self._ever_ready else 1
        if self._start_failures >= enough:
            raise UserError(f"no trial can be trained: {reason.strip()}")

    def _progressed(self, slot: Slot, progress: Progress) -> None:
        training = self._running[slot]
        training.progress = progress
        self._caution(progress.cautions)
        self._watch.progressed(training.task, progress)

    def _caution(self, texts: Iterable[str]) -> None:
        """Tell what was not told before: every trial with the same data says the same."""
        for text in dict.fromkeys(texts):
            if text not in self._cautions:
                self._cautions.add(text)
                self._watch.cautioned(text)

    def _finished(self, slot: Slot, event: Event) -> None:
        training = self._running.pop(slot)
        if event["event"] == "failed":
            record = self._failure(training, Failure.model_validate(event["failure"]))
        else:
            record = self._checked(training, event["record"])
        self._keep(training.task, record)

    def _checked(self, training: Training, text: str) -> TrialRecord:
        """The record that a worker has sent, or one of a failure if it is not this trial's."""
        try:
            record = TrialRecord.model_validate_json(text)
        except ValidationError as error:
            return self._failure(training, Failure(kind="ValidationError", message=str(error), traceback=""))
        if record.identity != training.task.trial.identity:
            message = f"the trainer returned the record of another trial, {record.identity[:16]}"
            return self._failure(training, Failure(kind="ValidationError", message=message, traceback=""))
        return record

    def _ended(self, place: Engine, slot: Slot, event: Event) -> None:
        """A worker is gone: with the trial that it was at, before it was ready, or idle."""
        if slot in self._idle:
            self._idle.remove(slot)
        elif self._layers.tried_by(slot):
            raise self._layers.lost(event)
        elif slot in self._running:
            self._lost(self._running.pop(slot), event)
        elif slot in self._starting:
            late = time.monotonic() - self._starting.pop(slot) > self._options.start_timeout
            told = f"not ready after {duration(self._options.start_timeout)}" if late else event["message"]
            reason = f"the worker ended at its start: {told}\n{last_lines(event['log'])}"
            self._start_failed(reason, killed=event["kind"] != "exit" and not late)
        self._forget(place, slot)

    def _forget(self, place: Engine, slot: Slot) -> None:
        place.remove(slot)
        self._models.pop(slot, None)
        self._use.pop(slot, None)

    def _lost(self, training: Training, event: Event) -> None:
        """A trial whose worker is gone: begun anew as often as the options say, else recorded as failed."""
        task, message = training.task, f"the worker ended: {event['message']}"
        self._tries[task.trial.identity] += 1
        if training.late and self._options.timeout is not None:
            event = {**event, "kind": "timeout"}
            message = f"ended after {duration(self._options.timeout)}, the --timeout of a trial"
        elif self._tries[task.trial.identity] < self._options.tries:
            self._watch.lost(task, message)
            self._claims.release(self._store.folder(task.trial))
            self._left[task.trial.spec] += 1
            self._waiting.appendleft(task)
            return
        log = self._store.log(task.trial)
        last = last_lines(log.read_text(errors="replace") if log.exists() else event["log"])
        failure = Failure(kind=event["kind"], message=message, traceback=last)
        self._keep(task, self._failure(training, failure, event["peak_memory_bytes"]))

    def _failure(self, training: Training, failure: Failure, peak_memory_bytes: int | None = None) -> TrialRecord:
        from bnexp.records.environment import environment  # noqa: PLC0415  # a run without failures needs it not

        trial = training.task.trial
        return TrialRecord(
            protocol=PROTOCOL,
            identity=trial.identity,
            spec=trial.spec.model_dump(mode="json"),
            seed=trial.seed,
            status="failed",
            started=training.started,
            peak_memory_bytes=peak_memory_bytes,
            environment=environment(),
            failure=failure,
        )

    def _keep(self, task: Task, record: TrialRecord) -> None:
        """Store a record, count it, tell of it."""
        self._caution(record.execution.get("cautions", ()))  # where its progress was not heard
        beside = {"jobs": self._jobs, "threads": self._options.threads}
        record = record.model_copy(update={"execution": {**record.execution, **beside}})
        self._store.write(task.trial, record)
        self._claims.release(self._store.folder(task.trial))
        self._tally.count(record)
        learn(self._costs, task, record)
        self._watch.finished(task, record, self._state())

    def _keep_finished(self, place: Engine) -> None:
        """Store what killed workers had finished; what they were at is to be trained again."""
        for slot, event in place.last_words():
            if event["event"] in ("done", "failed") and slot in self._running:
                self._finished(slot, event)

    def _expected_until_end_of(self, block: int) -> float | None:
        """Seconds until what runs now and this block of seeds would be done; None if nothing measured says so."""
        waiting = Counter(task.trial.spec for task in self._waiting if task.block == block)
        return seconds_left(waiting, self._costs, max(1, self._jobs), self._needs())

    def _now(self) -> tuple[Running, ...]:
        return tuple(
            Running(training.task, time.monotonic() - training.since, training.progress)
            for training in self._running.values()
        )

    def _needs(self) -> Iterator[float | None]:
        """What each running trial still needs, in seconds."""
        return (each.seconds_left(self._costs.expected(each.task.trial.spec)) for each in self._now())

    def _state(self) -> State:
        running = self._now()
        return State(self._tally.done, self._tally.planned, running, self._seconds_left())

    def _seconds_left(self) -> float | None:
        """Until all is done; of a plan of many specs looked up once a second only."""
        now = time.monotonic()
        if len(self._left) <= _FEW_SPECS or now - self._estimated > 1:
            self._estimate = seconds_left(self._left, self._costs, max(1, self._jobs), self._needs())
            self._estimated = now
        return self._estimate


def _check_data(waiting: Iterable[Task], options: Options) -> None:
    """UserError where a data folder that the user names lacks a dataset: once, before any worker starts."""
    for name in {task.trial.spec.data.name for task in waiting} & KNOWN.keys():
        find(name, KNOWN[name], options.data_folder)
