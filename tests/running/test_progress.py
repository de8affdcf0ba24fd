"""What a run tells: plain lines, the live view, and harmless names."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_trainer import record
from ground import SPECS
from rich.console import Console

from bnexp.records.record import Failure, Progress, Seconds, TrialRecord
from bnexp.running.live import LiveView, view
from bnexp.running.progress import Errors, Lines, Running, State, Watcher
from bnexp.running.survey import Outcome, Task
from bnexp.specs.trial import Trial
from bnexp.specs.wording import duration, printable

TRIAL = Trial(SPECS["batch"], 2)
TASK = Task(TRIAL, "mnist", "bn-pre", (("training.batch_size", 16),))
HOSTILE = Task(TRIAL, "mnist", "[red]\x1b[2J<b>\u202e\n[/]")
RECORD = record(TRIAL).model_copy(
    update={
        "seconds": Seconds(data=0, compile=1, train=38, evaluate=2, total=41),
        "test": record(TRIAL).test.model_copy(update={"accuracy": 0.9912}),  # type: ignore[union-attr]  # there is one
    }
)


def failed(failure: Failure) -> TrialRecord:
    return RECORD.model_copy(update={"status": "failed", "test": None, "failure": failure})


FAILED = failed(Failure(kind="ValueError", message="\x1b[2J", traceback="a\nb"))


def said_of(what: str, *arguments: object) -> str:
    """What plain lines say of an event."""
    said = io.StringIO()
    getattr(Lines(said), what)(*arguments)
    return said.getvalue().removesuffix("\n")


@pytest.mark.parametrize(
    ("record", "state", "text"),
    [
        (RECORD, State(12, 50, seconds_left=720), "[ 12/50] {}: test accuracy 99.12 %, 41 s (about 12 min left)"),
        (FAILED, State(1, 2), "[ 1/2] {}: FAILED: ValueError: \\x1b[2J\n    a\n    b"),
        (
            failed(Failure(kind="UserError", message="data: d:f failed: no\nTraceback:\n  f()", traceback="")),
            State(1, 2),
            "[ 1/2] {}: FAILED: data: d:f failed: no\n    Traceback:\n      f()",
        ),
    ],
    ids=["ok", "with its traceback", "a message of several lines"],
)
def test_the_lines_of_a_finished_trial(record: TrialRecord, state: State, text: str) -> None:
    assert said_of("finished", TASK, record, state) == text.format(TASK.label)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((50, 12, 0, 2), "50 trials: 12 finished before, 38 to train (2 at a time)"),
        ((1, 0, 0, 1), "1 trial: 1 to train (1 at a time)"),
        ((3, 2, 1, 0), "3 trials: 2 finished before, 1 failed before (again with --retry-failed), nothing to train"),
    ],
)
def test_the_plan_in_words(arguments: tuple[int, int, int, int], text: str) -> None:
    assert said_of("planned", *arguments) == text


FIX = "Fix the cause shown above, then run again"
AGAIN = "--retry-failed trains failed trials again"
LOGS = "Their run.log says more; --retry-failed trains them again"
KEPT = "every finished trial is kept. Go on with:\n  bnexp run a"

OUTCOMES = [
    ({"trained": 2, "skipped": 1}, "2 trained, 1 finished before", 0),
    ({"trained": 3, "diverged": 1}, "3 trained (1 diverged)", 0),
    ({"trained": 1, "failed": 1, "failed_before": 1}, f"1 trained, 1 failed, 1 failed before. {LOGS}", 3),
    ({"trained": 1, "failed": 2, "mendable": 2}, f"1 trained, 2 failed. {FIX}", 3),
    ({"failed": 1, "mendable": 1, "reason": "because"}, f"Stopped because: 0 trained, 1 failed, 2 left. {FIX}", 3),
    ({"failed": 1, "mendable": 1, "failed_before": 1}, f"0 trained, 1 failed, 1 failed before, 1 left. {LOGS}", 3),
    ({"failed": 1, "reason": "because"}, f"Stopped because: 0 trained, 1 failed, 2 left. {AGAIN}", 3),
    ({"trained": 1, "interrupted": 2}, f"Stopped by Ctrl-C: 1 trained, 2 left; {KEPT}", 130),
    ({"interrupted": 15}, f"Stopped by SIGTERM: 0 trained, 3 left; {KEPT}", 143),
]


@pytest.mark.parametrize(("counts", "text", "code"), OUTCOMES)
def test_the_outcome_in_words_and_as_exit_code(counts: dict[str, Any], text: str, code: int) -> None:
    outcome = Outcome(**{"planned": 3, **counts})
    assert said_of("stopped", outcome, "bnexp run a") == text
    assert outcome.exit_code == code


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (99, "99 s"),
        (99.6, "2 min"),
        (3599, "1 h 0 min"),
        (4800, "1 h 20 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ({"device": "cpu", "device_name": "CPU", "threads": 1}, "Training on cpu, 1 thread each"),
        (
            {"device": "gpu", "device_name": "NVIDIA H200", "threads": 2},
            "Training on gpu (NVIDIA H200), 2 threads each",
        ),
    ],
)
def test_the_device_in_words(description: dict[str, object], text: str) -> None:
    assert said_of("ready", description) == text


def test_names_cannot_steer_the_terminal() -> None:
    assert printable(HOSTILE.variant) == "[red]\\x1b[2J<b>\\u202e\\n[/]"
    assert printable("größer 数 🙂") == "größer 数 🙂"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_live_view_shows_the_running_trials_and_keeps_names_harmless(terminal: bool) -> None:
    said = io.StringIO()
    watch = LiveView(said, Console(file=said, force_terminal=terminal, width=120, color_system=None))
    progress = Progress(epoch=3, epochs=10, step=2500, steps=8440, validation_accuracy=0.9873)
    watch.planned(50, 12, 0, 2)
    watch.tick(State(12, 50))
    watch.ready({"device": "cpu", "threads": 1})
    watch.tick(State(12, 50, (Running(HOSTILE, 31, progress), Running(TASK, 2, None)), 720))
    watch.finished(HOSTILE, RECORD, State(13, 50, seconds_left=700))
    watch.stopped(Outcome(planned=50, skipped=12, trained=38), "")
    watch.close()
    text = said.getvalue()
    assert "[red]\\x1b[2J<b>\\u202e\\n[/] seed 2: test accuracy 99.12 %, 41 s (about 12 min left)" in text
    assert "\x1b[2J" not in text
    assert text.rstrip().endswith("38 trained, 12 finished before")
    if terminal:
        for words in ("starting the workers", "12/50 trials", "about 12 min left", "epoch 3/10", "step 2500/8440"):
            assert words in text
        assert "validation 98.73 %" in text


def test_44_what_tells_trials_apart_is_folded_and_never_cut():
    said = io.StringIO()
    console = Console(file=said, force_terminal=True, width=80, color_system=None)
    rates = [Task(TRIAL, "mnist", "bn-pre", (("training.optimizer.learning_rate", rate),)) for rate in (0.01, 0.001)]
    progress = Progress(epoch=3, epochs=10, step=2500, steps=8440, validation_accuracy=0.9873)
    console.print(view(State(1, 50, tuple(Running(task, 31, progress) for task in rates))))
    assert "…" not in said.getvalue()
    folded = "".join(line[:40].strip() for line in said.getvalue().splitlines()[1:])
    assert all(f"learning_rate={rate}" in folded.replace(" ", "") for rate in (0.01, 0.001))


LOST = "mnist bn-pre batch_size=16 seed 2: gone; retrying"
PLAN = ["1 trial: 1 to train (1 at a time)", "Training on cpu"]
START = "start: mnist bn-pre batch_size=16 seed 2; log: trials/2/run.log"
TRAINED = "[ 1/2] mnist bn-pre batch_size=16 seed 2: test accuracy 99.12 %, 41 s"
FAILS = ["[ 2/2] mnist bn-pre batch_size=16 seed 2: FAILED: ValueError: \\x1b[2J", "    a", "    b"]
DONE = [TRAINED, *FAILS, "1 trained"]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda said: Watcher(), []),
        (Errors, [LOST, *FAILS]),
        (Lines, [*PLAN, LOST, *DONE]),
        (lambda said: Lines(said, lambda trial: Path(f"trials/{trial.seed}/run.log")), [*PLAN, START, LOST, *DONE]),
    ],
    ids=["nothing", "errors", "lines", "lines with logs"],
)
def test_what_each_watcher_says_of_a_run(make: Callable[[io.StringIO], Watcher], expected: list[str]) -> None:
    said = io.StringIO()
    watch = make(said)
    watch.planned(1, 0, 0, 1)
    watch.ready({"device": "cpu"})
    watch.started(TASK)
    watch.progressed(TASK, Progress(epoch=1, epochs=1, step=1, steps=1))
    watch.lost(TASK, "gone")
    watch.tick(State(0, 1))
    watch.finished(TASK, RECORD, State(1, 2))
    watch.finished(TASK, FAILED, State(2, 2))
    watch.stopped(Outcome(planned=1, trained=1), "")
    watch.close()
    assert said.getvalue().splitlines() == expected
