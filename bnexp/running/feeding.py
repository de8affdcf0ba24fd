"""Which waiting trial a worker gets: one whose compiled model it has, if that keeps the seeds in order."""

import json
from collections.abc import Collection, Sequence
from functools import cache
from itertools import islice

from bnexp.running.survey import Task
from bnexp.specs.trial import TrialSpec
from bnexp.specs.values import canonical

_AHEAD = 64
"""Waiting trials that are looked at, so that a choice costs the same however many wait."""

REMEMBERED = 4
"""Compiled models that a worker keeps (`training.trainer`)."""


@cache
def model_of(spec: TrialSpec) -> str:
    """What trials must have in common to share a compiled model: all but data, learning rate, length and seed."""
    optimizer = {**canonical(spec.training.optimizer), "learning_rate": None}
    parts = [spec.model, spec.norm, spec.training.batch_size, spec.data.name, spec.data.source]
    return json.dumps([*map(canonical, parts), optimizer], sort_keys=True)


def choose(waiting: Sequence[Task], mine: Collection[str], others: Collection[str]) -> int:
    """The index of the trial for a worker that has compiled the models `mine`; other workers have `others`.

    Only trials of the seed that is next are considered, so that seeds are still trained in order.  The first whose
    model the worker has; else the first whose model nobody has; else the first.  Raises IndexError if none waits.
    """
    seed = waiting[0].trial.seed
    models = [model_of(task.trial.spec) for task in islice(waiting, _AHEAD) if task.trial.seed == seed]
    ready = (index for index, model in enumerate(models) if model in mine)
    new = (index for index, model in enumerate(models) if model not in others)
    return next(ready, next(new, 0))
