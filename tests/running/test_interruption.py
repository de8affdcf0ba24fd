"""A real process that calls `bnexp.running.run`, without a `__main__` guard, and is interrupted or killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ground import SPECS, Ground, experiment

from bnexp.specs.trial import Trial

SCRIPT = """
import os, signal, sys
from pathlib import Path
from ground import experiment
from bnexp.records.store import Store
from bnexp.running import Options, run
from bnexp.running.progress import Lines

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and those of nohup with this
options = Options(jobs=2, trainer="fake_trainer:Trainer", resume="bnexp run tiny.yaml")
outcome = run([experiment(range(6))], Store(Path(sys.argv[1])), options, Lines(sys.stderr))
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)  # the script ends with the code that it has now
sys.exit(outcome.exit_code)
"""

Until = Callable[[Callable[[], bool], float], float]


class Process:
    """The script, running on a ground where seeds 2 and 3 hang."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        ground.behave(s2="hang", s3="hang")
        (ground.folder / "script.py").write_text(SCRIPT)
        command = [sys.executable, str(ground.folder / "script.py"), str(ground.store.root)]
        self.popen = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def press(self, number: int) -> None:
        """Send a signal as a terminal does: to the process and all others of its group."""
        os.killpg(self.popen.pid, number)

    def hangs(self) -> bool:
        """Whether both workers are at the trials that hang, and have started their children."""
        return len(self.descendants()) == 4

    def descendants(self) -> list[int]:
        file = self.ground.folder / "children.txt"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def end(self) -> str:
        """What it printed, once it has ended."""
        return self.popen.communicate(timeout=20)[1]


@pytest.fixture
def process(ground: Ground, until: Until) -> Iterator[Process]:
    process = Process(ground)
    until(process.hangs, 20)
    yield process
    process.popen.kill()
    process.popen.communicate()
    for pid in process.descendants():
        if alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: list[int]) -> bool:
    return not any(alive(pid) for pid in pids)


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM"), (signal.SIGHUP, 129, "SIGHUP")],
)
def test_a_signal_ends_the_run_in_two_seconds_and_leaves_no_process(
    process: Process, number: int, code: int, name: str
) -> None:
    began = time.monotonic()
    process.press(number)
    said = process.end()
    assert time.monotonic() - began < 2
    assert process.popen.returncode == code
    assert gone(process.descendants())
    assert f"Stopped by {name}: 2 trained, 4 left; every finished trial is kept" in said
    assert said.splitlines()[-1] == "  bnexp run tiny.yaml"
    assert "Traceback" not in said


def test_a_second_ctrl_c_changes_nothing(process: Process) -> None:
    for _ in range(5):
        process.press(signal.SIGINT)
        time.sleep(0.001)
    said = process.end()
    assert process.popen.returncode == 130
    assert said.splitlines()[-1] == "  bnexp run tiny.yaml"


def test_after_an_interruption_the_finished_trials_stay_and_the_rest_is_trained(process: Process) -> None:
    ground = process.ground
    process.press(signal.SIGINT)
    process.end()
    assert ground.statuses() == {0: "ok", 1: "ok"}
    before = [(ground.store.folder(Trial(SPECS["none"], seed)) / "record.json").read_bytes() for seed in (0, 1)]
    ground.behave()
    outcome, _ = ground.run(experiment(range(6)))
    assert (outcome.skipped, outcome.trained, outcome.exit_code) == (2, 4, 0)
    after = [(ground.store.folder(Trial(SPECS["none"], seed)) / "record.json").read_bytes() for seed in (0, 1)]
    assert before == after


def test_a_parent_that_is_killed_leaves_no_process(process: Process, until: Until) -> None:
    process.popen.kill()
    process.end()
    until(lambda: gone(process.descendants()[::2]), 20)  # the workers; every second number is a worker's child


def test_two_runs_on_one_folder_never_train_a_trial_twice(process: Process, until: Until) -> None:
    """The second run trains what the first is not at, and takes over what the first leaves."""
    ground = process.ground
    ground.behave()
    other = subprocess.Popen(process.popen.args, stderr=subprocess.PIPE, text=True)
    until(lambda: ground.statuses() == {0: "ok", 1: "ok", 4: "ok", 5: "ok"}, 20)
    assert sorted(ground.started()) == [0, 1, 2, 3, 4, 5]
    process.press(signal.SIGINT)
    process.end()
    said = other.communicate(timeout=20)[1]
    assert other.returncode == 0
    assert "4 trained, 2 finished before" in said
    assert ground.statuses() == dict.fromkeys(range(6), "ok")
    assert sorted(ground.started()) == [0, 1, 2, 2, 3, 3, 4, 5]
