"""Published datasets: found, read, recognised by content, or refused with the ways out; `doctor` says the same."""

import contextlib
import gzip
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_images import SERVED, idx, npz, saved, tiny_parts, write_idx, zipped

from bnexp.cli.doctor import OK, WARN, Check, datasets
from bnexp.data.dataset import Dataset
from bnexp.data.formats import read_idx
from bnexp.data.known import IDX_NAMES, KNOWN, NPZ_KEYS
from bnexp.data.loading import load, locate
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec

pytestmark = pytest.mark.usefixtures("tiny")

MNIST, FASHION = DataSpec(name="mnist"), DataSpec(name="fashion-mnist")
PARTS = tiny_parts()
TRAIN_IMAGES, TRAIN_LABELS = PARTS[:2]


def write_npz(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mnist.npz").write_bytes(npz(PARTS))
    return folder


def write_one_zipped(folder: Path) -> Path:
    """Browsers unpack or rename as they like; the first bytes decide, not the name."""
    write_idx(folder, PARTS, gz=False)
    (folder / IDX_NAMES[0]).write_bytes(zipped(TRAIN_IMAGES))
    return folder


WRAPPERS: dict[str, Callable[[Path], Path]] = {
    "npz": write_npz,
    "gzipped": lambda folder: write_idx(folder, PARTS),
    "plain": lambda folder: write_idx(folder, PARTS, gz=False),
    "dotted": lambda folder: write_idx(folder, PARTS, gz=False, dotted=True),
    "dotted-gzipped": lambda folder: write_idx(folder, PARTS, dotted=True),
    "gzipped without the suffix": write_one_zipped,
    "own-subfolder": lambda folder: write_idx(folder / "mnist", PARTS).parent,
    "torchvision": lambda folder: write_idx(folder / "MNIST" / "raw", PARTS, gz=False).parents[1],
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_same_content_in_any_wrapper_is_the_same_dataset(wrapper: str, tmp_path: Path) -> None:
    dataset = load(MNIST, folder=WRAPPERS[wrapper](tmp_path))
    arrays = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    for array, part in zip(arrays, PARTS, strict=True):
        assert np.array_equal(array.reshape(part.shape), part)
        assert not array.flags.writeable
    assert (dataset.train_images.shape, dataset.test_images.shape) == ((30, 4, 4, 1), (10, 4, 4, 1))
    assert (dataset.train_images.dtype, dataset.train_labels.dtype) == (np.uint8, np.int32)
    assert (dataset.name, dataset.classes) == ("mnist", 5)
    assert dataset.content_hash == hashlib.sha256(" ".join(KNOWN["mnist"].contents).encode()).hexdigest()
    assert dataset.checked == "content, by SHA-256"


def test_the_folder_comes_before_the_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {"cache": "cache/mnist", "keras": "keras/datasets", "named": "named", "given": "given"}
    files = {place: write_npz(tmp_path / folder) / "mnist.npz" for place, folder in folders.items()}
    assert locate("mnist").files == (files["keras"],)
    assert locate("mnist").origin.startswith("Keras's cache")
    monkeypatch.setenv("BNEXP_DATA_DIR", str(files["named"].parent))
    assert locate("mnist").files == (files["named"],)
    assert locate("mnist", folder=files["given"].parent).files == (files["given"],)
    monkeypatch.delenv("BNEXP_DATA_DIR")
    files["keras"].unlink()
    assert locate("mnist").files == (files["cache"],)
    files["cache"].unlink()
    assert locate("mnist").files == ()
    assert locate("mnist").origin.startswith("download from http://127.0.0.1:9")


def test_files_put_into_our_cache_by_hand_or_by_keras_are_used(tmp_path: Path) -> None:
    write_idx(tmp_path / "cache" / "mnist", PARTS)
    write_idx(tmp_path / "keras" / "datasets" / "fashion-mnist", tiny_parts(1))
    assert load(MNIST).origin.startswith("bnexp's cache")
    assert load(FASHION).origin.startswith("Keras's cache")


@pytest.mark.parametrize(
    ("present", "says"),
    [
        (None, "does not exist"),
        ([], "does not hold mnist"),
        ([0, 1], "holds only a part of mnist: t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte missing"),
    ],
)
@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_named_folder_without_the_files_is_an_error_not_a_download(
    present: list[int] | None, says: str, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_npz(tmp_path / "keras" / "datasets")  # must not be taken silently
    folder = tmp_path / "data"
    if present is not None:
        folder.mkdir()
        for at in present:
            (folder / IDX_NAMES[at]).write_bytes(idx(PARTS[at]))
    if by == "environment":
        monkeypatch.setenv("BNEXP_DATA_DIR", str(folder))
    with pytest.raises(UserError) as error:
        load(MNIST, folder=folder if by == "argument" else None)
    for text in (f"{folder} {says}", "mnist.npz, or train-images-idx3-ubyte", "bnexp data fetch mnist", "mnist-5k"):
        assert text in str(error.value)


def archive(**changes: np.ndarray) -> bytes:
    return saved(np.savez, **{**dict(zip(NPZ_KEYS, PARTS, strict=True)), **changes})


IMAGES, LABELS, NPZ = IDX_NAMES[0], IDX_NAMES[1], "mnist.npz"
FAULTS = {
    # which file holds what, and what is said of it
    "empty": (IMAGES, b"", "it begins with nothing, not 00 00 08 03"),
    "no IDX": (IMAGES, b"<html>not found</html>", "it begins with 3c 68 74 6d, not 00 00 08 03"),
    "labels for images": (IMAGES, idx(TRAIN_LABELS), "it begins with 00 00 08 01, not 00 00 08 03"),
    "cut in the header": (IMAGES, idx(TRAIN_IMAGES)[:9], "is truncated: it ends within its header, after 9 bytes"),
    "cut": (IMAGES, idx(TRAIN_IMAGES)[:100], "is truncated: its header promises 480 bytes and 84 follow"),
    "too long": (LABELS, idx(TRAIN_LABELS) + b"x", "goes on after the 30 bytes that its header promises"),
    "wrong shape": (IMAGES, idx(TRAIN_IMAGES[:, :3]), "holds 30 x 3 x 4, not 30 x 4 x 4"),
    "a header of terabytes": (IMAGES, idx(TRAIN_IMAGES)[:4] + b"\xff" * 12, "holds 4294967295 x 4294967295 x 42949"),
    "gzip cut": (IMAGES, zipped(TRAIN_IMAGES)[:200], "is truncated: the gzip stream breaks off"),
    "gzip without its end": (IMAGES, zipped(TRAIN_IMAGES)[:-4], "is truncated: the gzip stream breaks off"),
    "gzip, wrong checksum": (IMAGES, zipped(TRAIN_IMAGES)[:-8] + b"\0" * 8, "is damaged: CRC check failed"),
    "one pixel changed": (IMAGES, idx(TRAIN_IMAGES)[:-1] + b"\0", "its train images are not those of mnist"),
    "one label changed": (LABELS, idx((TRAIN_LABELS + 1) % 5), "its train labels are not those of mnist"),
    "npz, empty": (NPZ, b"", "is damaged or truncated"),
    "no zip": (NPZ, b"<html>not found</html>", "is not an .npz archive"),
    "a single array": (NPZ, saved(np.save, TRAIN_LABELS), "is a single array, not an .npz archive"),
    "a pickle": (NPZ, pickle.dumps({"x_train": 1}), "is not an .npz archive"),
    "npz, cut": (NPZ, npz(PARTS)[:-30], "is damaged or truncated"),
    "keys missing": (NPZ, saved(np.savez, x_train=TRAIN_IMAGES, y=TRAIN_LABELS), "lacks y_train, x_test, y_test; it "),
    "pickled member": (NPZ, archive(y_test=np.array([None, {}])), "is not an .npz archive of plain arrays"),
    "npz, wrong shape": (NPZ, archive(x_test=TRAIN_IMAGES), "x_test is 30 x 4 x 4 of uint8, not 10 x 4 x 4"),
    "wrong dtype": (NPZ, archive(x_train=TRAIN_IMAGES / 255), "x_train is 30 x 4 x 4 of float64"),
    "other images": (NPZ, archive(x_train=TRAIN_IMAGES[::-1]), "its train images are not those of mnist"),
}


@pytest.mark.parametrize(("name", "content", "says"), FAULTS.values(), ids=FAULTS)
def test_a_bad_file_is_named_with_the_ways_out(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    write_idx(tmp_path, PARTS, gz=False)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        load(MNIST, folder=tmp_path)
    for text in (f"{tmp_path / name}: ", says, "--data-dir", "BNEXP_DATA_DIR", "bnexp data fetch mnist", "mnist-5k"):
        assert text in str(error.value)


@pytest.mark.parametrize("at", range(50, 400, 7))
def test_a_flipped_byte_of_an_npz_never_changes_the_content(at: int, tmp_path: Path) -> None:
    """It is noticed, or stands where nothing depends on it, as in the padding of a zip header."""
    content = bytearray(npz(PARTS))
    content[at] ^= 0xFF
    (tmp_path / "mnist.npz").write_bytes(content)
    with contextlib.suppress(UserError):
        assert np.array_equal(load(MNIST, folder=tmp_path).train_images[..., 0], TRAIN_IMAGES)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path, PARTS)
    (tmp_path / f"{IDX_NAMES[2]}.gz").chmod(0)
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte.gz: cannot be read: Permission denied"):
        load(MNIST, folder=tmp_path)


def uneven(at: int) -> list[np.ndarray]:
    """Fashion-MNIST without its highest class, in one of its files of labels."""
    parts = tiny_parts(1)
    parts[at] = np.minimum(parts[at], 3)
    return parts


@pytest.mark.parametrize(
    ("spec", "parts", "gz", "says"),
    [
        (FASHION, PARTS, True, "this is mnist, not fashion-mnist; the two have the same file names"),
        (FASHION, PARTS, False, "this is mnist, not fashion-mnist; the two have the same file names"),
        (FASHION, [PARTS[0], *tiny_parts(1)[1:]], True, "this is mnist, not fashion-mnist"),
        (FASHION, uneven(1), False, f"{IDX_NAMES[1]}: .* equally many of each of 5 classes"),
        (FASHION, uneven(3), False, f"{IDX_NAMES[3]}: .* equally many of each of 5 classes"),
        (MNIST, tiny_parts(1), True, "this is fashion-mnist, not mnist"),
        (MNIST, tiny_parts(1), False, "its train images are not those of mnist"),
    ],
)
def test_one_dataset_is_never_passed_off_as_another(
    spec: DataSpec, parts: list[np.ndarray], gz: bool, says: str, tmp_path: Path
) -> None:
    write_idx(tmp_path, parts, gz=gz)
    with pytest.raises(UserError, match=says):
        load(spec, folder=tmp_path)


def test_both_datasets_live_in_one_folder(tmp_path: Path) -> None:
    write_idx(tmp_path, PARTS)
    write_idx(tmp_path / "fashion-mnist", tiny_parts(1))
    assert load(MNIST, folder=tmp_path).content_hash != load(FASHION, folder=tmp_path).content_hash


def test_gzip_written_by_others_is_read(tmp_path: Path) -> None:
    """Two gzip members in one file are one content, as gzip itself has it."""
    content = idx(TRAIN_LABELS)
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(content[:20]) + gzip.compress(content[20:]))
    assert np.array_equal(read_idx(path, (30,)), TRAIN_LABELS)


def look(folder: Path | None) -> dict[str, Check]:
    return {check.what.removeprefix("data: "): check for check in datasets(folder)}


@pytest.mark.parametrize("gz", [True, False])
def test_22_a_folder_with_mnist_is_not_one_with_fashion_mnist(gz: bool, tmp_path: Path) -> None:
    found = look(write_idx(tmp_path, tiny_parts(0), gz=gz))
    assert (found["mnist"].state, found["fashion-mnist"].state) == (OK, WARN)
    assert found["mnist"].found.endswith("checked: content, by SHA-256")
    assert "this is mnist, not fashion-mnist" in found["fashion-mnist"].found
    assert found["mnist-5k"].state == OK
    assert "does not hold cifar10" in found["cifar10"].found


def test_22_fashion_mnist_says_how_far_it_was_checked(tmp_path: Path) -> None:
    gzipped = write_idx(tmp_path / "a" / "fashion-mnist", tiny_parts(1)).parent
    plain = write_idx(tmp_path / "b", tiny_parts(1), gz=False)
    for folder, state, checked in (
        (gzipped, OK, "gzipped files, by the published MD5"),
        (plain, WARN, "shapes and class counts only"),
    ):
        assert load(FASHION, folder=folder).checked.startswith(checked)
        assert look(folder)["fashion-mnist"].state == state
        assert checked in look(folder)["fashion-mnist"].found
    assert load(FASHION, folder=gzipped).content_hash == load(FASHION, folder=plain).content_hash


def test_22_a_damaged_file_is_seen_in_a_cache_too_and_nothing_is_downloaded(tmp_path: Path) -> None:
    cached = tmp_path / "cache" / "mnist" / "mnist.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(SERVED["mnist.npz"][:-10])
    found = look(None)
    assert found["mnist"].state == WARN
    assert "is damaged or truncated" in found["mnist"].found
    assert found["fashion-mnist"].found.startswith("not here; download from http://127.0.0.1:9 into ")


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Dataset]:
    """The real MNIST and its folder, where there is one; BNEXP_DATA_DIR itself is hidden from all tests."""
    if not (folder := os.environ.get("BNEXP_TEST_DATA_DIR")):
        pytest.skip("BNEXP_TEST_DATA_DIR names no folder with the real MNIST")
    monkeypatch.undo()
    return Path(folder), load(MNIST, folder=Path(folder))


def test_the_real_mnist_is_recognised_and_has_the_published_md5s(real: tuple[Path, Dataset]) -> None:
    _, it = real
    assert it.checked == "content, by SHA-256"
    content = (it.train_images, it.train_labels, it.test_images, it.test_labels)
    squeezed = [array.astype(np.uint8).reshape(array.shape[:3]) for array in content]
    assert [hashlib.md5(idx(array)).hexdigest() for array in squeezed] == [
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ]


def test_the_real_mnist_is_the_same_from_an_npz_and_not_fashion(real: tuple[Path, Dataset], tmp_path: Path) -> None:
    folder, it = real
    parts = [it.train_images[..., 0], it.train_labels, it.test_images[..., 0], it.test_labels]
    (tmp_path / "mnist.npz").write_bytes(npz([part.astype(np.uint8) for part in parts]))
    assert load(MNIST, folder=tmp_path).content_hash == it.content_hash
    with pytest.raises(UserError, match="this is mnist, not fashion-mnist"):
        load(FASHION, folder=folder)
