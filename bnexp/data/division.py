"""The division of the training examples into those trained on and those set aside for validation."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data.dataset import Dataset
from bnexp.data.shuffle import keys
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec
from bnexp.specs.trial import stream

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Indices into the training examples, each array ascending and without repetition; the two share none."""

    train: Indices
    validation: Indices


def split(dataset: Dataset, spec: DataSpec, seed: int) -> Split:
    """The split of the trial with this seed: the same for all variants, and the same validation set for every `train`.

    The sizes fit each other: `specs.trial.problems` finds none.  Both parts are stratified: each class gets its share
    of the part, rounded so that the part has exactly the size asked for (largest remainder).  Raises UserError if no
    example of a class is left to train on.
    """
    labels, classes = dataset.train_labels, dataset.classes
    everything = np.arange(len(labels), dtype=np.int64)
    validation = _draw(everything, labels, spec.validation_examples(len(labels)), stream(seed, "validation"))
    train = everything[~np.isin(everything, validation, assume_unique=True)]
    if spec.train is not None:
        if spec.train < classes:
            asked = f"data.train: {spec.train} examples"
            raise UserError(f"{asked} cannot hold each of the {classes} classes of {dataset.name}; use more")
        train = _draw(train, labels, spec.train, stream(seed, "train"))
    counts, left = (np.bincount(some, minlength=classes) for some in (labels, labels[train]))
    if len(missing := np.flatnonzero(left == 0)):
        raise UserError(
            f"class {missing[0]} of {dataset.name} is too rare: none of its {counts[missing[0]]} training examples is "
            "left to train on after the split; add examples, or change data.validation or data.train"
        )
    return Split(train, validation)


def apportion(counts: NDArray[Any], seats: int) -> NDArray[np.int64]:
    """`seats` divided in proportion to `counts`, shape (classes,), by the method of largest remainder.

    In whole numbers throughout; of equal remainders the lower class comes first.  Never more than `counts`.
    """
    counts = counts.astype(np.int64)
    shares, remainders = np.divmod(counts * seats, max(int(counts.sum()), 1))
    first = np.argsort(-remainders, kind="stable")[: seats - int(shares.sum())]
    shares[first] += 1
    return shares


def _draw(among: Indices, labels: NDArray[Any], count: int, seed: int) -> Indices:
    """`count` of the indices `among`, stratified by label, ascending.

    Every example has a random key of its own, and each class gives those with the lowest; so a larger draw
    with the same seed holds a smaller one, but for what rounding moves between classes.
    """
    mine = labels[among]
    counts = np.bincount(mine)
    by_class = among[np.lexsort((keys(len(labels), seed)[among], mine))]
    first = np.cumsum(counts) - counts
    taken = [by_class[start : start + quota] for start, quota in zip(first, apportion(counts, count), strict=True)]
    return np.sort(np.concatenate(taken))
