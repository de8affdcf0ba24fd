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
        self.folder, self.threads = Path(os.environ["BNEXP_FAKE"]), threads
        self.kept: list[bytearray] = []
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

    def altered(self) -> bool:
        """As if a user's code had changed Keras."""
        return (self.folder / "altered").exists()

    def describe(self) -> dict[str, Any]:
        return {"device": "cpu", "threads": self.threads}

    def action(self, *keys: str) -> str:
        """What `behaviour.json` says of the first of the keys that it has."""
        file = self.folder / "behaviour.json"
        behaviour = json.loads(file.read_text()) if file.exists() else {}
        return next((behaviour[key] for key in keys if key in behaviour), "train")

    def note(self, name: str, *words: object) -> None:
        """Add a line to a file."""
        with (self.folder / name).open("a") as file:
            print(*words, file=file)

    def check(self, trial: Trial) -> None:
        self.note("checked.txt", trial.spec.norm.name)
        match self.action("check"):
            case "refuse":
                raise UserError(f"norm {trial.spec.norm.name}: it changes the shape")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                time.sleep(1000)

    def __call__(  # noqa: PLR0912  # a branch for each action
        self, trial: Trial, progress: Callable[[Progress], None]
    ) -> TrialRecord:
        self.note("started.txt", os.getpid(), trial.seed)
        os.write(2, f"this is {trial.identity}\n".encode())
        print(f"seed {trial.seed}")
        action = self.action(f"{trial.spec.norm.name}:{trial.seed}", str(trial.seed))
        if action.endswith("_once"):  # at the first try
            action = (
                "train" if (self.folder / f"tried {trial.identity[:16]}").exists() else action.removesuffix("_once")
            )
            (self.folder / f"tried {trial.identity[:16]}").touch()
        made = record(trial)
        match action:
            case "train":
                progress(Progress(epoch=1, epochs=1, step=1, steps=2, validation_accuracy=0.5))
            case "slow":
                progress(Progress(epoch=1, epochs=1, step=1, steps=2))
                time.sleep(0.5)
            case "diverge":
                return made.model_copy(update={"status": "diverged", "test": None, "diverged_at_step": 3})
            case "caution" | "caution_late":
                if action == "caution":
                    progress(Progress(epoch=1, epochs=1, step=0, steps=2, cautions=("the data are blank",)))
                return made.model_copy(update={"execution": {"cautions": ["the data are blank", "and few"]}})
            case "fat":  # a record of some 100 kB
                return made.model_copy(update={"evaluations": made.evaluations * 300})
            case "other_data":  # a file that the loader reads was replaced; refused at once where the run knows better
                trial.check_data("otherwise")
                return made.model_copy(update={"data_hash": "otherwise"})
            case "another":
                return record(Trial(trial.spec, trial.seed + 1))
            case "fail":
                raise RuntimeError(f"seed {trial.seed} will not do")
            case "fail_alike":
                raise RuntimeError("none will do")
            case "no_data":
                raise UserError("mnist is not here; `bnexp data fetch mnist` downloads it")
            case "leave":
                sys.exit(5)
            case "exit":
                os._exit(5)
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":  # with a process of its own, which must not be left behind either
                self.note("children.txt", f"{os.getpid()}\n{subprocess.Popen(['sleep', '1000']).pid}")
                time.sleep(1000)
            case "sleep":
                self.note("children.txt", os.getpid())
                time.sleep(1000)
            case "grow" | "grow_and_be_killed" | "kill":
                if action != "kill":
                    self.kept.append(bytearray(os.urandom(1 << 20) * 100))  # 100 MB that nobody needs
                if action != "grow":
                    print("about to be killed")
                    os.kill(os.getpid(), signal.SIGKILL)
            case _:
                raise AssertionError(action)
        return made


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
