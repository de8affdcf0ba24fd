"""Which of the waiting trials a worker gets: within the budget, one after another's seed, each for one run alone."""

import fcntl
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from bnexp.records.record import TrialRecord
from bnexp.records.store import Store, written
from bnexp.running.options import Options
from bnexp.running.survey import Task
from bnexp.specs.trial import TrialSpec
from bnexp.specs.workers import model_key

_AHEAD = 64  # waiting trials that are looked at, so that a choice costs the same however many wait

Expected = Callable[[Mapping[TrialSpec, int]], float | None]
"""Seconds until so many trials of each spec, and what is running, would be done; None if nobody knows."""


class Queue:
    """The tasks of a run that have not begun, in the order of its plan."""

    def __init__(
        self, tasks: Iterable[Task], store: Store, options: Options, done: Callable[[Task, TrialRecord], bool]
    ) -> None:
        """`done` is asked of a task for which there is a record meanwhile: whether that one will do."""
        self._waiting = deque(tasks)
        self._store, self._options, self._done = store, options, done
        self._tries: Counter[str] = Counter()
        self._claims: dict[Path, int] = {}  # locked folders, by their open descriptors
        self.budget = Budget(options.budget)
        self._count()

    def __len__(self) -> int:
        return len(self._waiting)

    def _count(self) -> None:
        self.left = Counter(task.trial.spec for task in self._waiting)  # how many wait of each spec

    def of_begun_blocks(self) -> Counter[TrialSpec]:
        """How many wait of each spec, in blocks that were begun."""
        return Counter(task.trial.spec for task in self._waiting if task.block in self.budget.begun)

    def next(self, mine: Collection[str], others: Collection[str], expected: Expected) -> Task | None:
        """The task for a worker that has compiled the models `mine`, claimed; None if there is none at the moment.

        Other workers have the models `others`.
        """

        def seconds_for_all_of(block: int) -> float | None:
            return expected(Counter(task.trial.spec for task in self._waiting if task.block == block))

        for _ in range(len(self._waiting)):
            index = choose(self._waiting, mine, others)
            task = self._waiting[index]
            if not self.budget.admits(task.block, seconds_for_all_of):
                # What waits of seeds that were begun, such as a lost trial, is still trained.
                self._waiting = deque(task for task in self._waiting if task.block in self.budget.begun)
                self._count()
                return None
            del self._waiting[index]
            if not self._claim(task):
                self._waiting.append(task)
                continue
            self.left[task.trial.spec] -= 1
            record = None if self._options.force else self._store.read(task.trial)
            if record is None or not self._done(task, record):
                return task
            self.release(task)
        return None

    def retry(self, task: Task) -> bool:
        """Put back a task whose worker was lost, as the next one; False if it has had all of its tries."""
        self._tries[task.trial.identity] += 1
        if self._tries[task.trial.identity] >= self._options.tries:
            return False
        self.release(task)
        self.left[task.trial.spec] += 1
        self._waiting.appendleft(task)
        return True

    def _claim(self, task: Task) -> bool:
        """Lock a trial's folder, made if it is missing, so that no other run trains it; False if another one does.

        Such a lock leaves nothing behind, and ends with its process.  Where the file system has none, every claim is
        granted: two runs may then train a trial twice, with the same result.
        """
        folder = self._store.folder(task.trial)
        with written(folder):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            pass  # no locks here
        self._claims[folder] = descriptor
        return True

    def release(self, task: Task) -> None:
        """Give back the claim on a task."""
        os.close(self._claims.pop(self._store.folder(task.trial)))

    def release_all(self) -> None:
        """Give back all claims."""
        while self._claims:
            os.close(self._claims.popitem()[1])


def choose(waiting: Sequence[Task], mine: Collection[str], others: Collection[str]) -> int:
    """The index of the trial for a worker that has compiled the models `mine`; other workers have `others`.

    Only trials of the seed that is next are considered, so that seeds are still trained in order.  The first whose
    model the worker has; else the first whose model nobody has; else the first.  Raises IndexError if none waits.
    """
    seed = waiting[0].trial.seed
    models = [model_key(task.trial.spec) for task in islice(waiting, _AHEAD) if task.trial.seed == seed]
    ready = (index for index, model in enumerate(models) if model in mine)
    new = (index for index, model in enumerate(models) if model not in others)
    return next(ready, next(new, 0))


class Budget:
    """Which blocks of seeds a run may begin: one that is begun is trained to its end, so that every pair is whole."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.spent = False  # whether no further block will be begun
        self._since = time.monotonic()
        self.begun: set[int] = set()

    def seconds_left(self) -> float | None:
        """Until no further block is begun; None without a limit."""
        return None if self.seconds is None else max(0.0, self.seconds - (time.monotonic() - self._since))

    def admits(self, block: int, expected: Callable[[int], float | None]) -> bool:
        """Whether a trial of this block may be begun: the first block always may.

        `expected` tells how many seconds a block and what is running will take from now, None if nobody knows: a block
        that would end beyond the limit is not begun.
        """
        if self.seconds is None or block in self.begun:
            return True
        self.spent = bool(self.begun) and (self.spent or (expected(block) or 0.0) > (self.seconds_left() or 0.0))
        if not self.spent:
            self.begun.add(block)
        return not self.spent
