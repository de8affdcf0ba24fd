"""A user's own `module:function`: found, imported, called; its arrays refused or taken, and what is said of them."""

import builtins
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnexp.data.custom import cautions, normalise, pixels
from bnexp.data.dataset import Arrays, digests
from bnexp.data.loading import load
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec
from bnexp.usercode.source import digest, source_files

GOOD = """
import numpy as np

def images():
    random = np.random.default_rng(0)
    train = random.integers(0, 256, (12, 5, 7, 3), np.uint8), np.arange(12).reshape(12, 1) % 3
    test = random.integers(0, 256, (6, 5, 7, 3), np.uint8), np.arange(6).reshape(6, 1) % 3
    return train, test
"""


def write(folder: Path, source: str, name: str = "my_images.py") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(source)
    return folder


def own(*folders: Path, name: str = "my_images:images", source: str | None = None) -> Any:
    return load(DataSpec(name=name, source=source), search_path=[str(folder) for folder in folders])


def test_any_shape_and_class_count(tmp_path: Path) -> None:
    dataset = own(write(tmp_path, GOOD))
    assert dataset.train_images.shape == (12, 5, 7, 3)
    assert (dataset.train_labels.shape, dataset.train_labels.dtype) == ((12,), np.int32)
    assert (dataset.classes, dataset.name) == (3, "my_images:images")
    assert dataset.origin == f"images in {tmp_path / 'my_images.py'}"


def test_it_says_what_its_images_are_and_what_may_surprise(tmp_path: Path) -> None:
    dataset = own(write(tmp_path, GOOD.replace("0, 256", "0, 2")))
    assert dataset.pixels == "uint8 in 0..1, divided by 255"
    (text,) = dataset.cautions
    assert text.startswith("data my_images:images: uint8 images are divided by 255, and these hold no more than 1")


def test_the_first_folder_of_the_search_path_wins_and_a_module_may_lie_in_a_package(tmp_path: Path) -> None:
    first = write(tmp_path / "first", GOOD.replace("5, 7", "2, 2"))
    assert own(first, write(tmp_path / "second", GOOD)).train_images.shape == (12, 2, 2, 3)
    write(tmp_path / "my_package" / "inner", GOOD)
    assert own(tmp_path, name="my_package.inner.my_images:images").classes == 3


def test_two_folders_with_modules_of_one_name_do_not_mix(tmp_path: Path) -> None:
    """One worker serves configs from several folders; their helper modules are told apart, too."""
    shapes = []
    for size in (2, 3):
        folder = write(tmp_path / str(size), f"SIZE = {size}", "my_helper.py")
        write(folder, "from my_helper import SIZE\n" + GOOD.replace("5, 7", "SIZE, SIZE"))
        shapes.append(own(folder).train_images.shape[1])
    assert shapes == [2, 3]


def test_an_edited_module_is_read_anew(tmp_path: Path) -> None:
    before = own(write(tmp_path, GOOD)).content_hash
    after = own(write(tmp_path, GOOD.replace("default_rng(0)", "default_rng(12345)"))).content_hash
    assert before != after


def test_neither_path_nor_modules_are_left_changed_even_by_a_failure(tmp_path: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    own(write(tmp_path, GOOD))
    with pytest.raises(UserError):
        own(write(tmp_path, "1 / 0"))
    assert sys.path == path
    assert "my_images" not in set(sys.modules) - modules


def test_a_module_changed_since_the_config_was_loaded_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    source = digest(source_files("my_images", [str(tmp_path)]))
    assert own(tmp_path, source=source).classes == 3
    write(tmp_path, GOOD + "\nanother = 1\n")
    with pytest.raises(UserError, match=r"my_images.py has changed since the config was loaded"):
        own(tmp_path, source=source)


def test_the_users_own_array_stays_writeable(tmp_path: Path) -> None:
    source = GOOD.replace("    return train, test", "    images.kept = train[0]\n    return train, test")
    write(tmp_path, source + "\nimport builtins\nbuiltins.kept_images = images\n")
    try:
        dataset = own(tmp_path)
        assert builtins.kept_images.kept.flags.writeable  # type: ignore[attr-defined]  # put there by the module
        assert not dataset.train_images.flags.writeable
    finally:
        del builtins.kept_images  # type: ignore[attr-defined]  # as above


MODULE_FAULTS = {
    # the module `my_images`, what is asked of it or of another, and what is said
    "no such module": ("x = 1", "no_such:images", "data no_such:images: no module 'no_such' (no_such.py or "),
    "no such submodule": ("x = 1", "my_images.inner:images", "no module 'my_images.inner' (my_images/inner.py or "),
    "no such function": (GOOD, "my_images:image", "my_images.py has no function 'image'; did you mean 'images'?"),
    "malformed name": (GOOD, "my_images:two words", "module:function, as in digits:load, not 'my_images:two words'"),
    "not callable": ("images = 3", "", "must be a function without arguments, and is an int"),
    "syntax error": ("def images(:", "", "importing my_images failed: SyntaxError: "),
    "missing package": ("import no_such_package", "", "No module named 'no_such_package'"),
    "exits on import": ("raise SystemExit(3)", "", "importing my_images failed:"),
    "raises": ("def images():\n    return 1 / 0", "", "it failed: ZeroDivisionError: division by zero\nTraceback"),
    "raises, its line": ("def images():\n    return 1 / 0", "", 'my_images.py", line 2, in images'),
    "exits": ("def images():\n    raise SystemExit(0)", "", "data my_images:images: it failed: SystemExit"),
    "takes arguments": ("def images(path):\n    pass", "", "missing 1 required positional argument"),
    "returns nothing": ("def images():\n    pass", "", "this one returns None"),
    "returns three": ("def images():\n    return 1, 2, 3", "", "this one returns a tuple of 3"),
}


@pytest.mark.parametrize(("source", "name", "says"), MODULE_FAULTS.values(), ids=MODULE_FAULTS)
def test_a_faulty_module_is_explained(source: str, name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        own(write(tmp_path, source), name=name or "my_images:images")
    assert says in str(error.value)
    assert "custom.py" not in str(error.value)  # our own frames tell the user nothing


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
    "repeats": (
        {"train": np.concatenate([TRAIN[:59], TRAIN[:1]])},
        "1 of the 60 training images repeat others: copies",
    ),
    "sorted": (
        {"test_labels": np.sort(TEST_LABELS)},
        "test_labels are sorted: scores with each batch's own statistics",
    ),
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


ARRAY_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
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
@pytest.mark.parametrize(("changed", "says"), ARRAY_FAULTS.values(), ids=ARRAY_FAULTS)
def test_faulty_arrays_are_explained(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        arrays(**{"train": IMAGES, "test": IMAGES, "labels": LABELS, "test_labels": LABELS, **changed})
    assert str(error.value).startswith("data m:f: ")
    assert says in str(error.value)
