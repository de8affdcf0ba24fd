"""A user's own arrays: refused with the reason, or what becomes of them, and what is said of a likely mistake."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnexp.data.custom import cautions, normalise, pixels
from bnexp.data.dataset import Arrays, digests
from bnexp.errors import UserError

RANDOM = np.random.default_rng(0)
TRAIN, TEST = (RANDOM.integers(0, 256, (n, 8, 8), np.uint8) for n in (60, 30))
TRAIN_LABELS, TEST_LABELS = np.arange(60) % 3, np.arange(30) % 3
MEAN, DEVIATION = TRAIN.mean(), TRAIN.std()


def arrays(train: Any = TRAIN, test: Any = TEST, labels: Any = TRAIN_LABELS, test_labels: Any = TEST_LABELS) -> Arrays:
    return normalise("m:f", ((train, labels), (test, test_labels)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x: x, "uint8 in 0..255, divided by 255"),
        (lambda x: x / 255, "float32 in [0, 1], used as they are"),
        (lambda x: x / 127.5 - 1, "float32 in [-1, 1], used as they are"),
        (lambda x: (x - MEAN) / DEVIATION, "float32 in [-1.69, 1.71], used as they are"),
        (lambda x: (x / 255).astype(np.float16), "float32 in [0, 1], used as they are"),
        # what the caution about uint8 images in {0, 1} advises
        (lambda x: (x > 127).astype("float32"), "float32 in [0, 1], used as they are"),
    ],
)
def test_24_images_of_any_finite_range_are_taken_as_they_are_and_described(change: Any, told: str) -> None:
    """Divided by 255, with mean 0 and variance 1, in half precision: all are usual."""
    made = arrays(change(TRAIN), change(TEST))
    assert pixels(made) == told
    assert cautions("m:f", made) == ()
    expected = change(TRAIN) if made.train_images.dtype == np.uint8 else change(TRAIN).astype(np.float32)
    assert np.array_equal(made.train_images[..., 0], expected)


SAME: dict[str, Any] = {
    "fortran order": np.asfortranarray,
    "negative strides": lambda x: x[::-1][::-1],
    "big-endian": lambda x: x.astype(">f8"),
    "single": lambda x: x.astype(np.float32),
    "long": lambda x: x.astype(np.longdouble),
    "a list": list,
    "nothing masked": np.ma.array,
    "channel": lambda x: x.astype(">f4")[..., None],
}


@pytest.mark.parametrize("form", SAME)
def test_the_same_numbers_in_another_form_are_the_same_data(form: str) -> None:
    train, test = ((each / 256).astype(np.float64) for each in (TRAIN, TEST))
    assert digests(arrays(SAME[form](train), SAME[form](test))) == digests(arrays(train, test))


def test_the_same_labels_in_another_form_are_the_same_data() -> None:
    usual = digests(arrays())
    assert digests(arrays(labels=TRAIN_LABELS.astype(">u2")[:, None], test_labels=list(TEST_LABELS))) == usual
    assert digests(arrays(labels=2 - TRAIN_LABELS)) != usual


def test_data_mapped_from_a_file_stay_as_they_were_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", TRAIN)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r+")
    made = arrays(train=mapped)
    before = digests(made)
    mapped[:] = 0
    mapped.flush()
    assert digests(made) == before


def both(change: Any) -> dict[str, Any]:
    return {"train": change(TRAIN), "test": change(TEST)}


SWAPPED = {"train": TEST, "labels": TEST_LABELS, "test": TRAIN, "test_labels": TRAIN_LABELS}
CAUTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "19 ink of one bit": (both(lambda x: (x > 127).astype(np.uint8)), "hold no more than 1, so that the network sees"),
    "ink of four bits": (both(lambda x: x // 16), "hold no more than 15"),
    "19 divided twice": (both(lambda x: x / 255**2), "lie in [0, 0.0039]; were they divided by 255 twice?"),
    "floats in 0..255": (both(lambda x: x / 1.0), "lie in [0, 255]; divide pixels in 0..255 by 255"),
    "one part divided": ({"train": TRAIN / 255, "test": TEST / 1.0}, "scaled differently: mean 0.498 and 129, "),
    "standardized": ({"train": (TRAIN - MEAN) / DEVIATION, "test": TEST / 255}, "standard deviation 1 and 0.287"),
    "blank": ({"train": TRAIN * 0}, "every pixel of train_images is 0"),
    "tested on all": ({"test": TRAIN, "test_labels": TRAIN_LABELS}, "60 of the 60 test images are training images too"),
    "on some": ({"test": np.concatenate([TRAIN[:3], TEST[3:]])}, "3 of the 30 test images are training images too"),
    "swapped": (SWAPPED, "are the two swapped?"),
    "one class tested": (
        {"test_labels": TEST_LABELS * 0},
        "no test example has label 1 or 1 others; was a sorted dataset cut in two?",
    ),
    "a class untested": ({"test_labels": TEST_LABELS % 2}, "no test example has label 2; was a sorted dataset"),
    "20 channels first and not square": (
        both(lambda x: x[:, None, :, :7]),
        "each image is 1 high and 8 wide, with 7 channels; if the channels come first, return images.transpose",
    ),
}


@pytest.mark.parametrize(("changed", "says"), CAUTIONS.values(), ids=CAUTIONS)
def test_19_20_what_is_probably_not_meant_is_said_once(changed: dict[str, Any], says: str) -> None:
    (text,) = cautions("m:f", arrays(**changed))
    assert text.startswith("data m:f: ")
    assert says in text


IMAGES, LABELS = np.zeros((6, 4, 4), np.uint8), np.arange(6) % 3


def holed(value: float) -> np.ndarray:
    images = np.zeros((6, 4, 4))
    images[0, 0, 0] = value
    return images


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "flat": ({"train": IMAGES.reshape(6, 16)}, "train_images: images have the shape (n, H, W) or (n, H, W, C)"),
    "five axes": ({"train": IMAGES.reshape(6, 4, 4, 1, 1)}, "not (6, 4, 4, 1, 1)"),
    "no images": ({"train": IMAGES[:0]}, "train_images: there are no images: the shape is (0, 4, 4)"),
    "no test images": ({"test": IMAGES[:0]}, "test_images: there are no images"),
    "ragged": ({"train": [[1, 2], [3]]}, "train_images: a list of 2 cannot be made an array"),
    "int64 images": ({"train": IMAGES.astype(int)}, "not int64 in 0..0; use astype('uint8')"),
    "int16 images": ({"train": IMAGES.astype(">i2") - 1}, "not int16 in -1..-1; divide them"),
    "boolean images": ({"train": IMAGES > 0}, "or floating point, not bool; use astype('float32')"),
    "complex images": ({"train": IMAGES + 0j}, "uint8 in 0..255 or floating point, not complex128"),
    "objects": ({"train": np.full((6, 4, 4), None)}, "not object; are they of unequal sizes, or is"),
    "channels first": ({"train": np.zeros((6, 3, 28, 28))}, "return images.transpose(0, 2, 3, 1)"),
    "one channel first": ({"test": np.zeros((6, 1, 28, 28))}, "channels of (6, 1, 28, 28) seem to come first"),
    "examples last": (
        {"train": np.zeros((28, 28, 6))},
        "one for each; examples come first, and the shape is (28, 28, 6, 1)",
    ),
    "a masked image": ({"train": np.ma.masked_equal(IMAGES, 0)}, "96 values are masked, and training"),
    "masked images in a list": ({"train": [np.ma.masked_equal(each, 0) for each in IMAGES]}, "96 values are masked"),
    "a masked label": ({"labels": np.ma.masked_equal(LABELS, 2)}, "train_labels: 2 values are masked"),
    "NaN": ({"train": holed(np.nan)}, "train_images: 1 value is NaN or infinite"),
    "infinite": ({"train": holed(np.inf)}, "train_images: 1 value is NaN or infinite"),
    "beyond float32": ({"train": holed(1e39)}, "train_images: 1 value is NaN or infinite, or beyond float32"),
    "fewer labels": ({"labels": LABELS[:5]}, "6 train_images and 5 train_labels; one for each"),
    "fewer test labels": ({"test_labels": LABELS[:5]}, "6 test_images and 5 test_labels"),
    "one-hot": ({"labels": np.eye(3)[LABELS]}, "not (6, 3); of one-hot labels, take argmax(axis=1)"),
    "float labels": ({"labels": LABELS / 1.0}, "whole numbers from 0, as integers, not float64; use astype(int)"),
    "fractions": ({"labels": LABELS / 2}, "as integers, not float64; number the classes, alike in both sets"),
    "boolean labels": ({"labels": LABELS > 0}, "as integers, not bool; use astype(int)"),
    "words": ({"labels": np.array(list("aabbcc"))}, "labels are whole numbers from 0, as integers, not <U1"),
    "negative labels": ({"labels": LABELS - 1}, "train_labels: labels are whole numbers from 0; these lie in -1..1"),
    "huge labels": ({"labels": LABELS + 2**40}, "labels are whole numbers from 0; these lie in 1099511627776"),
    "from 1": ({"labels": LABELS + 1}, "has label 0 (the highest is 3); subtract 1"),
    "a gap": ({"labels": LABELS * 2}, "no training example has label 1 (the highest is 4)"),
    "one class": ({"labels": LABELS * 0}, "all training labels are 0; there must be two classes or more"),
    "a class only in the test": ({"test_labels": LABELS + 1}, "test_labels hold class 3, train_labels only 0..2"),
    "other test shape": ({"test": IMAGES[:, :3]}, "train_images are (4, 4, 1) each and test_images (3, 4, 1)"),
    "other test dtype": ({"test": holed(0)}, "train_images are uint8 and test_images float32"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("changed", "says"), FAULTS.values(), ids=FAULTS)
def test_faulty_arrays_are_explained(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        arrays(**{"train": IMAGES, "test": IMAGES, "labels": LABELS, "test_labels": LABELS, **changed})
    assert str(error.value).startswith("data m:f: ")
    assert says in str(error.value)
