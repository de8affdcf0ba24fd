"""The order in which a trial sees its training examples: drawn from (seed, epoch), the same for all variants."""

from collections.abc import Iterator

import numpy as np

from bnexp.data import shuffle
from bnexp.specs.trial import stream


def epoch_order(indices: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """The training examples `indices`, shape (examples,), shuffled for this epoch (from 0), as int32."""
    return indices.astype(np.int32)[shuffle.order(len(indices), stream(seed, "order", epoch))]


def batches(order: np.ndarray, batch_size: int, first: int, last: int) -> Iterator[np.ndarray]:
    """Steps `first` up to but not `last` of an epoch (from 0), as at most two arrays of shape (steps, batch).

    The second holds the last, smaller batch of the epoch, where the stretch reaches it.
    """
    whole = len(order) // batch_size
    if first < min(last, whole):
        yield order[first * batch_size : min(last, whole) * batch_size].reshape(-1, batch_size)
    if last > whole and len(order) % batch_size:
        yield order[whole * batch_size :].reshape(1, -1)
