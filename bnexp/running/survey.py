"""What of a plan is finished, has failed, and is still to be trained; what a run came to."""

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import getitem
from typing import Any

from bnexp.records.plan import StoredPlan, stored_plan
from bnexp.records.record import TrialRecord
from bnexp.records.store import Store
from bnexp.running.costs import Costs
from bnexp.running.options import Shard
from bnexp.specs.experiment import Experiment, PlannedTrial, plan
from bnexp.specs.trial import Trial, TrialSpec
from bnexp.usercode.code import KINDS
from bnexp.usercode.source import changed


@dataclass(frozen=True)
class Task:
    """A trial to be trained, and what it is called; the first name counts where several experiments share it."""

    trial: Trial
    experiment: str
    variant: str
    coordinates: tuple[tuple[str, Any], ...] = ()
    block: int = 0
    """Place of its seed in the order of training: a block holds every variant and grid point with one seed."""

    @property
    def label(self) -> str:
        """Such as `mnist bn-pre batch_size=16 seed 2`."""
        places = [f"{key.rpartition('.')[2]}={value}" for key, value in self.coordinates]
        return " ".join([self.experiment, self.variant, *places, f"seed {self.trial.seed}"])


@dataclass
class Survey:
    """The tasks of a plan by their state, each group in the order of the plan."""

    tasks: list[Task]  # all of them
    finished: list[Task] = field(default_factory=list)  # with a record that is ok or diverged
    failed: list[Task] = field(default_factory=list)  # with the record of a failure that is not the user's to mend
    waiting: list[Task] = field(default_factory=list)
    """Without a record, or where the last try met a fault of the surroundings (`UserError`): data not found, say."""
    costs: Costs = field(default_factory=Costs)  # measured seconds of the finished ones
    data: dict[tuple[str, str | None], str] = field(default_factory=dict)
    """Name and source of data to the hash of what the finished ones were trained on."""


def tasks(experiments: Sequence[Experiment], selected: Sequence[Iterable[PlannedTrial]] | None = None) -> list[Task]:
    """The different trials of the experiments, seed by seed over all of them, so that a stop leaves each balanced.

    `selected` holds what is wanted of each experiment (`config.selection.select`), by default all.
    """
    chosen = map(plan, experiments) if selected is None else selected
    found: dict[str, Task] = {}
    for experiment, planned in zip(experiments, chosen, strict=True):
        place = {seed: index for index, seed in enumerate(experiment.seeds)}
        for each in planned:
            point, trial = each.point, each.trial
            block = place.get(trial.seed, len(place))
            found.setdefault(trial.identity, Task(trial, experiment.name, point.variant, point.coordinates, block))
    return sorted(found.values(), key=lambda task: task.block)


def of_shard(wanted: Sequence[Task], shard: Shard | None) -> list[Task]:
    """The tasks of one shard, the same on every machine and at any time: it follows from the plan alone.

    Whole seeds as far as there are enough, so that a pair is trained on one machine; else trial by trial, shifted from
    seed to seed, so that no variant is one machine's own.
    """
    if shard is None:
        return list(wanted)
    blocks = {block: index for index, block in enumerate(dict.fromkeys(task.block for task in wanted))}
    whole = len(blocks) >= shard.of
    within: Counter[int] = Counter()
    mine = []
    for task in wanted:
        place = blocks[task.block] + (0 if whole else within[task.block])
        within[task.block] += 1
        if place % shard.of == shard.index - 1:
            mine.append(task)
    return mine


def survey(wanted: Iterable[Task], store: Store) -> Survey:
    """Look up each task's record; raises UserError at one that cannot be read, naming it."""
    result = Survey(tasks=list(wanted))
    for task in result.tasks:
        record = store.read(task.trial)
        if record is None or to_mend(record):
            result.waiting.append(task)
        elif record.status == "failed":
            result.failed.append(task)
        else:
            result.finished.append(task)
            if record.data_hash:
                result.data.setdefault(images(task.trial.spec), record.data_hash)
            result.costs.learn(task.trial.spec, record)
    return result


def changed_files(experiment: Experiment, store: Store) -> list[str]:
    """The user's own files that are not what they were when the experiment was last run here, if all else is."""
    before, now = store.read_plan(experiment.name), stored_plan(experiment)
    if before is None:
        return []
    sources, rest = zip(*(_sources(plan) for plan in (before, now)), strict=True)
    if rest[0] != rest[1]:
        return []
    return list(dict.fromkeys(name for pair in zip(*sources, strict=True) for name in changed(*pair)))


def _sources(found: StoredPlan) -> tuple[list[str], list[Any]]:
    """The sources that a plan's specs name, and its points without them."""
    sources, points = [], []
    for point in found.points:
        spec = deepcopy(point.spec)
        for block in KINDS:
            inner = reduce(getitem, block.split("."), spec)
            sources.append(inner.pop("source", None) or "")
        points.append((point.variant, point.coordinates, spec))
    return sources, points


def images(spec: TrialSpec) -> tuple[str, str | None]:
    """What data a spec names: trials that agree in it are trained on the same, or cannot be pooled."""
    return spec.data.name, spec.data.source


def to_mend(record: TrialRecord) -> bool:
    """Whether the trial met a fault of its surroundings, so that every run tries it again."""
    return record.failure is not None and record.failure.kind == "UserError"


@dataclass(frozen=True)
class Outcome:
    """Counts of trials; one that several experiments or variants share counts once."""

    planned: int = 0  # all trials that were asked for
    skipped: int = 0  # of these, finished before, or meanwhile by another run on the same folder
    trained: int = 0  # finished in this run, the diverged ones included
    diverged: int = 0  # of the trained ones, those whose loss was not finite: a result, not a failure
    failed: int = 0  # in this run
    mendable: int = 0  # of the failed ones, those that met a fault of the surroundings: the next run tries them again
    failed_before: int = 0  # in an earlier run, and not tried again
    interrupted: int | None = None  # the signal that ended the run early, if one did
    reason: str = ""  # why the run stopped before its end, if not by a signal

    def plus(self, **more: int) -> "Outcome":
        """These counts and some more trials."""
        counts: dict[str, Any] = {name: getattr(self, name) + count for name, count in more.items()}
        return replace(self, **counts)

    def after(self, record: TrialRecord) -> "Outcome":
        """These counts and one more trial, which ended with this record."""
        failed, diverged = record.status == "failed", record.status == "diverged"
        return self.plus(trained=not failed, diverged=diverged, failed=failed, mendable=to_mend(record))

    @property
    def left(self) -> int:
        """Trials that have not been tried."""
        return self.planned - self.skipped - self.trained - self.failed - self.failed_before

    @property
    def exit_code(self) -> int:
        """0 done, 3 with failed trials, 128 + signal (130: Ctrl-C, 143: terminated)."""
        if self.interrupted is not None:
            return 128 + self.interrupted
        return 3 if self.failed or self.failed_before else 0
