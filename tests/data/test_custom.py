"""A user's own `module:function`: found, imported, called."""

import builtins
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnexp.data import load, locate
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


def test_it_can_be_located_without_running_it(tmp_path: Path) -> None:
    write(tmp_path, "raise SystemExit('imported')")
    assert locate("my_images:images", search_path=[str(tmp_path)]).files == (tmp_path / "my_images.py",)


def test_the_first_folder_of_the_search_path_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "first", GOOD.replace("5, 7", "2, 2"))
    assert own(first, write(tmp_path / "second", GOOD)).train_images.shape == (12, 2, 2, 3)


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
    assert own(tmp_path, name="my_package.inner.my_images:images").classes == 3


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


FAULTS = {
    # the module `my_images`, what is asked of it or of another, and what is said
    "no such module": ("x = 1", "no_such:images", "data no_such:images: no module 'no_such' (no_such.py or "),
    "no such submodule": ("x = 1", "my_images.inner:images", "no module 'my_images.inner' (my_images/inner.py or "),
    "no such function": (GOOD, "my_images:image", "my_images.py has no function 'image'; did you mean 'images'?"),
    "malformed name": (GOOD, "my_images:two words", "module:function, as in digits:load, not 'my_images:two words'"),
    "a path": (GOOD, "./my_images.py:images", "is written module:function"),
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


@pytest.mark.parametrize(("source", "name", "says"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_module_is_explained(source: str, name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        own(write(tmp_path, source), name=name or "my_images:images")
    assert says in str(error.value)
    assert "custom.py" not in str(error.value)  # our own frames tell the user nothing
