"""The small version of an experiment: every variant, a corner of the grid, a second or two per trial."""

import math
from collections.abc import Sequence
from typing import Any

from bnexp.config.grid import Candidate
from bnexp.config.mistakes import Mark, Source
from bnexp.config.tree import Node, changed, from_plain
from bnexp.specs.datasets import DATASETS
from bnexp.specs.procedure import Federated
from bnexp.specs.schedule import StepDecay
from bnexp.specs.trial import TrialSpec

SEEDS = 2
DATA = "mnist-5k"
TRAIN = 400
_LENGTH = ("training.procedure.rounds", "training.procedure.local_epochs")
VALIDATION = 200


def thinned(points: Sequence[tuple[Candidate, TrialSpec]]) -> list[tuple[Candidate, TrialSpec]]:
    """The points whose axes stand at their first or last value, and at least one of each variant."""
    covered = {candidate.variant for candidate, _ in points if candidate.corner}
    kept = []
    for candidate, spec in points:
        if candidate.corner or candidate.variant not in covered:
            covered.add(candidate.variant)
            kept.append((candidate, spec))
    return kept


def _in_shares(spec: TrialSpec) -> dict[str, Any]:
    """Whole numbers of steps in the schedule as the shares that they are of the whole training, else a tenth."""
    schedule, known = spec.training.schedule, spec.data.known
    steps = spec.training.length(spec.data.train_examples(known.train)) if known else None

    def share(part: float) -> float:
        return part if isinstance(part, float) or not part else part / steps if steps else 0.1

    found: dict[str, Any] = {"warmup": share(schedule.warmup)} if schedule.warmup else {}
    return found | ({"at": [share(part) for part in schedule.at]} if isinstance(schedule, StepDecay) else {})


def shrunk(tree: Node, spec: TrialSpec) -> Node:
    """The tree of `spec` with embedded data, few images and one epoch; the training set holds at least one batch."""
    most = DATASETS[DATA].train - VALIDATION
    procedure, clients, pieces = spec.training.procedure, 1, 1
    if federated := isinstance(procedure, Federated):
        clients, pieces = procedure.clients, procedure.pieces
    batch_size = min(spec.training.batch_size, most // (clients * pieces) * pieces)
    train = max(TRAIN, clients * pieces * math.ceil(batch_size / pieces))  # a batch for each client
    if spec.data.train is not None and spec.data.train >= batch_size:
        train = min(train, max(spec.data.train, DATASETS[DATA].classes))
    changes: dict[str, Any] = {
        "data.train": train,
        "training.batch_size": batch_size,
        **dict.fromkeys(_LENGTH if federated else ("training.epochs",), 1),
        "training.evaluations": 1,
        **{f"training.schedule.{key}": value for key, value in _in_shares(spec).items()},
    }
    if spec.data.known:
        changes |= {"data.name": DATA, "data.validation": VALIDATION if spec.data.validation else 0}
    return changed(tree, from_plain(changes, Mark(Source("--smoke"))).value.items())
