"""Users' own layers, models and optimizers, tried by a worker before anything is trained: only trying tells."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from bnexp.errors import UserError
from bnexp.records.record import Failure
from bnexp.running.progress import last_lines
from bnexp.running.survey import Task
from bnexp.specs.trial import authors
from bnexp.usercode.code import code_of


class OwnLayers:
    """One model after the other that a user's own code makes or trains, until all have been tried."""

    def __init__(self, waiting: Iterable[Task]) -> None:
        self.untried = _models(waiting)
        self._refusals: list[str] = []

    def answered(self, failure: Failure | None) -> None:
        """What became of the first of the untried.  Raises UserError after the last if any did not work."""
        task = self.untried.popleft()
        if failure is not None:
            reason = failure.message if failure.kind == "UserError" else failure.traceback
            self._refusals.append(f"{_name(task)}: {reason.strip()}")
        if self._refusals and not self.untried:
            raise UserError("\n".join(self._refusals))


def lost(task: Task, message: str, log: str) -> UserError:
    """A worker has ended while it tried the code of a task, which is the code's doing or the end for being late."""
    codes = code_of(task.trial.spec, task.trial.search_path)
    nouns = " and ".join(code.kind.noun for block, code in codes.items() if block != "data")
    named = f"{_name(task)}: {' and '.join(authors(task.trial.spec))}"
    return UserError(f"{named}: the worker ended while it tried the {nouns}: {message}\n{last_lines(log)}")


def _name(task: Task) -> str:
    return f"{task.experiment}, variant {task.variant}"


def _models(waiting: Iterable[Task]) -> deque[Task]:
    """One task for each model that a user's own code makes or trains."""
    found: dict[tuple[Any, ...], Task] = {}
    for task in waiting:
        spec = task.trial.spec
        if code_of(spec, task.trial.search_path).keys() - {"data"}:
            # How long it is trained makes no difference to it.
            parts = (spec.model, spec.norm, spec.training.optimizer)
            key = (spec.data.name, spec.data.source, *map(repr, parts), task.trial.search_path)
            found.setdefault(key, task)
    return deque(found.values())
