"""A user's own dataset, `module:function`: called, and its arrays brought to the agreed form, or refused."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data.dataset import Arrays, Dataset, dataset_of, digests
from bnexp.errors import UserError
from bnexp.usercode.code import UserCode, described, in_use

RETURNS = "it returns ((train_images, train_labels), (test_images, test_labels)), as in keras.datasets"

_FAINT, _GLARING = 1 / 8, 16
"""Largest absolute values that the network is to see: a usual scaling, [0, 1] or mean 0 and variance 1, lies between.
Ink of only some bits (0..1, 0..16 as uint8) or a second division by 255 falls below, pixels in 0..255 above."""
_SAMPLED = 4_000_000
"""Pixels that means are taken over."""
_REPEATED = 0.01
"""A share of repeated images that is worth a word."""


def load(name: str, source: str | None, search_path: Sequence[str]) -> Dataset:
    """Call the function that `name`, a `module:function`, stands for, and check what it returns.

    `source` says which files made it when the config was loaded, or is None.  Raises UserError.
    """
    code = UserCode("data", name, name, source, tuple(search_path))
    with in_use(code):
        function = code.load()
        if not callable(function):
            raise code.fault(f"must be a function without arguments, and is {described(function)}; {RETURNS}")
        origin = f"{name.partition(':')[2]} in {code.files()[0].path}"
        returned = function()
    arrays = normalise(name, returned)
    return dataset_of(
        name,
        arrays,
        digests(arrays),
        classes=int(arrays.train_labels.max()) + 1,
        origin=origin,
        checked="shapes, values and labels; the content is the user's own",
        pixels=pixels(arrays),
        cautions=cautions(name, arrays),
    )


def normalise(name: str, returned: Any) -> Arrays:
    """What a user's function returned, as arrays of the agreed shapes and dtypes; UserError if that cannot be.

    Images (n, H, W) get a channel axis; floating point becomes float32; labels (n, 1) become (n,), int32.  All are
    copies: a file that is mapped into memory, or an array that the user's module keeps, may change later.
    """
    try:
        (train_images, train_labels), (test_images, test_labels) = returned
    except (TypeError, ValueError):
        raise UserError(f"data {name}: {RETURNS}; this one returns {described(returned)}") from None
    arrays = Arrays(
        _images(f"data {name}: train_images", train_images),
        _labels(f"data {name}: train_labels", train_labels),
        _images(f"data {name}: test_images", test_images),
        _labels(f"data {name}: test_labels", test_labels),
    )
    if fault := next(_misfits(arrays), None):
        raise UserError(f"data {name}: {fault}")
    return arrays


def pixels(arrays: Arrays) -> str:
    """What the images are, and what the network sees of them: `float32 in [-0.424, 2.82], used as they are`."""
    low, high = _range(arrays.train_images, arrays.test_images)
    if arrays.train_images.dtype == np.uint8:
        return f"uint8 in {low:g}..{high:g}, divided by 255"
    return f"float32 in [{low:.3g}, {high:.3g}], used as they are"


def cautions(name: str, arrays: Arrays) -> tuple[str, ...]:
    """What can be trained on and is probably not meant."""
    return tuple(f"data {name}: {text}" for text in (*_of_scale(arrays), *_of_test_set(arrays), *_of_axes(arrays)))


def _of_scale(arrays: Arrays) -> Iterator[str]:
    eight_bit = arrays.train_images.dtype == np.uint8
    low, high = _range(arrays.train_images)
    seen = max(abs(low), abs(high)) / (255 if eight_bit else 1)
    if low == high:
        yield f"every pixel of train_images is {low:g}"
        return
    if seen < _FAINT and eight_bit:
        yield (
            f"uint8 images are divided by 255, and these hold no more than {high:g}, so that the network sees "
            f"[{low / 255:.2g}, {high / 255:.2g}]; return floating point, which is used as it is"
        )
    elif seen < _FAINT:
        yield f"train_images lie in [{low:.2g}, {high:.2g}]; were they divided by 255 twice?"
    elif seen >= _GLARING:
        yield (
            f"floating-point images are used as they are, and train_images lie in [{low:.3g}, {high:.3g}]; "
            "divide pixels in 0..255 by 255, or return them as uint8"
        )
    # Means and standard deviations over images at equal distances.
    some = [part[:: 1 + part.size // _SAMPLED].astype(float) for part in (arrays.train_images, arrays.test_images)]
    train, test = (float(part.mean()) for part in some)
    deviations = [float(part.std()) for part in some]
    if abs(train - test) > max(deviations) or max(deviations) > 2 * min(deviations):
        yield (
            "train_images and test_images are scaled differently: "
            f"mean {train:.3g} and {test:.3g}, standard deviation {deviations[0]:.3g} and {deviations[1]:.3g}"
        )


def _of_test_set(arrays: Arrays) -> Iterator[str]:
    train, test = len(arrays.train_labels), len(arrays.test_labels)
    if test > train:
        yield f"there are more images to test ({test:,}) than to train on ({train:,}); are the two swapped?"
    if len(absent := np.setdiff1d(arrays.train_labels, arrays.test_labels)):
        others = f" or {len(absent) - 1} others" if len(absent) > 1 else ""
        yield f"no test example has label {absent[0]}{others}; was a sorted dataset cut in two?"
    if test > arrays.test_labels[-1] + 1 > 1 and np.all(np.diff(arrays.test_labels) >= 0):
        yield (
            "test_labels are sorted: scores with each batch's own statistics are then of batches of one class; "
            "shuffle the test set, once for all"
        )
    seen = {hash(image.tobytes()) for image in arrays.train_images}
    if len(seen) > 1 and train - len(seen) >= _REPEATED * train:
        yield (
            f"{train - len(seen):,} of the {train:,} training images repeat others: copies fall on both sides of the "
            "validation split, whose accuracy then flatters"
        )
    repeated = sum(hash(image.tobytes()) in seen for image in arrays.test_images)
    if repeated >= _REPEATED * test:
        yield f"{repeated:,} of the {test:,} test images are training images too; they do not test anything"


def _of_axes(arrays: Arrays) -> Iterator[str]:
    _, height, width, channels = shape = arrays.train_images.shape
    if _channels_first(shape):  # sure enough to be refused only where the other sizes are equal
        yield (
            f"each image is {height} high and {width} wide, with {channels} channels; "
            "if the channels come first, return images.transpose(0, 2, 3, 1)"
        )


def _range(*parts: NDArray[Any]) -> tuple[float, float]:
    return min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)


def _channels_first(shape: tuple[int, ...]) -> bool:
    _, first, second, last = shape
    return first in (1, 3, 4) and second > first and last > 4


def _images(what: str, value: Any) -> NDArray[Any]:
    array = _array(what, value)
    if array.ndim not in (3, 4):
        hints = {0: f"; this is {described(value)}, and an array is wanted", 2: "; of flat ones, reshape(-1, H, W)"}
        hint = hints.get(array.ndim, "")
        raise UserError(f"{what}: images have the shape (n, H, W) or (n, H, W, C), not {array.shape}{hint}")
    if 0 in array.shape:
        raise UserError(f"{what}: there are no images: the shape is {array.shape}")
    array = array[..., np.newaxis] if array.ndim == 3 else array
    if _channels_first(array.shape) and array.shape[2] == array.shape[3]:
        raise UserError(
            f"{what}: images have the shape (n, H, W, C), and the channels of {array.shape} seem to come first; "
            "return images.transpose(0, 2, 3, 1)"
        )
    if array.dtype == np.uint8:
        return np.array(array, order="C")
    if array.dtype.kind != "f":
        raise UserError(f"{what}: images are uint8 in 0..255 or floating point, not {array.dtype}{_as_images(array)}")
    with np.errstate(over="ignore"):
        single = np.array(array, np.float32, order="C")
    if wrong := int((~np.isfinite(single)).sum()):
        beyond = ", or beyond float32" if np.isfinite(array).all() else ""
        raise UserError(f"{what}: {wrong:,} {'value is' if wrong == 1 else 'values are'} NaN or infinite{beyond}")
    return single


def _as_images(array: NDArray[Any]) -> str:
    """What makes images of an array of another dtype."""
    if array.dtype.kind in "iu":
        low, high = array.min(), array.max()
        fix = "use astype('uint8')" if low >= 0 and high <= 255 else "divide them"
        return f" in {low}..{high}; {fix}"
    hints = {"b": "; use astype('float32')", "O": "; are they of unequal sizes, or is one missing?"}
    return hints.get(array.dtype.kind, "")


def _labels(what: str, value: Any) -> NDArray[np.int32]:
    array = _array(what, value)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = "; of one-hot labels, take argmax(axis=1)" if array.ndim == 2 else ""
        raise UserError(f"{what}: labels have the shape (n,) or (n, 1), not {array.shape}{hint}")
    if array.dtype.kind not in "iu":
        whole = array.dtype.kind == "b" or (array.dtype.kind == "f" and bool((array == np.floor(array)).all()))
        hint = "; use astype(int)" if whole else "; number the classes, alike in both sets"
        raise UserError(f"{what}: labels are whole numbers from 0, as integers, not {array.dtype}{hint}")
    if array.size and not 0 <= array.min() <= array.max() < 2**31:
        raise UserError(f"{what}: labels are whole numbers from 0; these lie in {array.min()}..{array.max()}")
    return array.astype(np.int32)


def _array(what: str, value: Any) -> NDArray[Any]:
    parts = value if isinstance(value, tuple | list) else [value]
    if hidden := sum(int(np.ma.getmaskarray(part).sum()) for part in parts if isinstance(part, np.ma.MaskedArray)):
        raise UserError(
            f"{what}: {hidden:,} {'value is' if hidden == 1 else 'values are'} masked, and training cannot leave them "
            "out; fill them (filled), or leave out their examples"
        )
    try:
        return np.asarray(value)
    except (Exception, SystemExit) as error:  # whatever a foreign tensor raises when it will not become an array
        raise UserError(f"{what}: {described(value)} cannot be made an array: {error}") from error


def _misfits(arrays: Arrays) -> Iterator[str]:
    """What does not fit of arrays that are right by themselves."""
    train, train_labels, test, test_labels = arrays
    for part, images, labels in (("train", train, train_labels), ("test", test, test_labels)):
        if len(images) != len(labels):
            hint = f"; examples come first, and the shape is {images.shape}" if len(labels) in images.shape else ""
            yield f"{len(images):,} {part}_images and {len(labels):,} {part}_labels; one for each{hint}"
    if train.shape[1:] != test.shape[1:]:
        yield f"train_images are {train.shape[1:]} each and test_images {test.shape[1:]}; make them equal"
    if train.dtype != test.dtype:
        yield f"train_images are {train.dtype} and test_images {test.dtype}; use one of them for both"
    present = np.unique(train_labels)
    if len(present) < 2:
        yield f"all training labels are {present[0]}; there must be two classes or more"
    if present[-1] + 1 != len(present):
        missing = np.flatnonzero(present != np.arange(len(present)))[0]
        hint = "; subtract 1" if present[0] == 1 and present[-1] == len(present) else ""
        yield (
            f"labels count the classes from 0, without a gap, and no training example has label {missing} "
            f"(the highest is {present[-1]}){hint}"
        )
    if test_labels.max() > present[-1]:
        yield f"test_labels hold class {test_labels.max()}, train_labels only 0..{present[-1]}"
