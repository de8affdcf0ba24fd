"""Many tiny trials while workers are killed at random: nothing is lost, and the parent stays as small as it was.

The short form, with a trainer of no weight, is a test; `make soak` trains 200 real trials (`python test_soak.py 200`).
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest
from ground import Ground, children, experiment, texts

from bnexp.records.store import Store
from bnexp.running.options import Options
from bnexp.running.progress import State, Watcher
from bnexp.running.runner import run
from bnexp.running.survey import Outcome
from bnexp.specs.experiment import Experiment, Point
from bnexp.specs.trial import TrialSpec

NORMS = ("none", "batch", "layer", "group")


class Killer(Watcher):
    """Kills a random worker of this process now and then, by a seeded generator; notes the parent's memory.

    How often it is asked depends on the machine's speed, so that at every eighth news of a trial it kills for certain.
    """

    def __init__(self, seed: int, chance: float) -> None:
        self._random, self._chance = random.Random(seed), chance
        self.killed = self._news = 0
        self.memory: list[int] = []

    def progressed(self, *_: object) -> None:
        self._news += 1
        self._perhaps(certain=self._news % 8 == 0)

    def tick(self, state: State) -> None:
        self._perhaps()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.memory.append(pages * os.sysconf("SC_PAGE_SIZE"))

    def _perhaps(self, *, certain: bool = False) -> None:
        if (certain or self._random.random() < self._chance) and (pids := children()):
            os.kill(self._random.choice(pids), signal.SIGKILL)
            self.killed += 1


@pytest.mark.timeout(600)
def test_nothing_is_lost_while_workers_are_killed(ground: Ground, tmp_path: Path) -> None:
    tiny = experiment(range(20), ["none", "batch"])
    killer = Killer(seed=0, chance=0.15)
    outcome, _ = ground.run(tiny, jobs=2, retries=1000, watch=killer)
    assert killer.killed >= 3
    assert (outcome.trained, outcome.failed) == (40, 0)
    calm = Ground(tmp_path / "calm")
    calm.run(tiny, jobs=2)
    assert texts(ground.store.root) == texts(calm.store.root)
    assert not list(ground.store.root.glob("**/.*"))


def real_trials(seeds: int, norms: tuple[str, ...] = NORMS) -> Experiment:
    """Real trainings of 64 images, four steps each."""
    rest = {"data": {"name": "mnist-5k", "train": 64, "validation": 50}, "training": {"epochs": 1, "batch_size": 16}}
    points = tuple(Point(norm, (), TrialSpec.model_validate({**rest, "norm": norm})) for norm in norms)
    return Experiment("soak", "", norms, "none", tuple(range(seeds)), points)


@pytest.mark.slow
def test_one_worker_and_two_give_the_same_bits(tmp_path: Path) -> None:
    """Real trainings: all in one process, one after the other on used models, or shared by two."""
    norms = NORMS[:2]
    for jobs in (1, 2):
        outcome = run([real_trials(2, norms)], Store(tmp_path / str(jobs)), Options(jobs=jobs, device="cpu"), Watcher())
        assert (outcome.trained, outcome.failed) == (2 * len(norms), 0)
    one, two = (texts(tmp_path / str(jobs)) for jobs in (1, 2))
    assert one == two


def soak(trials: int, seed: int, folder: Path) -> tuple[Outcome, Killer, bool]:
    """Real trainings, disturbed and then undisturbed: whether the records are the same."""
    tiny = real_trials(max(1, trials // 4))
    killer = Killer(seed, chance=0.02)
    outcome = run([tiny], Store(folder / "disturbed"), Options(jobs=2, retries=1000), killer)
    run([tiny], Store(folder / "calm"), Options(jobs=2), Watcher())
    return outcome, killer, texts(folder / "disturbed") == texts(folder / "calm")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        outcome, killer, same = soak(arguments.trials, arguments.seed, Path(temporary))
    first, last = (round(sum(part) / len(part) / 1e6) for part in (killer.memory[:20], killer.memory[-20:]))
    print(f"{outcome.trained} of {outcome.planned} trained, {outcome.failed} failed, {killer.killed} workers killed")
    print(f"records {'as' if same else 'NOT as'} those of an undisturbed run")
    print(f"this process: {first} MB at first, {last} MB at last; {time.monotonic() - began:.0f} s")
    sys.exit(not (same and outcome.trained == outcome.planned and killer.killed and last < first + 20))
