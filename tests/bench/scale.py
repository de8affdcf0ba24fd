"""Large plans: `python scale.py` prints seconds and memory of planning and resuming, and what a trial costs the parent.

A plan of 20,000 trials, 4 variants at 100 places with 50 seeds; records are made up, and trials take no time.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "running"))

from fake_trainer import record

from bnexp import __version__
from bnexp.config.load import load
from bnexp.records.store import Store, json_text
from bnexp.running import engine
from bnexp.running.engine import Engine
from bnexp.running.options import Options
from bnexp.running.progress import Watcher
from bnexp.running.protocol import Event, Ready, Train, Trained
from bnexp.running.runner import run
from bnexp.specs.experiment import Experiment, plan
from bnexp.specs.trial import PROTOCOL

CONFIG = """
name: big
data: mnist-5k
training: {epochs: 1}
variants: {none: {norm: none}, bn: {norm: batch}, ln: {norm: layer}, gn: {norm: group}}
grid:
  training.batch_size: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
  training.optimizer.learning_rate: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0]
seeds: 50
"""

THREE_HUNDRED = """
name: three
data: mnist-5k
variants: {none: {norm: none}, bn: {norm: batch}, ln: {norm: layer}, gn: {norm: group}}
grid: {training.batch_size: [16, 64, 256]}
seeds: 25
"""


class Instant(Engine):
    """An engine whose trials are finished when they begin: what is left is what the parent does."""

    def __init__(self, options: Options, trials: int) -> None:
        super().__init__(options)
        self.answers: list[tuple[Any, Event]] = []

    def __exit__(self, *exception: object) -> None:
        self._selector.close()

    def capacity(self) -> int:
        return 2

    def start(self) -> "Instantly":
        worker = Instantly(self.answers)
        self._workers.append(worker)
        self.answers.append((worker, Ready({}, __version__, PROTOCOL)))
        return worker

    def remove(self, worker: "Instantly") -> None:
        self._workers.remove(worker)

    def events(self, timeout: float) -> Iterator[tuple[Any, Event]]:
        answers, self.answers[:] = list(self.answers), []
        yield from answers

    def kill(self) -> None: ...

    def last_words(self) -> Iterator[tuple[Any, Event]]:
        return iter(())


@dataclass(eq=False)
class Instantly:
    answers: list[tuple[Any, Event]]

    def say(self, command: Train) -> None:
        self.answers.append((self, Trained(record(command.trial).model_dump_json())))

    def stop(self) -> None: ...


def fill(store: Store, experiment: Experiment, count: int) -> None:
    """Records of the first `count` trials, each with 20 evaluations."""
    for planned in islice(plan(experiment), count):
        made = record(planned.trial)
        text = json_text(made.model_copy(update={"evaluations": made.evaluations * 20}).model_dump(mode="json"))
        folder = store.folder(planned.trial)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "record.json").write_text(text)


def command(*words: str) -> tuple[float, float]:
    """Seconds and peak megabytes of a command line of bnexp."""
    began = time.monotonic()
    script = (
        "import resource, sys\nfrom bnexp.cli.app import main\ncode = main(sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    return time.monotonic() - began, float(done.stderr.split()[-1])


def overhead(experiment: Experiment, folder: Path) -> float:
    """Seconds of the parent for each of 500 trials that take no time, in a plan of 20,000."""
    engine.ENGINES["local"] = f"{__name__}:Instant"
    times = []

    class Clock(Watcher):
        def finished(self, *_: object) -> None:
            times.append(time.monotonic())

    run([experiment], Store(folder), Options(), Clock(), selected=[islice(plan(experiment), 500)])
    return (times[-1] - times[0]) / (len(times) - 1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        big, small, done = root / "big.yaml", root / "three.yaml", ("--results", str(root / "results"))
        big.write_text(CONFIG)
        small.write_text(THREE_HUNDRED)
        experiment = load(big)
        found: dict[str, float] = {}
        found["plan_seconds"], _ = command("plan", str(big), *done)
        found["parent_milliseconds_per_trial"] = 1000 * overhead(experiment, root / "instant")
        fill(Store(root / "results"), experiment, 20_000)
        found["plan_done_seconds"], found["plan_done_megabytes"] = command("plan", str(big), *done)
        found["resume_seconds"], found["resume_megabytes"] = command("run", str(big), *done)
        fill(Store(root / "three"), load(small), 300)
        found["resume_300_seconds"], _ = command("run", str(small), "--results", str(root / "three"))
        print(json.dumps({key: round(value, 5) for key, value in found.items()}))
