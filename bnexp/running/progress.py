"""What a run tells while it goes on, and to whom: the watcher, and those that print plain lines."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from bnexp.records.record import Failure, Progress, TrialRecord
from bnexp.running.survey import Outcome, Task
from bnexp.specs.trial import Trial
from bnexp.specs.wording import duration, printable

_LOG_LINES = 20  # of a log, its end
_FIX = "Fix the cause shown above, then run again"
_STYLES = {"failed": "red", "diverged": "yellow"}


@dataclass(frozen=True)
class Running:
    """A trial at this moment."""

    task: Task
    seconds: float  # since it was given to its worker
    progress: Progress | None

    def seconds_left(self, expected: float | None) -> float | None:
        """What it still needs, if it takes `expected` seconds in all; else by how far it is; None if unknown."""
        if expected is not None:
            return max(0.0, expected - self.seconds)
        if self.progress is None or self.progress.step == 0:
            return None
        return self.seconds * (self.progress.steps - self.progress.step) / self.progress.step


@dataclass(frozen=True)
class State:
    """How far the whole is."""

    done: int  # trials with a record, those of earlier runs included
    planned: int
    running: tuple[Running, ...] = ()
    seconds_left: float | None = None


class Watcher:
    """What the runner calls, always from its own thread, in this order; by itself it tells nothing."""

    def downloading(self, name: str) -> None:
        """A dataset is not here, and is fetched first."""

    def planned(self, planned: int, skipped: int, failed_before: int, jobs: int) -> None:
        """The work is known; `jobs` workers start (0: nothing is left to do)."""

    def ready(self, description: dict[str, Any]) -> None:
        """The first worker is up; the description is the trainer's (`device` and more)."""

    def started(self, task: Task) -> None:
        """A trial has been given to a worker."""

    def progressed(self, task: Task, progress: Progress) -> None:
        """A running trial is so far."""

    def cautioned(self, text: str) -> None:
        """What a worker has noticed of the data and may surprise; each once in a run."""

    def lost(self, task: Task, message: str) -> None:
        """The worker of a running trial is gone, and the trial will be retried."""

    def finished(self, task: Task, record: TrialRecord, state: State) -> None:
        """A trial's record is stored: ok, diverged or failed."""

    def tick(self, state: State) -> None:
        """Called a few times a second."""

    def stopped(self, outcome: Outcome, resume: str) -> None:
        """The run has come to its end, or was stopped; `resume` is the command that goes on, if known."""

    def looked(self, text: str) -> None:
        """Where seeds are added until all is decided: what a look has shown."""

    def close(self) -> None:
        """Nothing more comes, even after an error; may be called more than once."""


