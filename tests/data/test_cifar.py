"""CIFAR-10 in the form in which it is published, made up in small: found, checked before it is unpickled, and read."""

import gzip
import hashlib
import io
import os
import pickle
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bnexp.data.download import fetch
from bnexp.data.known import BATCH_NAMES, KNOWN
from bnexp.data.loading import load, locate
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec
from bnexp.specs.datasets import DATASETS, ImageSet
from bnexp.specs.trial import TrialSpec

CIFAR = DataSpec(name="cifar10")
INNER, NAME = "cifar-10-batches-py", "cifar-10-python.tar.gz"
IMAGES = [np.random.default_rng(k).integers(0, 256, (4, 2, 3, 3), np.uint8) for k in range(6)]
"""Of each batch: (n, height, width, channels)."""
LABELS = [[k % 2, 0, 1, 1] for k in range(6)]


class Python2(pickle._Pickler):  # type: ignore[name-defined]  # the one that can be told how to save a type
    """Writes as Python 2 did, with NumPy 1: strings of either kind as byte strings."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]  # as above

    def save_string(self, text: Any) -> None:
        raw = text if isinstance(text, bytes) else text.encode("ascii")
        self.write(b"U" + bytes([len(raw)]) + raw)  # none here is longer than 255 bytes

    dispatch[bytes] = dispatch[str] = save_string


def pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    Python2(stream, 2).dump(value)
    return stream.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def batch(k: int) -> bytes:
    """Images as rows, the red plane first, as in the published files."""
    rows = IMAGES[k].transpose(0, 3, 1, 2).reshape(4, 18)
    names = [f"image {n}" for n in range(4)]
    return pickled({"batch_label": "a batch", "labels": LABELS[k], "data": rows, "filenames": names})


BATCHES = {name: batch(k) for k, name in enumerate(BATCH_NAMES)}


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in {"readme.html": b"<html>", **files}.items():
            member = tarfile.TarInfo(f"{INNER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)


ARCHIVE = archive(BATCHES)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cifar10` stands for these batches, with their own hashes."""
    wrappers = tuple(hashlib.md5(content).hexdigest() for content in BATCHES.values())
    downloads = {NAME: f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"}
    monkeypatch.setitem(KNOWN, "cifar10", KNOWN["cifar10"]._replace(wrappers=wrappers, downloads=downloads))
    monkeypatch.setitem(DATASETS, "cifar10", ImageSet("small", 20, 4, (2, 3, 3), 2))


def put(path: Path, content: bytes = ARCHIVE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def extract(folder: Path, files: dict[str, bytes] = BATCHES) -> None:
    for name, content in files.items():
        put(folder / name, content)


KERAS, FOLDER = "keras/datasets", "data"  # `KERAS_HOME` of the tests is `keras`
FORMS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "keras 3, extracted": (KERAS, lambda folder: extract(folder / "cifar-10-batches-py-target" / INNER)),
    "keras 3, archive": (KERAS, lambda folder: put(folder / "cifar-10-batches-py-target_archive")),
    "keras 2, extracted": (KERAS, lambda folder: extract(folder / INNER)),
    "keras 2, archive": (KERAS, lambda folder: put(folder / "cifar-10-batches-py.tar.gz")),
    "archive": (FOLDER, lambda folder: put(folder / NAME)),
    "archive anew": (FOLDER, lambda folder: put(folder / NAME, gzip.compress(gzip.decompress(ARCHIVE), 1))),
    "not compressed": (FOLDER, lambda folder: put(folder / NAME, gzip.decompress(ARCHIVE))),
    "extracted": (FOLDER, lambda folder: extract(folder / INNER)),
    "the batches themselves": (FOLDER, extract),
    "a folder of its own": (FOLDER, lambda folder: extract(folder / "cifar10" / INNER)),
}


@pytest.mark.parametrize(("place", "write"), FORMS.values(), ids=FORMS)
def test_cifar10_is_the_same_in_any_form_where_keras_keeps_it_and_in_a_data_folder(
    place: str, write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path / place)
    dataset = load(CIFAR, folder=tmp_path / place if place == FOLDER else None)
    assert dataset.origin.startswith("Keras's cache" if place == KERAS else "data folder")
    assert np.array_equal(dataset.train_images, np.concatenate(IMAGES[:5]))
    assert np.array_equal(dataset.test_images, IMAGES[5])
    assert dataset.train_labels.tolist() == np.concatenate(LABELS[:5]).tolist()
    assert dataset.test_labels.tolist() == LABELS[5]
    assert (dataset.train_images.dtype, dataset.train_labels.dtype, dataset.classes) == (np.uint8, np.int32, 2)
    assert dataset.checked == "each batch, by the published MD5"


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("echo broken in > broken_in",)


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """A batch that would run a command."""
    monkeypatch.chdir(tmp_path)
    yield pickle.dumps(Evil())
    assert not (tmp_path / "broken_in").exists()


def test_nothing_that_is_not_as_published_is_unpickled(evil: bytes, tmp_path: Path) -> None:
    extract(tmp_path / "a", {**BATCHES, "data_batch_3": evil})
    put(tmp_path / "b" / NAME, archive({**BATCHES, "data_batch_3": evil}))
    with pytest.raises(UserError, match=r"data_batch_3: it is not as published: the MD5 differs"):
        load(CIFAR, folder=tmp_path / "a")
    with pytest.raises(UserError, match=r"tar.gz: data_batch_3 in it is not as published"):
        load(CIFAR, folder=tmp_path / "b")


def test_even_a_batch_with_the_right_hash_may_call_nothing(
    evil: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrappers = (hashlib.md5(evil).hexdigest(), *KNOWN["cifar10"].wrappers[1:])
    monkeypatch.setitem(KNOWN, "cifar10", KNOWN["cifar10"]._replace(wrappers=wrappers))
    extract(tmp_path, {**BATCHES, "data_batch_1": evil})
    with pytest.raises(pickle.UnpicklingError, match=r"a batch of CIFAR-10 needs no (posix|nt).system"):
        load(CIFAR, folder=tmp_path)


EXCHANGED = archive({**BATCHES, "data_batch_1": BATCHES["test_batch"]})
DAMAGE = {
    "cut": (ARCHIVE[:-40], "is damaged or truncated"),
    "no archive": (b"<html>not found</html>", "is damaged or truncated"),
    "empty": (b"", "is damaged or truncated"),
    "a byte changed": (ARCHIVE[:500] + bytes([ARCHIVE[500] ^ 255]) + ARCHIVE[501:], "cifar-10-python.tar.gz: "),
    "a batch missing": (archive({name: BATCHES[name] for name in BATCH_NAMES[1:]}), "lacks data_batch_1"),
    "batches exchanged": (EXCHANGED, "data_batch_1 in it is not as published"),
}


@pytest.mark.parametrize(("content", "says"), DAMAGE.values(), ids=DAMAGE)
def test_a_bad_archive_is_named_with_the_ways_out(content: bytes, says: str, tmp_path: Path) -> None:
    put(tmp_path / NAME, content)
    with pytest.raises(UserError) as error:
        load(CIFAR, folder=tmp_path)
    for text in (f"{tmp_path / NAME}: ", says, "--data-dir", "bnexp data fetch cifar10"):
        assert text in str(error.value)


def test_a_folder_with_some_of_the_batches_is_an_error_not_a_download(tmp_path: Path) -> None:
    extract(tmp_path, {name: BATCHES[name] for name in BATCH_NAMES[:4]})
    with pytest.raises(UserError) as error:
        load(CIFAR, folder=tmp_path)
    for text in ("holds only a part of cifar10: data_batch_5, test_batch missing", "cifar-10-python.tar.gz, or data_"):
        assert text in str(error.value)


def test_cifar10_would_come_from_its_author(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BNEXP_MIRROR")
    assert locate("cifar10").origin.startswith("download from https://www.cs.toronto.edu/~kriz/ into ")
    put(tmp_path / "cache" / "cifar10" / NAME)
    assert fetch("cifar10") == tmp_path / "cache" / "cifar10"  # intact: nothing is fetched
    assert load(CIFAR).origin.startswith("bnexp's cache")


def test_the_models_of_cifar10_see_images_of_32x32x3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    spec = TrialSpec.model_validate({"data": "cifar10"})
    assert spec.data.known is not None
    blocks = spec.model.blocks(spec.data.known.shape)
    assert [block.shape for block in blocks] == [(30, 30, 32), (13, 13, 64), (4, 4, 64), (64,)]
    assert spec.data.train_examples(spec.data.known.train) == 45_000
