"""A trainer without TensorFlow for the worker process: it does what the file `behaviour.json` says of a seed.

The file lies in the folder that BNEXP_FAKE names, as `{"<variant norm>:<seed>" or "<seed>": action}`.  Each start of a
trial adds a line with the process's number and the seed to `started.txt` there.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bnexp.errors import UserError
from bnexp.records.record import Evaluation, Fingerprints, Progress, Seconds, Test, TrialRecord
from bnexp.specs.trial import PROTOCOL, Trial


class Trainer:
    def __init__(self, device: str, threads: int, data_folder: Path | None) -> None:
        self.folder = Path(os.environ["BNEXP_FAKE"])
        print("the trainer starts", flush=True)
        if device == "gpu":
            raise UserError("--device gpu: there is no GPU here; use --device cpu")
        if (self.folder / "die at start").exists():
            print("a library is missing", file=sys.stderr)
            os._exit(7)
        if (self.folder / "hang at start").exists():
            time.sleep(1000)
        if (self.folder / "be killed at start once").exists():
            (self.folder / "be killed at start once").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if (self.folder / "raise at start").exists():
            raise ImportError("no module named tensorflow")
        self.threads = threads

    def describe(self) -> dict[str, Any]:
        return {"device": "cpu", "threads": self.threads}

    def check(self, trial: Trial) -> None:
        """What `behaviour.json` says of "check"."""
        with (self.folder / "checked.txt").open("a") as file:
            file.write(f"{trial.spec.norm.name}\n")
        file = self.folder / "behaviour.json"
        action = json.loads(file.read_text()).get("check", "") if file.exists() else ""
        if action == "refuse":
            raise UserError(f"norm {trial.spec.norm.name}: it changes the shape")
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if action == "hang":
            time.sleep(1000)

    def __call__(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        with (self.folder / "started.txt").open("a") as file:
            file.write(f"{os.getpid()} {trial.seed}\n")
        file = self.folder / "behaviour.json"
        behaviour = json.loads(file.read_text()) if file.exists() else {}
        action = behaviour.get(f"{trial.spec.norm.name}:{trial.seed}", behaviour.get(str(trial.seed), "train"))
        os.write(2, f"this is {trial.identity}\n".encode())
        print(f"seed {trial.seed}")
        return getattr(self, action)(trial, progress)

    def train(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        progress(Progress(epoch=1, epochs=1, step=1, steps=2, validation_accuracy=0.5))
        return record(trial)

    def diverge(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        return record(trial).model_copy(update={"status": "diverged", "test": None, "diverged_at_step": 3})

    def caution(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        progress(Progress(epoch=1, epochs=1, step=0, steps=2, cautions=("the data are blank",)))
        return self.caution_late(trial, progress)

    def caution_late(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        return record(trial).model_copy(update={"execution": {"cautions": ["the data are blank", "and few"]}})

    def slow(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        progress(Progress(epoch=1, epochs=1, step=1, steps=2))
        time.sleep(0.5)
        return record(trial)

    def fail(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        raise RuntimeError(f"seed {trial.seed} will not do")

    def fail_alike(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        raise RuntimeError("none will do")

    def no_data(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        raise UserError("mnist is not here; `bnexp data fetch mnist` downloads it")

    def leave(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        sys.exit(5)

    def exit(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        os._exit(5)

    def kill(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        print("about to be killed")
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("not reached")

    def hang(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """With a process of its own, which must not be left behind either."""
        child = subprocess.Popen(["sleep", "1000"])
        with (self.folder / "children.txt").open("a") as file:
            file.write(f"{os.getpid()}\n{child.pid}\n")
        while True:
            time.sleep(1)

    def hang_once(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """Hang at the first try, with the process's number in `hangs.txt`; train at the second."""
        file = self.folder / "hangs.txt"
        if file.exists():
            return self.train(trial, progress)
        file.write_text(str(os.getpid()))
        while True:
            time.sleep(1)

    def fat(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """A record of some 100 kB."""
        made = record(trial)
        return made.model_copy(update={"evaluations": made.evaluations * 300})

    def kill_once(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """Be killed at the first try, train at the second."""
        file = self.folder / f"killed {trial.identity[:16]}"
        if file.exists():
            return self.train(trial, progress)
        file.touch()
        return self.kill(trial, progress)

    def segfault(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        os.kill(os.getpid(), signal.SIGSEGV)
        raise AssertionError("not reached")

    def grow(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """Keep 100 MB that nobody needs."""
        self.kept = [*getattr(self, "kept", []), bytearray(os.urandom(1 << 20) * 100)]
        return self.train(trial, progress)

    def grow_and_be_killed(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        self.grow(trial, progress)
        return self.kill(trial, progress)

    def other_data(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """As where a file that the loader reads was replaced; refused before training where the run knows better."""
        trial.check_data("otherwise")
        return record(trial).model_copy(update={"data_hash": "otherwise"})

    def another(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        return record(Trial(trial.spec, trial.seed + 1))


def record(trial: Trial) -> TrialRecord:
    """A record whose numbers follow from the trial's identity alone, but for its times."""
    accuracy = int(hashlib.sha256(trial.identity.encode()).hexdigest()[:8], 16) / 2**32
    evaluation = Evaluation(
        step=2,
        examples=4,
        epoch=1.0,
        seconds=0.01,
        train_loss=None,
        train_accuracy=accuracy,
        validation_loss=1 - accuracy,
        validation_accuracy=accuracy,
    )
    test = Test(
        examples=2, loss=0.5, accuracy=accuracy, examples_per_class=(1, 1), correct_per_class=(1, 0), missed=(1,)
    )
    return TrialRecord(
        protocol=PROTOCOL,
        identity=trial.identity,
        spec=trial.spec.model_dump(mode="json"),
        seed=trial.seed,
        status="ok",
        started=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        evaluations=(evaluation,),
        test=test,
        train_examples=3600,
        validation_examples=400,
        fingerprints=Fingerprints(weights={}, order=f"order {trial.seed}", validation=f"validation {trial.seed}"),
        data_hash="made up",
        seconds=Seconds(data=0, compile=0, train=0.01, evaluate=0, total=0.01 + time.perf_counter() % 1e-3),
        peak_memory_bytes=1_000_000,
        execution={"device": "cpu"},
    )
