"""A user's own arrays that can be trained on: what becomes of them, and what is said of those that may be a mistake."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnexp.data import load
from bnexp.data.custom import cautions, normalise, pixels
from bnexp.data.dataset import Arrays, digests
from bnexp.specs.data import DataSpec

RANDOM = np.random.default_rng(0)
TRAIN, TEST = (RANDOM.integers(0, 256, (n, 8, 8), np.uint8) for n in (60, 30))
TRAIN_LABELS, TEST_LABELS = np.arange(60) % 3, np.arange(30) % 3


def arrays(train: Any = TRAIN, test: Any = TEST, labels: Any = TRAIN_LABELS, test_labels: Any = TEST_LABELS) -> Arrays:
    return normalise("m:f", ((train, labels), (test, test_labels)))


def test_ordinary_arrays_need_no_caution() -> None:
    assert cautions("m:f", arrays()) == ()


MEAN, DEVIATION = TRAIN.mean(), TRAIN.std()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x: x, "uint8 in 0..255, divided by 255"),
        (lambda x: x / 255, "float32 in [0, 1], used as they are"),
        (lambda x: x / 127.5 - 1, "float32 in [-1, 1], used as they are"),
        (lambda x: (x - MEAN) / DEVIATION, "float32 in [-1.69, 1.71], used as they are"),
        (lambda x: (x / 255).astype(np.float16), "float32 in [0, 1], used as they are"),
    ],
)
def test_24_images_of_any_finite_range_are_taken_as_they_are_and_described(change: Any, told: str) -> None:
    """Divided by 255, with mean 0 and variance 1, in half precision: all are usual."""
    made = arrays(change(TRAIN), change(TEST))
    assert pixels(made) == told
    assert cautions("m:f", made) == ()
    expected = change(TRAIN) if made.train_images.dtype == np.uint8 else change(TRAIN).astype(np.float32)
    assert np.array_equal(made.train_images[..., 0], expected)


@pytest.mark.parametrize(
    "same",
    [
        np.asfortranarray,
        lambda x: x[::-1][::-1],
        lambda x: x.astype(">f8"),
        lambda x: x.astype(np.float32),
        lambda x: x.astype(np.longdouble),
        list,
        np.ma.array,
        lambda x: x.astype(">f4")[..., None],
    ],
    ids=["fortran order", "negative strides", "big-endian", "single", "long", "a list", "nothing masked", "channel"],
)
def test_the_same_numbers_in_another_form_are_the_same_data(same: Any) -> None:
    train, test = ((each / 256).astype(np.float64) for each in (TRAIN, TEST))
    assert digests(arrays(same(train), same(test))) == digests(arrays(train, test))
    assert digests(arrays(labels=TRAIN_LABELS.astype(">u2"), test_labels=list(TEST_LABELS))) == digests(arrays())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"train": TRAIN > 127, "test": TEST > 127, "then": np.uint8}, "hold no more than 1, so that the network sees"),
        ({"train": TRAIN // 16, "test": TEST // 16}, "hold no more than 15"),
        ({"train": TRAIN / 255**2, "test": TEST / 255**2}, "lie in [0, 0.0039]; were they divided by 255 twice?"),
        ({"train": TRAIN / 1.0, "test": TEST / 1.0}, "lie in [0, 255]; divide pixels in 0..255 by 255"),
        ({"train": TRAIN / 255, "test": TEST / 1.0}, "scaled differently: mean 0.498 and 129, "),
        ({"train": (TRAIN - MEAN) / DEVIATION, "test": TEST / 255}, "standard deviation 1 and 0.287"),
        ({"train": TRAIN * 0}, "every pixel of train_images is 0"),
        ({"test": TRAIN, "test_labels": TRAIN_LABELS}, "60 of the 60 test images are training images too"),
        ({"test": np.concatenate([TRAIN[:3], TEST[3:]])}, "3 of the 30 test images are training images too"),
        ({"train": TEST, "labels": TEST_LABELS, "test": TRAIN, "test_labels": TRAIN_LABELS}, "are the two swapped?"),
        ({"test_labels": TEST_LABELS * 0}, "no test example has label 1 or 1 others; was a sorted dataset cut in two?"),
        ({"test_labels": TEST_LABELS % 2}, "no test example has label 2; was a sorted dataset"),
        (
            {"train": TRAIN[:, None, :, :7], "test": TEST[:, None, :, :7]},
            "each image is 1 high and 8 wide, with 7 channels; if the channels come first, return images.transpose",
        ),
    ],
    ids=[
        "19 ink of one bit as uint8",
        "ink of four bits as uint8",
        "19 divided by 255 twice",
        "floats in 0..255",
        "only the training images divided",
        "only the training images standardized",
        "blank",
        "the test set is the training set",
        "some test images were trained on",
        "swapped",
        "only one class in the test set",
        "a class without a test example",
        "20 channels first and not square",
    ],
)
def test_19_20_what_is_probably_not_meant_is_said_once(changed: dict[str, Any], says: str) -> None:
    if then := changed.pop("then", None):
        changed = {key: value.astype(then) for key, value in changed.items()}
    (text,) = cautions("m:f", arrays(**changed))
    assert text.startswith("data m:f: ")
    assert says in text


def test_binary_images_as_floats_need_no_caution() -> None:
    """What the caution about uint8 images in {0, 1} advises."""
    made = arrays((TRAIN > 127).astype("float32"), (TEST > 127).astype("float32"))
    assert cautions("m:f", made) == ()


def test_data_mapped_from_a_file_stay_as_they_were_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", TRAIN)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r+")
    made = arrays(train=mapped)
    before = digests(made)
    mapped[:] = 0
    mapped.flush()
    assert digests(made) == before


def test_a_loaded_dataset_says_what_its_images_are_and_what_may_surprise(tmp_path: Path) -> None:
    (tmp_path / "bits.py").write_text(
        "import numpy as np\n"
        "def load():\n"
        "    x = np.random.default_rng(0).integers(0, 2, (90, 8, 8), np.uint8)\n"
        "    y = np.arange(90) % 3\n"
        "    return (x[:60], y[:60]), (x[60:], y[60:])\n"
    )
    dataset = load(DataSpec(name="bits:load"), search_path=[str(tmp_path)])
    assert dataset.pixels == "uint8 in 0..1, divided by 255"
    (text,) = dataset.cautions
    assert text.startswith("data bits:load: uint8 images are divided by 255, and these hold no more than 1")
