"""Runs with real worker processes and a trainer that does what a test tells it to."""

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnexp.records.record import Failure, TrialRecord
from bnexp.records.store import Store
from bnexp.running.options import Options
from bnexp.running.progress import Lines
from bnexp.running.runner import run
from bnexp.running.survey import Outcome
from bnexp.specs.experiment import Experiment, Point
from bnexp.specs.trial import Trial, TrialSpec

SPECS = {
    norm: TrialSpec.model_validate({"data": "mnist-5k", "norm": norm, "training": {"epochs": 1}})
    for norm in ("none", "batch", "layer")
}


def experiment(seeds: Sequence[int], norms: Sequence[str] = ("none",), name: str = "tiny") -> Experiment:
    """An experiment with a variant for each norm, called like it."""
    points = tuple(Point(norm, (), SPECS[norm]) for norm in norms)
    return Experiment(name, "a test", tuple(norms), norms[0], tuple(seeds), points)


@dataclass
class Ground:
    """A results folder, the fake trainer's folder, and runs on them."""

    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "results")

    def behave(self, **actions: str) -> None:
        """`behave(s2="fail")`: what the trainer does at seed 2; all else is trained."""
        (self.folder / "behaviour.json").write_text(json.dumps({key.lstrip("s"): do for key, do in actions.items()}))

    def run(self, *experiments: Experiment, **options: Any) -> tuple[Outcome, str]:
        """Run to the end; the outcome, and what was printed."""
        said = io.StringIO()
        selected, watch = options.pop("selected", None), options.pop("watch", None)
        settings = Options(**{"jobs": 1, "trainer": "fake_trainer:Trainer", **options})
        outcome = run(experiments, self.store, settings, watch or Lines(said), selected=selected)
        return outcome, said.getvalue()

    def lines(self, name: str) -> list[str]:
        """What stands in a file of the fake trainer, in all runs so far."""
        file = self.folder / name
        return file.read_text().split("\n")[:-1] if file.exists() else []

    def started(self) -> list[int]:
        """Seeds in the order in which trials were started."""
        return [int(line.split()[1]) for line in self.lines("started.txt")]

    def trainers(self) -> dict[int, list[int]]:
        """Seed to the numbers of the processes that began to train it."""
        found: dict[int, list[int]] = {}
        for line in self.lines("started.txt"):
            pid, seed = map(int, line.split())
            found.setdefault(seed, []).append(pid)
        return found

    def hanging(self) -> list[int]:
        """Numbers of the processes that hang, each with that of the process that it has started."""
        return [int(line) for line in self.lines("children.txt")]

    def record(self, seed: int, norm: str = "none") -> TrialRecord:
        """A record that there is."""
        found = self.store.read(Trial(SPECS[norm], seed))
        assert found is not None
        return found

    def failure(self, seed: int) -> Failure:
        """Why a trial has failed."""
        found = self.record(seed).failure
        assert found is not None
        return found

    def path(self, seed: int) -> Path:
        return self.store.folder(Trial(SPECS["none"], seed)) / "record.json"

    def statuses(self, norm: str = "none", seeds: int = 10) -> dict[int, str]:
        """Seed to the status of its record, of those that have one."""
        records = {seed: self.store.read(Trial(SPECS[norm], seed)) for seed in range(seeds)}
        return {seed: record.status for seed, record in records.items() if record}


def texts(results: Path) -> dict[str, str]:
    """Folder to the record's text but for its times, and what its process did before and what ran beside it."""
    found = {}
    for path in sorted(results.glob("trials/*/record.json")):
        data = json.loads(path.read_text())
        for key in ("started", "seconds", "peak_memory_bytes"):
            del data[key]
        for key in ("compiled_model_reused", "jobs"):
            data["execution"].pop(key, None)
        for evaluation in data["evaluations"]:
            del evaluation["seconds"]
        found[path.parent.name] = json.dumps(data)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children() -> list[int]:
    """Process numbers of the workers that this process has started."""
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [pid for file in found for pid in map(int, file.read_text().split()) if alive(pid)]
