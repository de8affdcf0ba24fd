"""A user's own `module:function`."""

import builtins
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnexp.data import load, locate
from bnexp.data.custom import normalise
from bnexp.data.dataset import digests
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


def own(folder: Path, name: str = "my_images:images", source: str | None = None) -> Any:
    return load(DataSpec(name=name, source=source), search_path=[str(folder)])


def test_any_shape_and_class_count(tmp_path: Path) -> None:
    dataset = own(write(tmp_path, GOOD))
    assert dataset.train_images.shape == (12, 5, 7, 3)
    assert dataset.train_labels.shape == (12,)
    assert dataset.train_labels.dtype == np.int32
    assert (dataset.classes, dataset.name) == (3, "my_images:images")
    assert dataset.origin == f"images in {tmp_path / 'my_images.py'}"


def test_it_can_be_located_without_running_it(tmp_path: Path) -> None:
    write(tmp_path, "raise SystemExit('imported')")
    assert locate("my_images:images", search_path=[str(tmp_path)]).files == (tmp_path / "my_images.py",)


def test_the_first_folder_of_the_search_path_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "first", GOOD.replace("5, 7", "2, 2"))
    second = write(tmp_path / "second", GOOD)
    dataset = load(DataSpec(name="my_images:images"), search_path=[str(first), str(second)])
    assert dataset.train_images.shape == (12, 2, 2, 3)


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


def test_a_module_inside_a_package(tmp_path: Path) -> None:
    write(tmp_path / "my_package" / "inner", GOOD)
    assert own(tmp_path, "my_package.inner.my_images:images").classes == 3


