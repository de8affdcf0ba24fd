"""A dataset in memory, and the hash that says what it holds."""

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Arrays(NamedTuple):
    """The four arrays of a dataset: images (n, H, W, C), uint8 or float32; labels (n,), int32."""

    train_images: NDArray[Any]
    train_labels: NDArray[np.int32]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images for training and testing.  The arrays are read-only; equal hashes mean equal datasets."""

    name: str
    train_images: NDArray[Any]
    """(n, H, W, C): uint8, which the model divides by 255, or finite float32, which it takes as they are."""
    train_labels: NDArray[np.int32]
    """(n,), each in 0..classes-1, every class present."""
    test_images: NDArray[Any]
    """As `train_images`, of the same H, W, C and dtype."""
    test_labels: NDArray[np.int32]
    classes: int
    content_hash: str
    """SHA-256 over the `digest` of each of the four arrays, 64 hexadecimal digits."""
    origin: str = ""
    """Where it was taken from, in words."""
    checked: str = ""
    """What the content was held against, in words."""
    pixels: str = ""
    """Of a user's own: dtype and range of the images, and what the model makes of them, in words."""
    cautions: tuple[str, ...] = ()
    """Of a user's own: what can be trained on and is probably not meant."""


def digest(array: NDArray[Any]) -> str:
    """SHA-256 of one array: its dtype, shape, and bytes in C order, little-endian."""
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    hashed = hashlib.sha256(f"{plain.dtype.str} {plain.shape} ".encode())
    hashed.update(plain.data)
    return hashed.hexdigest()


def digests(arrays: Arrays) -> tuple[str, ...]:
    """The `digest` of each of the four arrays."""
    return tuple(digest(array) for array in arrays)


def dataset_of(name: str, arrays: Arrays, parts: tuple[str, ...], *, classes: int, **told: Any) -> Dataset:
    """`arrays`, whose digests are `parts`, as a dataset that nobody can write into; `told`: its last fields."""
    views = Arrays(*(array.view() for array in arrays))  # the caller's own arrays stay as they are
    for view in views:
        view.flags.writeable = False
    return Dataset(name, *views, classes, hashlib.sha256(" ".join(parts).encode()).hexdigest(), **told)
