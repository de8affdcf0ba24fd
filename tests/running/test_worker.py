"""The worker process by itself: what it understands, what it says, and how it ends."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from ground import SPECS, Ground

from bnexp import __version__
from bnexp.records.record import Failure, Progress, TrialRecord
from bnexp.running.protocol import (
    Begun,
    Check,
    Checked,
    Ended,
    Failed,
    Finished,
    Progressed,
    Ready,
    Settings,
    Train,
    Unable,
    decode,
    encode,
)
from bnexp.specs.trial import PROTOCOL, Trial


class Wired:
    """A worker of our own, without a pool."""

    def __init__(self, ground: Ground) -> None:
        incoming, theirs = os.pipe()
        settings = Settings(theirs, os.getpid(), "fake_trainer:Trainer", "cpu", 1, None)
        self.ground = ground
        start_log = (ground.folder / "start.log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bnexp.running.worker", encode(settings).decode()],
            stdin=subprocess.PIPE,
            stdout=start_log,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs],
            start_new_session=True,
        )
        os.close(theirs)
        start_log.close()
        self.events: BinaryIO = os.fdopen(incoming, "rb")

    @property
    def commands(self) -> Any:
        return self.process.stdin

    def train(self, seed: int) -> Path:
        log = self.ground.folder / f"{seed}.log"
        self.commands.write(encode(Train(Trial(SPECS["none"], seed).to_json(), str(log))))
        self.commands.flush()
        return log

    def says(self) -> Any:
        return decode(self.events.readline())


@pytest.fixture
def worker(ground: Ground) -> Iterator[Wired]:
    worker = Wired(ground)
    yield worker
    worker.process.kill()
    worker.process.wait()
    worker.commands.close()
    worker.events.close()


FAILURE = Failure(kind="ValueError", message="größer\n", traceback="")


@pytest.mark.parametrize(
    "message",
    [
        Settings(5, 6, "a:B", "cpu", 1, None),
        Check({"seed": 1}),
        Train({"seed": 1}, "/a/folder \udce9/run.log"),  # names of files need not be UTF-8
        Ready({"device": "cpu"}, "1", 2),
        Unable(FAILURE),
        Checked(None),
        Checked(FAILURE),
        Begun(),
        Progressed(Progress(epoch=1, epochs=2, step=3, steps=4)),
        Finished('{"seed": 1}', 5),
        Failed(FAILURE, None, "printed\n"),
        Ended("signal", "killed by SIGKILL"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_every_message_is_one_line_and_comes_back_equal(message: Any) -> None:
    assert decode(encode(message)) == message
    assert encode(message).count(b"\n") == 1


def test_a_conversation(worker: Wired) -> None:
    worker.ground.behave(s1="fail")
    assert worker.says() == Ready({"device": "cpu", "threads": 1}, __version__, PROTOCOL)
    worker.train(0)
    assert worker.says() == Progressed(Progress(epoch=1, epochs=1, step=1, steps=2, validation_accuracy=0.5))
    finished = worker.says()
    assert TrialRecord.model_validate_json(finished.record).identity == Trial(SPECS["none"], 0).identity
    assert finished.memory_bytes > 1_000_000
    worker.train(1)
    failed = worker.says()
    assert (type(failed), failed.failure.kind) == (Failed, "RuntimeError")


def test_the_end_of_its_commands_ends_it_and_what_it_started(
    worker: Wired, until: Callable[[Callable[[], bool], float], float]
) -> None:
    worker.ground.behave(s0="hang")
    worker.says()
    worker.train(0)
    children = worker.ground.folder / "children.txt"
    until(lambda: children.exists() and len(children.read_text().split()) == 2, 20)
    worker.commands.close()
    worker.process.wait(timeout=20)
    assert worker.events.read() == b""  # it would not end as long as the child lived with a copy
    child = int(children.read_text().split()[1])
    until(lambda: not running(child), 20)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_log_that_cannot_be_opened_fails_the_trial(worker: Wired) -> None:
    worker.says()
    (worker.ground.folder / "0.log").mkdir()
    worker.train(0)
    failed = worker.says()
    assert (type(failed), failed.failure.kind) == (Failed, "IsADirectoryError")
    worker.train(1)
    assert isinstance(worker.says(), Progressed)


def test_nothing_is_printed_to_the_log_of_another_trial(worker: Wired) -> None:
    worker.says()
    logs = [worker.train(seed) for seed in (0, 1, 2)]
    while '"seed":2' not in getattr(worker.says(), "record", ""):
        pass
    assert [log.read_text().splitlines()[-1] for log in logs] == ["seed 0", "seed 1", "seed 2"]
    assert [log.read_text().count("this is") for log in logs] == [1, 1, 1]


def test_packages_that_no_trial_needs_are_not_to_be_had_while_the_trainer_is_imported(tmp_path: Path) -> None:
    """A trainer that would use pandas if it were there; afterwards a user's module can import it."""
    (tmp_path / "choosy.py").write_text(
        "try:\n    import pandas\nexcept ImportError:\n    pandas = None\n\n\n"
        "def later():\n    import pandas\n\n    return pandas.DataFrame\n"
    )
    code = (
        "import sys\nfrom bnexp.running.worker import trainer_maker\n"
        "later = trainer_maker('choosy:later')\n"
        "import choosy\n"
        "assert choosy.pandas is None and 'pandas' not in sys.modules\n"
        "assert later().__name__ == 'DataFrame'\n"
        "trainer_maker('choosy:later'); assert 'pandas' in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
