"""The run: survey what is there, have an engine train what is missing, store each record as it comes."""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from pydantic import ValidationError

from bnexp.data.download import fetch
from bnexp.data.known import KNOWN
from bnexp.data.places import find
from bnexp.errors import UserError
from bnexp.records.environment import environment
from bnexp.records.record import Failure, TrialRecord
from bnexp.records.store import Store
from bnexp.running.costs import seconds_left
from bnexp.running.engine import Engine, Worker, engine
from bnexp.running.options import Options
from bnexp.running.own_layers import OwnLayers, lost
from bnexp.running.progress import Running, State, Watcher, in_a_line, last_lines
from bnexp.running.protocol import Begun, Check, Checked, Ended, Event, Progressed, Ready, Train, Trained, Unable
from bnexp.running.queue import Queue
from bnexp.running.signals import Signals
from bnexp.running.slots import Idle, Slot, Starting, Training, Trying
from bnexp.running.survey import Outcome, Survey, Task, images, of_shard, survey, tasks, to_mend
from bnexp.specs.experiment import Experiment, PlannedTrial
from bnexp.specs.trial import PROTOCOL, TrialSpec
from bnexp.specs.wording import duration
from bnexp.usercode.code import code_of

_TICK = 0.25  # seconds between two looks at claims and at the live view, when nothing happens
_START_FAILURES = 3  # workers in a row that end before they are ready, after others were: then something is broken
_START_KILLS = 10  # the same for workers that are killed, which more often is somebody's doing than a fault
_FEW_SPECS = 32  # of which what is left is estimated each time, of more once a second


def run(
    experiments: Sequence[Experiment],
    store: Store,
    options: Options,
    watch: Watcher,
    *,
    selected: Sequence[Iterable[PlannedTrial]] | None = None,
) -> Outcome:
    """Train every trial of the experiments that has no record yet; returns what it came to.

    `selected` holds what is wanted of each experiment (`config.selection.select`), by default all.
    Raises UserError where no trial could be trained: no GPU, a results folder that cannot be read or written, a data
    folder without the data.
    Every trial that finishes is kept whatever comes after it.  Needs no `__main__` guard.
    """
    try:
        found = survey(of_shard(tasks(experiments, selected), options.shard), store)
        # A download ends at once with Ctrl-C: nothing is being trained yet.
        _get_data({task.trial.spec.data.name for task in found.waiting} & KNOWN.keys(), options, watch)
        with Signals() as signals:
            for experiment in experiments:
                store.keep_plan(experiment)
            return _Run(found, store, options, watch, signals).to_end()
    finally:
        watch.close()


def _get_data(names: Iterable[str], options: Options, watch: Watcher) -> None:
    """Download what is not here, or say once that it cannot be had, before any worker starts; elsewhere workers do."""
    for name in sorted(names):
        if find(name, KNOWN[name], options.data_folder) is None and options.engine == "local":
            watch.downloading(name)
            fetch(name)


