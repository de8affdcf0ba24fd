"""Runs with real worker processes and a trainer that does what a test tells it to."""

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnexp.records.store import Store
from bnexp.running import Options, Outcome, run
from bnexp.running.progress import Lines
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
        selected = options.pop("selected", None)
        watch = options.pop("watch", None) or Lines(said)
        settings = Options(**{"jobs": 1, "trainer": "fake_trainer:Trainer", **options})
        outcome = run(experiments, self.store, settings, watch, selected=selected)
        return outcome, said.getvalue()

    def started(self) -> list[int]:
        """Seeds in the order in which trials were started, in all runs so far."""
        file = self.folder / "started.txt"
        return [int(line.split()[1]) for line in file.read_text().splitlines()] if file.exists() else []

    def trainers(self) -> dict[int, list[int]]:
        """Seed to the numbers of the processes that began to train it, in all runs so far."""
        file = self.folder / "started.txt"
        found: dict[int, list[int]] = {}
        for line in file.read_text().splitlines() if file.exists() else []:
            pid, seed = map(int, line.split())
            found.setdefault(seed, []).append(pid)
        return found

    def statuses(self, norm: str = "none", seeds: int = 10) -> dict[int, str]:
        """Seed to the status of its record, of those that have one."""
        records = {seed: self.store.read(Trial(SPECS[norm], seed)) for seed in range(seeds)}
        return {seed: record.status for seed, record in records.items() if record}


def children() -> list[int]:
    """Process numbers of the workers that this process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = path.read_text().partition(" ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = rest.rpartition(")")[2].split()[:2]
        if int(parent) == os.getpid() and state not in "ZX":
            found.append(int(pid))
    return found