def test_neither_path_nor_modules_are_left_changed(tmp_path: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    own(write(tmp_path, GOOD))
    assert sys.path == path
    assert "my_images" not in set(sys.modules) - modules


def test_the_path_is_restored_after_a_failure_too(tmp_path: Path) -> None:
    path = list(sys.path)
    with pytest.raises(UserError):
        own(write(tmp_path, "1 / 0"))
    assert sys.path == path


def test_a_module_changed_since_the_config_was_loaded_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    source = digest(source_files("my_images", [str(tmp_path)]))
    assert own(tmp_path, source=source).classes == 3
    write(tmp_path, GOOD + "\nanother = 1\n")
    with pytest.raises(UserError, match=r"my_images.py has changed since the config was loaded"):
        own(tmp_path, source=source)


def test_the_hash_is_of_content_not_of_wrapping() -> None:
    """Labels (n, 1) or (n,), int64 or uint8, images with or without a channel axis: the same data."""
    images, labels = np.arange(24, dtype=np.uint8).reshape(6, 2, 2), np.arange(6) % 2
    plain = normalise("m:f", ((images, labels), (images, labels)))
    wrapped_labels = labels.astype(np.uint8)[:, None]
    wrapped = normalise("m:f", ([images[..., None], wrapped_labels], [images[..., None], wrapped_labels]))
    other = normalise("m:f", ((images, 1 - labels), (images, labels)))
    assert digests(plain) == digests(wrapped) != digests(other)


def test_floating_point_images_stay_in_float32() -> None:
    images, labels = np.linspace(0, 1, 24).reshape(6, 2, 2), np.arange(6) % 2
    arrays = normalise("m:f", ((images, labels), (images, labels)))
    assert arrays.train_images.dtype == np.float32
    assert np.array_equal(arrays.train_images[..., 0], images.astype(np.float32))


def test_the_users_own_array_stays_writeable(tmp_path: Path) -> None:
    source = GOOD.replace("    return train, test", "    images.kept = train[0]\n    return train, test")
    write(tmp_path, source + "\nimport builtins\nbuiltins.kept_images = images\n")
    try:
        dataset = own(tmp_path)
        assert builtins.kept_images.kept.flags.writeable  # type: ignore[attr-defined]  # put there by the module
        assert not dataset.train_images.flags.writeable
    finally:
        del builtins.kept_images  # type: ignore[attr-defined]  # as above


MODULE_FAULTS = [
    (
        "no such module",
        "x = 1",
        "no_such:images",
        "data no_such:images: no module 'no_such' (no_such.py or ",
    ),
    ("no such submodule", "x = 1", "my_images.inner:images", "no module 'my_images.inner' (my_images/inner.py or "),
    ("no such function", GOOD, "my_images:image", "my_images.py has no function 'image'; did you mean 'images'?"),
    ("not callable", "images = 3", "my_images:images", "must be a function without arguments, and is an int"),
    (
        "malformed name",
        GOOD,
        "my_images:two words",
        "module:function, as in digits:load, not 'my_images:two words'",
    ),
    ("a path", GOOD, "./my_images.py:images", "is written module:function"),
    ("syntax error", "def images(:", "my_images:images", "importing my_images failed: SyntaxError: "),
    ("missing package", "import no_such_package", "my_images:images", "No module named 'no_such_package'"),
    ("exits on import", "raise SystemExit(3)", "my_images:images", "importing my_images failed:"),
    (
        "raises",
        "def images():\n    return 1 / 0",
        "my_images:images",
        "data my_images:images: it failed: ZeroDivisionError: division by zero\nTraceback",
    ),
    ("raises, its line", "def images():\n    return 1 / 0", "my_images:images", 'my_images.py", line 2, in images'),
    (
        "exits",
        "def images():\n    raise SystemExit(0)",
        "my_images:images",
        "my_images:images: it failed: SystemExit",
    ),
    ("takes arguments", "def images(path):\n    pass", "my_images:images", "missing 1 required positional argument"),
    ("returns nothing", "def images():\n    pass", "my_images:images", "this one returns None"),
    ("returns three", "def images():\n    return 1, 2, 3", "my_images:images", "this one returns a tuple of 3"),
]


@pytest.mark.parametrize(
    ("source", "name", "says"), [fault[1:] for fault in MODULE_FAULTS], ids=[fault[0] for fault in MODULE_FAULTS]
)
def test_a_faulty_module_is_explained(source: str, name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        own(write(tmp_path, source), name)
    assert says in str(error.value)
    assert "custom.py" not in str(error.value)  # our own frames tell the user nothing


IMAGES = np.zeros((6, 4, 4), np.uint8)
LABELS = np.arange(6) % 3
FLOATS = np.zeros((6, 4, 4))


def holed(value: float) -> np.ndarray:
    images = FLOATS.copy()
    images[0, 0, 0] = value
    return images


ARRAY_FAULTS = [
    ("flat", (IMAGES.reshape(6, 16), LABELS), None, "train_images: images have the shape (n, H, W) or (n, H, W, C)"),
    ("five axes", (IMAGES.reshape(6, 4, 4, 1, 1), LABELS), None, "not (6, 4, 4, 1, 1)"),
    ("no images", (IMAGES[:0], LABELS[:0]), None, "train_images: there are no images: the shape is (0, 4, 4)"),
    ("no test images", None, (IMAGES[:0], LABELS[:0]), "test_images: there are no images"),
    ("ragged", ([[1, 2], [3]], LABELS), None, "train_images: a list of 2 cannot be made an array"),
    ("int64 images", (IMAGES.astype(int), LABELS), None, "not int64 in 0..0; use astype('uint8')"),
    ("int16 images", (IMAGES.astype(">i2") - 1, LABELS), None, "not int16 in -1..-1; divide them"),
    ("boolean images", (IMAGES > 0, LABELS), None, "or floating point, not bool; use astype('float32')"),
    ("complex images", (IMAGES + 0j, LABELS), None, "uint8 in 0..255 or floating point, not complex128"),
    ("objects", (np.array([None] * 96).reshape(6, 4, 4), LABELS), None, "not object; are they of unequal sizes, or is"),
    ("channels first", (np.zeros((6, 3, 28, 28)), LABELS), None, "return images.transpose(0, 2, 3, 1)"),
    ("one channel first", None, (np.zeros((6, 1, 28, 28)), LABELS), "channels of (6, 1, 28, 28) seem to come first"),
    (
        "examples last",
        (np.zeros((28, 28, 6)), LABELS),
        None,
        "one for each; examples come first, and the shape is (28, 28, 6, 1)",
    ),
    ("a masked image", (np.ma.array(IMAGES, mask=IMAGES == 0), LABELS), None, "96 values are masked, and training"),
    ("a list of masked images", ([np.ma.masked_equal(each, 0) for each in IMAGES], LABELS), None, "96 values are mask"),
    ("a masked label", (IMAGES, np.ma.masked_equal(LABELS, 2)), None, "train_labels: 2 values are masked"),
    ("NaN", (holed(np.nan), LABELS), None, "train_images: 1 value is NaN or infinite"),
    ("infinite", (holed(np.inf), LABELS), None, "train_images: 1 value is NaN or infinite"),
    ("beyond float32", (holed(1e39), LABELS), None, "train_images: 1 value is NaN or infinite, or beyond float32"),
    ("fewer labels", (IMAGES, LABELS[:5]), None, "6 train_images and 5 train_labels; one for each"),
    ("fewer test labels", None, (IMAGES, LABELS[:5]), "6 test_images and 5 test_labels"),
    ("one-hot", (IMAGES, np.eye(3)[LABELS]), None, "not (6, 3); of one-hot labels, take argmax(axis=1)"),
    (
        "float labels",
        (IMAGES, LABELS / 1.0),
        None,
        "labels are whole numbers from 0, as integers, not float64; use astype(int)",
    ),
    ("fractions", (IMAGES, LABELS / 2), None, "as integers, not float64; number the classes, alike in both sets"),
    ("boolean labels", (IMAGES, LABELS > 0), None, "as integers, not bool; use astype(int)"),
    ("words", (IMAGES, np.array(list("aabbcc"))), None, "labels are whole numbers from 0, as integers, not <U1"),
    (
        "negative labels",
        (IMAGES, LABELS - 1),
        None,
        "train_labels: labels are whole numbers from 0; these lie in -1..1",
    ),
    ("huge labels", (IMAGES, LABELS + 2**40), None, "labels are whole numbers from 0; these lie in 1099511627776"),
    ("from 1", (IMAGES, LABELS + 1), None, "has label 0 (the highest is 3); subtract 1"),
    ("a gap", (IMAGES, LABELS * 2), None, "no training example has label 1 (the highest is 4)"),
    ("one class", (IMAGES, LABELS * 0), None, "all training labels are 0; there must be two classes or more"),
    ("a class only in the test", None, (IMAGES, LABELS + 1), "test_labels hold class 3, train_labels only 0..2"),
    ("other test shape", None, (IMAGES[:, :3], LABELS), "train_images are (4, 4, 1) each and test_images (3, 4, 1)"),
    ("other test dtype", None, (FLOATS, LABELS), "train_images are uint8 and test_images float32"),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("train", "test", "says"), [fault[1:] for fault in ARRAY_FAULTS], ids=[fault[0] for fault in ARRAY_FAULTS]
)
def test_faulty_arrays_are_explained(train: Any, test: Any, says: str) -> None:
    with pytest.raises(UserError) as error:
        normalise("my_images:images", (train or (IMAGES, LABELS), test or (IMAGES, LABELS)))
    assert str(error.value).startswith("data my_images:images: ")
    assert says in str(error.value)
