"""A user's own dataset, `module:function`: found, called, and checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data.dataset import Arrays, Dataset, dataset_of, digests
from bnexp.errors import UserError
from bnexp.usercode.code import UserCode, described, in_use, own_code

_RETURNS = "it returns ((train_images, train_labels), (test_images, test_labels)), as in keras.datasets"


def load(name: str, source: str | None, search_path: Sequence[str]) -> Dataset:
    """Call the function that `name`, a `module:function`, stands for, and check what it returns.

    `source` is the SHA-256 of the module's file when the config was loaded, or None.  Raises UserError.
    """
    code = _code(name, source, search_path)
    origin = locate(name, search_path)[0]
    with in_use(code):
        function = code.load()
        if not callable(function):
            raise code.fault(f"must be a function without arguments, and is {described(function)}; {_RETURNS}")
        returned = function()
    arrays = normalise(name, returned)
    classes = int(arrays.train_labels.max()) + 1
    checked = "shapes, ranges and labels; the content is the user's own"
    return dataset_of(name, arrays, digests(arrays), classes=classes, origin=origin, checked=checked)


def locate(name: str, search_path: Sequence[str]) -> tuple[str, Path]:
    """Where the function is defined, in words, and the file; nothing is imported.  Raises UserError."""
    code = _code(name, None, search_path)
    try:
        path = code.file()
    except ValueError as error:
        raise code.fault(str(error)) from None
    return f"{name.partition(':')[2]} in {path}", path


def _code(name: str, source: str | None, search_path: Sequence[str]) -> UserCode:
    code = own_code("data", name, source, search_path)
    assert code is not None, name
    return code


def normalise(name: str, returned: Any) -> Arrays:
    """What a user's function returned, as arrays of the agreed shapes and dtypes; UserError if that cannot be.

    Images (n, H, W) get a channel axis; floating point becomes float32; labels (n, 1) become (n,), int32.
    """
    try:
        (train_images, train_labels), (test_images, test_labels) = returned
    except (TypeError, ValueError):
        raise UserError(f"data {name}: {_RETURNS}; this one returns {described(returned)}") from None
    what = f"data {name}"
    arrays = Arrays(
        _images(f"{what}: train_images", train_images),
        _labels(f"{what}: train_labels", train_labels),
        _images(f"{what}: test_images", test_images),
        _labels(f"{what}: test_labels", test_labels),
    )
    _check_together(what, arrays)
    return arrays


def _images(what: str, value: Any) -> NDArray[Any]:
    array = _array(what, value)
    if array.ndim not in (3, 4):
        raise UserError(f"{what}: images have the shape (n, H, W) or (n, H, W, C), not {array.shape}")
    if 0 in array.shape:
        raise UserError(f"{what}: there are no images: the shape is {array.shape}")
    array = array[..., np.newaxis] if array.ndim == 3 else array
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind != "f":
        raise UserError(f"{what}: images are uint8 in 0..255 or floating point in [0, 1], not {array.dtype}")
    low, high = float(array.min()), float(array.max())  # NaN if any is
    if not np.isfinite([low, high]).all():
        wrong = int((~np.isfinite(array)).sum())
        raise UserError(f"{what}: {wrong:,} {'value is' if wrong == 1 else 'values are'} NaN or infinite")
    if low < 0 or high > 1:
        raise UserError(f"{what}: floating-point images lie in [0, 1], and these in [{low:g}, {high:g}]; rescale them")
    return np.ascontiguousarray(array, np.float32)


def _labels(what: str, value: Any) -> NDArray[np.int32]:
    array = _array(what, value)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = "; of one-hot labels, take argmax(axis=1)" if array.ndim == 2 else ""
        raise UserError(f"{what}: labels have the shape (n,) or (n, 1), not {array.shape}{hint}")
    if array.dtype.kind not in "iu":
        raise UserError(f"{what}: labels are whole numbers from 0, as integers, not {array.dtype}")
    if array.size and not 0 <= array.min() <= array.max() < 2**31:
        raise UserError(f"{what}: labels are whole numbers from 0; these lie in {array.min()}..{array.max()}")
    return array.astype(np.int32)


def _array(what: str, value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except (Exception, SystemExit) as error:  # whatever a foreign tensor raises when it will not become an array
        raise UserError(f"{what}: {described(value)} cannot be made an array: {error}") from error


def _check_together(what: str, arrays: Arrays) -> None:
    for part, images, labels in (
        ("train", arrays.train_images, arrays.train_labels),
        ("test", arrays.test_images, arrays.test_labels),
    ):
        if len(images) != len(labels):
            raise UserError(f"{what}: {len(images):,} {part}_images and {len(labels):,} {part}_labels; one for each")
    train, test = arrays.train_images, arrays.test_images
    if train.shape[1:] != test.shape[1:]:
        raise UserError(
            f"{what}: train_images are {train.shape[1:]} each and test_images {test.shape[1:]}; make them equal"
        )
    if train.dtype != test.dtype:
        raise UserError(
            f"{what}: train_images are {train.dtype} and test_images {test.dtype}; use one of them for both"
        )
    present = np.unique(arrays.train_labels)
    if len(present) < 2:
        raise UserError(f"{what}: all training labels are {present[0]}; there must be two classes or more")
    if present[-1] + 1 != len(present):
        missing = np.flatnonzero(present != np.arange(len(present)))[0]
        raise UserError(
            f"{what}: labels count the classes from 0, without a gap, and no training example has label {missing} "
            f"(the highest is {present[-1]})"
        )
    if arrays.test_labels.max() > present[-1]:
        raise UserError(
            f"{what}: test_labels hold class {arrays.test_labels.max()}, train_labels only 0..{present[-1]}"
        )