class Lines(Watcher):
    """Prints one line for each finished trial: for log files, pipes and CI.  With `log`, also for each that starts."""

    def __init__(self, stream: TextIO, log: Callable[[Trial], Path] | None = None) -> None:
        self._stream, self._log = stream, log

    def say(self, text: str, style: str = "") -> None:
        """Print some lines, at once; a style is for a terminal."""
        print(text, file=self._stream, flush=True)

    def downloading(self, name: str) -> None:
        self.say(f"downloading {name} ...")

    def planned(self, planned: int, skipped: int, failed_before: int, jobs: int) -> None:
        parts = [f"{skipped} finished before"] if skipped else []
        parts += [f"{failed_before} failed before (again with --retry-failed)"] if failed_before else []
        to_train = planned - skipped - failed_before
        parts += [f"{to_train} to train ({jobs} at a time)"] if jobs else ["nothing to train"]
        self.say(f"{planned} trial{'s' * (planned != 1)}: {', '.join(parts)}")

    def looked(self, text: str) -> None:
        self.say(printable(text))

    def ready(self, description: dict[str, Any]) -> None:
        device, name = str(description.get("device", "?")), str(description.get("device_name", ""))
        where = device if name.lower() in ("", device.lower()) else f"{device} ({name})"
        threads = description.get("threads")
        each = f", {threads} thread{'s' * (threads != 1)} each" if threads else ""
        self.say(printable(f"Training on {where}{each}"))

    def started(self, task: Task) -> None:
        if self._log:
            self.say(f"start: {printable(task.label)}; log: {self._log(task.trial)}")

    def cautioned(self, text: str) -> None:
        self.say(printable(f"caution: {text}"), "yellow")

    def lost(self, task: Task, message: str) -> None:
        self.say(printable(f"{task.label}: {message}; retrying"), "yellow")

    def finished(self, task: Task, record: TrialRecord, state: State) -> None:
        """Such as `[ 12/50] mnist bn-pre seed 2: test accuracy 99.12 %, 41 s (about 12 min left)`.

        Below a failure stands its traceback, or what else its message says.
        """
        width = len(str(state.planned)) + 1
        left = f" (about {duration(state.seconds_left)} left)" if state.seconds_left else ""
        took = f", {duration(record.seconds.total)}" if record.seconds else ""
        if record.failure:
            result = printable(f"FAILED: {in_a_line(record.failure)}")
        elif record.status == "diverged":
            result = f"diverged at step {record.diverged_at_step}{took}"
        else:
            result = (f"test accuracy {record.test.accuracy * 100:.2f} %" if record.test else "ok") + took
        text = f"[{state.done:{width}}/{state.planned}] {printable(task.label)}: {result}{left}"
        if record.failure and (below := record.failure.traceback or record.failure.message.partition("\n")[2]):
            text += "".join(f"\n    {printable(line.expandtabs())}" for line in below.rstrip().split("\n"))
        self.say(text, _STYLES.get(record.status, ""))

    def stopped(self, outcome: Outcome, resume: str) -> None:
        self.say(stopped_text(outcome, resume))


class Errors(Lines):
    """Prints failures, and how to go on after an interruption: what `-q` leaves."""

    planned, ready, cautioned = Watcher.planned, Watcher.ready, Watcher.cautioned

    def finished(self, task: Task, record: TrialRecord, state: State) -> None:
        if record.failure:
            super().finished(task, record, state)

    def stopped(self, outcome: Outcome, resume: str) -> None:
        if outcome.interrupted or outcome.reason or outcome.exit_code:
            super().stopped(outcome, resume)


def stopped_text(outcome: Outcome, resume: str) -> str:
    """What the run came to, and what to do next."""
    trained = f"{outcome.trained} trained" + (f" ({outcome.diverged} diverged)" if outcome.diverged else "")
    others = {
        "finished before": outcome.skipped,
        "failed": outcome.failed,
        "failed before": outcome.failed_before,
        "left": outcome.left,
    }
    text = ", ".join([trained, *(f"{count} {what}" for what, count in others.items() if count)])
    if outcome.interrupted:
        cause = "Ctrl-C" if outcome.interrupted == signal.SIGINT else signal.Signals(outcome.interrupted).name
        text = f"Stopped by {cause}: {text}; every finished trial is kept"
        return f"{text}. Go on with:\n  {printable(resume)}" if resume else text
    mendable = outcome.failed == outcome.mendable > 0 and not outcome.failed_before
    if outcome.reason:
        again = _FIX if mendable else "--retry-failed trains failed trials again"
        return f"Stopped {printable(outcome.reason)}: {text}. {again}"
    if outcome.exit_code:
        return f"{text}. {_FIX if mendable else 'Their run.log says more; --retry-failed trains them again'}"
    return text


def last_lines(text: str) -> str:
    """The end of a log, where the reason stands."""
    return "\n".join(line[:200] for line in text.splitlines()[-_LOG_LINES:])


def in_a_line(failure: Failure) -> str:
    """The first line of what a failure says, with its kind where that is a Python exception's."""
    first = failure.message.partition("\n")[0]
    return first if failure.kind in ("UserError", "signal", "exit") else f"{failure.kind}: {first}"
