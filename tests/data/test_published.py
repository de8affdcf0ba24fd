"""Published datasets: found, read, recognised by content, or refused with the ways out."""

import contextlib
import gzip
import hashlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_images import idx, npz, tiny_parts, write_idx, zipped

from bnexp.data import load, locate
from bnexp.data.formats import read_idx
from bnexp.data.known import IDX_NAMES
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec

REAL = os.environ.get("BNEXP_TEST_DATA_DIR", "")  # BNEXP_DATA_DIR itself is hidden from all tests
MNIST = DataSpec(name="mnist")
FASHION = DataSpec(name="fashion-mnist")


def write_npz(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mnist.npz").write_bytes(npz(tiny_parts()))
    return folder


WRAPPERS: dict[str, Callable[[Path], Path]] = {
    "npz": write_npz,
    "gzipped": lambda folder: write_idx(folder, tiny_parts()),
    "plain": lambda folder: write_idx(folder, tiny_parts(), gz=False),
    "dotted": lambda folder: write_idx(folder, tiny_parts(), gz=False, dotted=True),
    "dotted-gzipped": lambda folder: write_idx(folder, tiny_parts(), dotted=True),
    "own-subfolder": lambda folder: write_idx(folder / "mnist", tiny_parts()).parent,
    "torchvision": lambda folder: write_idx(folder / "MNIST" / "raw", tiny_parts(), gz=False).parents[1],
}


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_same_content_in_any_wrapper_is_the_same_dataset(wrapper: str, tmp_path: Path) -> None:
    dataset = load(MNIST, folder=WRAPPERS[wrapper](tmp_path / "data"))
    plain = load(MNIST, folder=write_idx(tmp_path / "plain", tiny_parts(), gz=False))
    assert dataset.content_hash == plain.content_hash
    assert np.array_equal(dataset.train_images[..., 0], tiny_parts()[0])
    assert np.array_equal(dataset.test_labels, tiny_parts()[3])
    assert dataset.checked == "content, by SHA-256"


@pytest.mark.usefixtures("tiny")
def test_shapes_and_dtypes_are_those_of_the_contract(tmp_path: Path) -> None:
    dataset = load(MNIST, folder=write_idx(tmp_path, tiny_parts()))
    assert dataset.train_images.shape == (30, 4, 4, 1)
    assert dataset.test_images.shape == (10, 4, 4, 1)
    assert dataset.train_images.dtype == np.uint8
    assert dataset.train_labels.dtype == np.int32
    assert (dataset.name, dataset.classes, len(dataset.content_hash)) == ("mnist", 10 // 2, 64)
    assert not any(
        array.flags.writeable
        for array in (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    )


@pytest.mark.usefixtures("tiny")
def test_a_gzipped_file_without_its_suffix_is_read(tmp_path: Path) -> None:
    """Browsers unpack or rename as they like; the first bytes decide, not the name."""
    write_idx(tmp_path, tiny_parts(), gz=False)
    (tmp_path / IDX_NAMES[0]).write_bytes(zipped(tiny_parts()[0]))
    assert load(MNIST, folder=tmp_path).checked == "content, by SHA-256"


@pytest.mark.usefixtures("tiny")
def test_the_folder_comes_before_the_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        "cache": write_npz(tmp_path / "cache" / "mnist"),
        "keras": write_npz(tmp_path / "keras" / "datasets"),
        "named": write_npz(tmp_path / "named"),
        "given": write_npz(tmp_path / "given"),
    }
    assert locate("mnist").files == (places["keras"] / "mnist.npz",)
    assert locate("mnist").origin.startswith("Keras's cache")
    monkeypatch.setenv("BNEXP_DATA_DIR", str(places["named"]))
    assert locate("mnist").files == (places["named"] / "mnist.npz",)
    assert locate("mnist", folder=places["given"]).files == (places["given"] / "mnist.npz",)
    monkeypatch.delenv("BNEXP_DATA_DIR")
    (places["keras"] / "mnist.npz").unlink()
    assert locate("mnist").files == (places["cache"] / "mnist.npz",)
    (places["cache"] / "mnist.npz").unlink()
    assert locate("mnist").files == ()
    assert locate("mnist").origin.startswith("download from http://127.0.0.1:9")


def test_an_unknown_name_has_no_place() -> None:
    with pytest.raises(
        UserError, match="unknown dataset 'minst'; known: mnist, mnist-5k, fashion-mnist, cifar10, or your own"
    ):
        locate("minst")


@pytest.mark.usefixtures("tiny")
def test_files_put_into_our_cache_by_hand_are_used(tmp_path: Path) -> None:
    write_idx(tmp_path / "cache" / "mnist", tiny_parts())
    assert load(MNIST).origin.startswith("bnexp's cache")


@pytest.mark.usefixtures("tiny")
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
            (folder / IDX_NAMES[at]).write_bytes(idx(tiny_parts()[at]))
    if by == "environment":
        monkeypatch.setenv("BNEXP_DATA_DIR", str(folder))
    with pytest.raises(UserError) as error:
        load(MNIST, folder=folder if by == "argument" else None)
    for text in (f"{folder} {says}", "mnist.npz, or train-images-idx3-ubyte", "bnexp data fetch mnist", "mnist-5k"):
        assert text in str(error.value)


TRAIN_IMAGES, TRAIN_LABELS = tiny_parts()[:2]
IDX_FAULTS = [
    ("empty", 0, b"", "it begins with nothing, not 00 00 08 03"),
    ("no IDX", 0, b"<html>not found</html>", "it begins with 3c 68 74 6d, not 00 00 08 03"),
    ("labels for images", 0, idx(TRAIN_LABELS), "it begins with 00 00 08 01, not 00 00 08 03"),
    ("cut in the header", 0, idx(TRAIN_IMAGES)[:9], "is truncated: it ends within its header, after 9 bytes"),
    ("cut", 0, idx(TRAIN_IMAGES)[:100], "is truncated: its header promises 480 bytes and 84 follow"),
    ("too long", 1, idx(TRAIN_LABELS) + b"x", "goes on after the 30 bytes that its header promises"),
    ("wrong shape", 0, idx(TRAIN_IMAGES[:, :3]), "holds 30 x 3 x 4, not 30 x 4 x 4"),
    ("a header of terabytes", 0, idx(TRAIN_IMAGES)[:4] + b"\xff" * 12, "holds 4294967295 x 4294967295 x 4294967295"),
    ("gzip cut", 0, zipped(TRAIN_IMAGES)[:200], "is truncated: the gzip stream breaks off"),
    ("gzip without its end", 0, zipped(TRAIN_IMAGES)[:-4], "is truncated: the gzip stream breaks off"),
    ("gzip with a wrong checksum", 0, zipped(TRAIN_IMAGES)[:-8] + b"\0" * 8, "is damaged: CRC check failed"),
    ("one pixel changed", 0, idx(TRAIN_IMAGES)[:-1] + b"\0", "its train images are not those of mnist"),
    ("one label changed", 1, idx((TRAIN_LABELS + 1) % 5), "its train labels are not those of mnist"),
]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("at", "content", "says"), [f[1:] for f in IDX_FAULTS], ids=[f[0] for f in IDX_FAULTS])
def test_a_bad_idx_file_is_named_with_the_ways_out(at: int, content: bytes, says: str, tmp_path: Path) -> None:
    write_idx(tmp_path, tiny_parts(), gz=False)
    (tmp_path / IDX_NAMES[at]).write_bytes(content)
    with pytest.raises(UserError) as error:
        load(MNIST, folder=tmp_path)
    for text in (f"{tmp_path / IDX_NAMES[at]}: ", says, "--data-dir", "BNEXP_DATA_DIR", "bnexp data fetch", "mnist-5k"):
        assert text in str(error.value)


def _archive(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _array(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


GOOD = dict(zip(("x_train", "y_train", "x_test", "y_test"), tiny_parts(), strict=True))
NPZ_FAULTS = [
    ("empty", b"", "is damaged or truncated"),
    ("no zip", b"<html>not found</html>", "is not an .npz archive"),
    ("a single array", _array(TRAIN_LABELS), "is a single array, not an .npz archive"),
    ("a pickle", pickle.dumps({"x_train": 1}), "is not an .npz archive"),
    ("cut", npz(tiny_parts())[:-30], "is damaged or truncated"),
    (
        "keys missing",
        _archive(x_train=TRAIN_IMAGES, y=TRAIN_LABELS),
        "lacks y_train, x_test, y_test; it holds x_train, y",
    ),
    ("pickled member", _archive(**{**GOOD, "y_test": np.array([None, {}])}), "is not an .npz archive of plain arrays"),
    ("wrong shape", _archive(**{**GOOD, "x_test": TRAIN_IMAGES}), "x_test is 30 x 4 x 4 of uint8, not 10 x 4 x 4"),
    ("wrong dtype", _archive(**{**GOOD, "x_train": TRAIN_IMAGES / 255}), "x_train is 30 x 4 x 4 of float64"),
    ("other images", npz([TRAIN_IMAGES[::-1], *tiny_parts()[1:]]), "its train images are not those of mnist"),
]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("content", "says"), [fault[1:] for fault in NPZ_FAULTS], ids=[fault[0] for fault in NPZ_FAULTS]
)
def test_a_bad_npz_is_named_with_the_ways_out(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(UserError) as error:
        load(MNIST, folder=tmp_path)
    for text in (f"{tmp_path / 'mnist.npz'}: {says}", "--data-dir", "bnexp data fetch mnist", "mnist-5k"):
        assert text in str(error.value)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("at", range(50, 400, 7))
def test_a_flipped_byte_of_an_npz_never_changes_the_content(at: int, tmp_path: Path) -> None:
    """It is noticed, or stands where nothing depends on it, as in the padding of a zip header."""
    content = bytearray(npz(tiny_parts()))
    content[at] ^= 0xFF
    (tmp_path / "mnist.npz").write_bytes(content)
    with contextlib.suppress(UserError):
        assert np.array_equal(load(MNIST, folder=tmp_path).train_images[..., 0], TRAIN_IMAGES)


@pytest.mark.usefixtures("tiny")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path, tiny_parts())
    (tmp_path / f"{IDX_NAMES[2]}.gz").chmod(0)
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte.gz: cannot be read: Permission denied"):
        load(MNIST, folder=tmp_path)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("gz", [True, False])
def test_mnist_is_never_passed_off_as_fashion_mnist(gz: bool, tmp_path: Path) -> None:
    write_idx(tmp_path, tiny_parts(0), gz=gz)
    with pytest.raises(UserError, match="this is mnist, not fashion-mnist; the two have the same file names"):
        load(FASHION, folder=tmp_path)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("gz", "says"), [(True, "this is fashion-mnist, not mnist"), (False, "its train images are not those of mnist")]
)
def test_fashion_mnist_is_never_passed_off_as_mnist(gz: bool, says: str, tmp_path: Path) -> None:
    write_idx(tmp_path, tiny_parts(1), gz=gz)
    with pytest.raises(UserError, match=says):
        load(MNIST, folder=tmp_path)


@pytest.mark.usefixtures("tiny")
def test_one_foreign_file_among_the_four_is_noticed(tmp_path: Path) -> None:
    write_idx(tmp_path, [tiny_parts(0)[0], *tiny_parts(1)[1:]])
    with pytest.raises(UserError, match="this is mnist, not fashion-mnist"):
        load(FASHION, folder=tmp_path)


@pytest.mark.usefixtures("tiny")
def test_fashion_mnist_says_how_far_it_was_checked(tmp_path: Path) -> None:
    gzipped = load(FASHION, folder=write_idx(tmp_path / "a" / "fashion-mnist", tiny_parts(1)).parent)
    plain = load(FASHION, folder=write_idx(tmp_path / "b", tiny_parts(1), gz=False))
    assert gzipped.checked == "gzipped files, by the published MD5"
    assert plain.checked.startswith("shapes and class counts only")
    assert gzipped.content_hash == plain.content_hash


@pytest.mark.usefixtures("tiny")
def test_fashion_mnist_is_found_where_keras_keeps_it(tmp_path: Path) -> None:
    write_idx(tmp_path / "keras" / "datasets" / "fashion-mnist", tiny_parts(1))
    assert load(FASHION).origin.startswith("Keras's cache")


@pytest.mark.usefixtures("tiny")
def test_both_datasets_live_in_one_folder(tmp_path: Path) -> None:
    write_idx(tmp_path, tiny_parts(0))
    write_idx(tmp_path / "fashion-mnist", tiny_parts(1))
    assert load(MNIST, folder=tmp_path).content_hash != load(FASHION, folder=tmp_path).content_hash


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("at", [1, 3])
def test_plain_fashion_mnist_with_other_class_counts_is_refused(at: int, tmp_path: Path) -> None:
    parts = tiny_parts(1)
    parts[at] = np.minimum(parts[at], 3)
    write_idx(tmp_path, parts, gz=False)
    with pytest.raises(UserError, match=f"{IDX_NAMES[at]}: .* equally many of each of 5 classes"):
        load(FASHION, folder=tmp_path)


@pytest.mark.skipif(not REAL, reason="BNEXP_TEST_DATA_DIR names no folder with the real MNIST")
def test_the_real_mnist_is_recognised_and_has_the_published_md5s() -> None:
    dataset = load(MNIST, folder=Path(REAL))
    assert dataset.checked == "content, by SHA-256"
    content = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    squeezed = [array.astype(np.uint8).reshape(array.shape[:3]) for array in content]
    assert [hashlib.md5(idx(array)).hexdigest() for array in squeezed] == [
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ]


@pytest.mark.skipif(not REAL, reason="BNEXP_TEST_DATA_DIR names no folder with the real MNIST")
def test_the_real_mnist_is_the_same_from_an_npz(tmp_path: Path) -> None:
    dataset = load(MNIST, folder=Path(REAL))
    np.savez(
        tmp_path / "mnist.npz",
        x_train=dataset.train_images[..., 0],
        y_train=dataset.train_labels.astype(np.uint8),
        x_test=dataset.test_images[..., 0],
        y_test=dataset.test_labels.astype(np.uint8),
    )
    assert load(MNIST, folder=tmp_path).content_hash == dataset.content_hash


@pytest.mark.skipif(not REAL, reason="BNEXP_TEST_DATA_DIR names no folder with the real MNIST")
def test_the_real_mnist_is_refused_as_fashion_mnist() -> None:
    with pytest.raises(UserError, match="this is mnist, not fashion-mnist"):
        load(FASHION, folder=Path(REAL))


def test_gzip_written_by_others_is_read(tmp_path: Path) -> None:
    """Two gzip members in one file are one content, as gzip itself has it."""
    content = idx(TRAIN_LABELS)
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(content[:20]) + gzip.compress(content[20:]))
    assert np.array_equal(read_idx(path, (30,)), TRAIN_LABELS)