class _Run:
    """One run from its survey to its outcome."""

    def __init__(self, found: Survey, store: Store, options: Options, watch: Watcher, signals: Signals) -> None:
        failed = [] if options.retry_failed or options.force else found.failed
        finished = [] if options.force else found.finished
        skipped = {task.trial.identity for task in (*failed, *finished)}
        waiting = [task for task in found.tasks if task.trial.identity not in skipped]
        self._outcome = Outcome(planned=len(found.tasks), skipped=len(finished), failed_before=len(failed))
        self._queue = Queue(waiting, store, options, self._done_meanwhile)
        self._layers = OwnLayers(waiting)
        self._slots: dict[Worker, Slot] = {}
        self._jobs = 0
        self._costs = found.costs
        self._data = {} if options.force else dict(found.data)
        self._failed_before = frozenset(task.trial.identity for task in found.failed)
        self._store, self._options, self._watch, self._signals = store, options, watch, signals
        self._ever_ready, self._start_failures = False, 0
        self._cautions: set[str] = set()
        self._identical_failures: list[tuple[str, str]] = []  # the latest ones
        self._estimate: float | None = None
        self._estimated = 0.0

    def to_end(self) -> Outcome:
        """Train what is waiting, until nothing is, or something ends the run early."""
        with ExitStack() as stack:
            place = stack.enter_context(engine(self._options, len(self._queue))) if self._queue else None
            self._jobs = 0 if place is None else place.capacity()
            self._watch.planned(self._outcome.planned, self._outcome.skipped, self._outcome.failed_before, self._jobs)
            if place is not None:
                self._train(place)
        outcome = replace(self._outcome, interrupted=self._signals.received)
        self._watch.stopped(outcome, self._options.resume)
        return outcome

    def _train(self, place: Engine) -> None:
        place.wake_on(self._signals.fileno())
        try:
            while not self._over():
                self._jobs = place.capacity()
                while len(place) < min(self._jobs, len(self._queue) + len(self._running())):
                    worker = place.start()
                    self._slots[worker] = Slot(worker)
                self._hand_out()
                for worker, event in place.events(_TICK):
                    self._take(place, worker, event)
                for slot in self._slots.values():
                    slot.stop_if_late(self._options)
                self._watch.tick(self._state())
        finally:
            place.kill()
            for worker, event in place.last_words():  # what else they were at is to be trained again
                if isinstance(event, Trained) and worker in self._slots:
                    self._trained(self._slots[worker], event)
            self._queue.release_all()

    def _over(self) -> bool:
        if self._signals.received or self._outcome.reason:
            return True
        if self._queue or self._running():
            return False
        if self._queue.budget.spent:
            self._end(f"at the budget of {duration(self._options.budget or 0)}, with whole seeds")
        return True

    def _end(self, reason: str) -> None:
        self._outcome = replace(self._outcome, reason=reason)

    def _running(self) -> list[Running]:
        now = time.monotonic()
        slots = [(slot, slot.state) for slot in self._slots.values()]
        return [Running(at.task, now - slot.since, at.progress) for slot, at in slots if isinstance(at, Training)]

    def _hand_out(self) -> None:
        """Before anything is trained, users' own layers are tried, one after the other."""
        trying = any(isinstance(slot.state, Trying) for slot in self._slots.values())
        for slot in self._slots.values():
            if not isinstance(slot.state, Idle):
                continue
            if self._layers.untried:
                if not trying:
                    task = self._layers.untried[0]
                    slot.become(Trying(task))
                    slot.worker.say(Check(task.trial))
                return
            others = {model for other in self._slots.values() if other is not slot for model in other.models}
            chosen = self._queue.next(slot.models, others, self._seconds_for)
            if chosen is None:
                return
            slot.train(chosen)
            trial = replace(chosen.trial, data_hash=self._data.get(images(chosen.trial.spec)))
            slot.worker.say(Train(trial, str(self._store.log(trial).absolute())))
            self._watch.started(chosen)

    def _done_meanwhile(self, task: Task, record: TrialRecord) -> bool:
        """Whether another run on this folder has finished the task since the survey."""
        if record.failure is not None:
            if to_mend(record) or task.trial.identity in self._failed_before:
                return False
            self._outcome = self._outcome.plus(failed_before=1)
        else:
            self._outcome = self._outcome.plus(skipped=1)
            self._costs.learn(task.trial.spec, record)
        return True

    def _take(self, place: Engine, worker: Worker, event: Event) -> None:
        """What a worker says, and what follows from it."""
        slot = self._slots.get(worker)
        if slot is None:  # removed before its last words were read
            return
        match event:
            case Ready(description):
                slot.become(Idle())
                self._start_failures = 0
                if not self._ever_ready:
                    self._watch.ready(description)
                self._ever_ready = True
            case Unable(failure):
                self._forget(place, slot)
                self._start_failed(failure.message if failure.kind == "UserError" else failure.traceback)
            case Checked(failure, altered):
                slot.become(Idle())
                self._replace(place, slot, self._layers.untried[0], altered=altered)
                self._layers.answered(failure)
            case Begun():
                slot.become(slot.state)
            case Progressed(progress):
                self._caution(progress.cautions)
                if task := slot.progressed(progress):
                    self._watch.progressed(task, progress)
            case Trained():
                task = self._trained(slot, event)
                worn_out = slot.worn_out(event.memory_bytes, self._options)
                self._replace(place, slot, task, altered=event.altered, worn_out=worn_out)
            case Ended():
                self._forget(place, slot)
                self._ended(slot, event)

    def _forget(self, place: Engine, slot: Slot) -> None:
        place.remove(slot.worker)
        del self._slots[slot.worker]

    def _replace(self, place: Engine, slot: Slot, task: Task, *, altered: bool, worn_out: bool = False) -> None:
        """A worker ends that is worn out, or in which a user's code has changed what others would be trained with."""
        if altered:
            own = " or ".join(code.name for code in code_of(task.trial.spec, task.trial.search_path).values())
            said = f"{own}: changes Keras or NumPy for its whole process, which is replaced after each such trial"
            self._caution([said])
        if altered or worn_out:
            self._forget(place, slot)

    def _start_failed(self, reason: str, *, killed: bool = False) -> None:
        """A worker cannot work.  The first one stands for all, unless it was killed; later ones have more tries."""
        self._start_failures += 1
        enough = _START_KILLS if killed else _START_FAILURES if self._ever_ready else 1
        if self._start_failures >= enough:
            raise UserError(f"no trial can be trained: {reason.strip()}")

    def _caution(self, texts: Iterable[str]) -> None:
        """Tell what was not told before: every trial with the same data says the same."""
        for text in texts:
            if text not in self._cautions:
                self._cautions.add(text)
                self._watch.cautioned(text)

    def _trained(self, slot: Slot, event: Trained) -> Task:
        """A worker is done with a trial, which is returned, and free."""
        training = slot.state
        assert isinstance(training, Training)
        slot.become(Idle())
        result = event.result
        self._keep(training, self._checked(training, result) if isinstance(result, str) else result)
        return training.task

    def _checked(self, training: Training, text: str) -> TrialRecord | Failure:
        """The record that a worker has sent, if it is this trial's."""
        try:
            record = TrialRecord.model_validate_json(text)
        except ValidationError as error:
            message = str(error)
        else:
            if record.identity == training.task.trial.identity:
                return self._with_its_data(training, record)
            message = f"the trainer returned the record of another trial, {record.identity[:16]}"
        return Failure(kind="ValidationError", message=message, traceback="")

    def _with_its_data(self, training: Training, record: TrialRecord) -> TrialRecord | Failure:
        """The record, or a failure if the trial was trained on other data than those before it."""
        trial = training.task.trial
        if record.data_hash:
            first = self._data.setdefault(images(trial.spec), record.data_hash)
            try:
                replace(trial, data_hash=first).check_data(record.data_hash)
            except UserError as error:
                return Failure(kind="UserError", message=str(error), traceback="")
        return record

    def _ended(self, slot: Slot, event: Ended) -> None:
        """A worker is gone: before it was ready, idle, or with what it was at."""
        limit = duration(self._options.start_timeout)
        match slot.state:
            case Starting():
                told = f"not ready after {limit}" if slot.late else event.message
                reason = f"the worker ended at its start: {told}\n{last_lines(event.log)}"
                self._start_failed(reason, killed=event.kind != "exit" and not slot.late)
            case Trying(task):
                raise lost(task, f"it took more than {limit}" if slot.late else event.message, event.log)
            case Training():
                self._lost(slot.state, event, late=slot.late)

    def _lost(self, training: Training, event: Ended, *, late: bool) -> None:
        """A trial whose worker is gone: trained again as often as the options say, else recorded as failed."""
        kind, message = event.kind, f"the worker ended: {event.message}"
        if late:
            kind = "timeout"
            message = f"ended after {duration(self._options.timeout or 0)}, the --timeout of a trial"
        elif self._queue.retry(training.task):
            self._watch.lost(training.task, message)
            return
        log = self._store.log(training.task.trial)
        last = last_lines(log.read_text(errors="replace") if log.exists() else event.log)
        failure = Failure(kind=kind, message=message, traceback=last)
        self._keep(training, failure, event.peak_memory_bytes)

    def _keep(self, training: Training, found: TrialRecord | Failure, peak_memory_bytes: int | None = None) -> None:
        """Store a record, or that of a failure; count it, tell of it."""
        task = training.task
        record = found
        if isinstance(record, Failure):
            record = TrialRecord(
                protocol=PROTOCOL,
                identity=task.trial.identity,
                spec=task.trial.spec.model_dump(mode="json"),
                seed=task.trial.seed,
                status="failed",
                started=training.started,
                peak_memory_bytes=peak_memory_bytes,
                environment=environment(),
                failure=record,
            )
        self._caution(record.execution.get("cautions", ()))  # where its progress was not heard
        beside = {"jobs": self._jobs, "threads": self._options.threads}
        record = record.model_copy(update={"execution": {**record.execution, **beside}})
        self._store.write(task.trial, record)
        self._queue.release(task)
        self._outcome = self._outcome.after(record)
        self._look_at_failures(record.failure)
        self._costs.learn(task.trial.spec, record)
        self._watch.finished(task, record, self._state())

    def _look_at_failures(self, failure: Failure | None) -> None:
        """End the run at any failure with `fail_fast`, or after several that say the same."""
        if failure is None:
            self._identical_failures = []
            return
        said = (failure.kind, failure.message)
        self._identical_failures = [said, *(before for before in self._identical_failures if before == said)]
        if self._options.fail_fast:
            self._end("at the first failure, as asked")
        elif (count := len(self._identical_failures)) == self._options.max_failures:
            self._end(f"after {count} identical consecutive failures ({in_a_line(failure)})")

    def _state(self) -> State:
        """How far all is; until when, of a plan of many specs, is looked up once a second only."""
        now = time.monotonic()
        if len(self._queue.left) <= _FEW_SPECS or now - self._estimated > 1:
            self._estimate, self._estimated = self._seconds_for(self._queue.left), now
            budget = self._queue.budget.seconds_left()
            if budget is not None and self._estimate is not None and self._estimate > budget:
                # What was begun is trained to its end, and nothing else is begun after it.
                self._estimate = max(budget, self._seconds_for(self._queue.of_begun_blocks()) or 0.0)
        done = self._outcome.planned - self._outcome.left
        return State(done, self._outcome.planned, tuple(self._running()), self._estimate)

    def _seconds_for(self, waiting: Mapping[TrialSpec, int]) -> float | None:
        """Seconds until what runs now, and so many trials of each spec, would be done; None if nothing says so."""
        running = (each.seconds_left(self._costs.expected(each.task.trial.spec)) for each in self._running())
        return seconds_left(waiting, self._costs.expected, max(1, self._jobs), running)
