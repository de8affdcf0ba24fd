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

    Both parts are stratified: each class gets its share of the part, rounded so that the part has exactly the size
    asked for (largest remainder).  Raises UserError if a part is too small to hold each class.
    """
    labels, classes = dataset.train_labels, dataset.classes
    everything = np.arange(len(labels), dtype=np.int64)
    held = spec.validation_examples(len(labels))
    _check_validation(held, len(labels), classes, dataset.name)
    validation = _draw(everything, labels, held, stream(seed, "validation"))
    train = everything[~np.isin(everything, validation, assume_unique=True)]
    if spec.train is not None:
        _check_train(spec.train, len(train), classes, dataset.name)
        train = _draw(train, labels, spec.train, stream(seed, "train"))
    _check_classes(labels, train, classes, dataset.name)
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


def _check_validation(held: int, available: int, classes: int, name: str) -> None:
    if 0 < held < classes:
        raise UserError(
            f"data.validation: {held} validation examples cannot hold each of the {classes} classes of {name}; "
            "use more, or 0 for none"
        )
    if available - held < classes:
        raise UserError(
            f"data.validation: {held} of the {available} training examples of {name} leave {max(available - held, 0)} "
            f"to train on, fewer than its {classes} classes; use fewer"
        )


def _check_train(asked: int, available: int, classes: int, name: str) -> None:
    if asked > available:
        raise UserError(f"data.train: {asked} examples, but after the validation split {name} has {available}")
    if asked < classes:
        raise UserError(f"data.train: {asked} examples cannot hold each of the {classes} classes of {name}; use more")


def _check_classes(labels: NDArray[Any], train: Indices, classes: int, name: str) -> None:
    counts = np.bincount(labels, minlength=classes)
    if len(missing := np.flatnonzero(np.bincount(labels[train], minlength=classes) == 0)):
        raise UserError(
            f"class {missing[0]} of {name} is too rare: none of its {counts[missing[0]]} training examples is left to "
            "train on after the split; add examples, or change data.validation or data.train"
        )
