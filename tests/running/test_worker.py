"""The worker process by itself: what it understands, what it says, and how it ends."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest
from ground import SPECS, Ground, alive

from bnexp import __version__
from bnexp.records.record import Failure, Progress, TrialRecord
from bnexp.running.protocol import Progressed, Ready, Train
from bnexp.specs.trial import PROTOCOL, Trial


class Wired:
    """A worker of our own, without a pool."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.wire, theirs = Pipe()
        settings = [theirs.fileno(), os.getpid(), "fake_trainer:Trainer", "cpu", 1]
        with theirs, (ground.folder / "start.log").open("w+b") as start_log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bnexp.running.worker", *map(str, settings)],
                stdin=subprocess.DEVNULL,
                stdout=start_log,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def train(self, seed: int) -> Path:
        log = self.ground.folder / f"{seed}.log"
        self.wire.send(Train(Trial(SPECS["none"], seed), str(log)))
        return log

    def says(self) -> Any:
        return self.wire.recv()


@pytest.fixture
def worker(ground: Ground) -> Iterator[Wired]:
    worker = Wired(ground)
    yield worker
    worker.process.kill()
    worker.process.wait()
    worker.wire.close()


def failed(event: Any) -> str:
    """Why, if a trial has failed."""
    return event.result.kind if isinstance(event.result, Failure) else ""


def test_a_conversation(worker: Wired) -> None:
    worker.ground.behave(s1="fail")
    assert worker.says() == Ready({"device": "cpu", "threads": 1}, __version__, PROTOCOL)
    worker.train(0)
    assert worker.says() == Progressed(Progress(epoch=1, epochs=1, step=1, steps=2, validation_accuracy=0.5))
    trained = worker.says()
    assert TrialRecord.model_validate_json(trained.result).identity == Trial(SPECS["none"], 0).identity
    assert trained.memory_bytes > 1_000_000
    worker.train(1)
    assert failed(worker.says()) == "RuntimeError"


def test_the_end_of_its_commands_ends_it_and_what_it_started(worker, until):
    worker.ground.behave(s0="hang")
    worker.says()
    worker.train(0)
    until(lambda: len(worker.ground.hanging()) == 2, 20)
    with socket.socket(fileno=os.dup(worker.wire.fileno())) as wire:
        wire.shutdown(socket.SHUT_WR)
    worker.process.wait(timeout=20)
    with pytest.raises(EOFError):  # it would not come as long as the child lived with a copy
        worker.says()
    until(lambda: not any(map(alive, worker.ground.hanging())), 20)


def test_a_log_that_cannot_be_opened_fails_the_trial(worker: Wired) -> None:
    worker.says()
    (worker.ground.folder / "0.log").mkdir()
    worker.train(0)
    assert failed(worker.says()) == "IsADirectoryError"
    worker.train(1)
    assert isinstance(worker.says(), Progressed)


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
