"""A published dataset in small: 30 + 10 images of 4x4, under the name of a real one."""

import gzip
import hashlib
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bnexp.data.dataset import Arrays, digests
from bnexp.data.known import IDX_NAMES, KNOWN, NPZ_KEYS
from bnexp.specs.datasets import DATASETS, ImageSet

TINY = ImageSet("tiny", 30, 10, (4, 4, 1), 5)


def tiny_parts(seed: int = 0) -> list[np.ndarray]:
    """The four arrays as they stand in the files: images (n, 4, 4), labels (n,), balanced."""
    random, parts = np.random.default_rng(seed), []
    for count in (TINY.train, TINY.test):
        parts.append(random.integers(0, 256, (count, 4, 4), np.uint8))
        parts.append(random.permutation(np.arange(count, dtype=np.uint8) % TINY.classes))
    return parts


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def zipped(array: np.ndarray) -> bytes:
    return gzip.compress(idx(array), mtime=0)


def saved(save: Callable[..., None], *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    """What one of NumPy's functions writes into a file."""
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def npz(parts: list[np.ndarray]) -> bytes:
    return saved(np.savez_compressed, **dict(zip(NPZ_KEYS, parts, strict=True)))


def write_idx(folder: Path, parts: list[np.ndarray], *, gz: bool = True, dotted: bool = False) -> Path:
    """The four IDX files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(IDX_NAMES, parts, strict=True):
        stem = name.replace("-idx", ".idx") if dotted else name
        (folder / (f"{stem}.gz" if gz else stem)).write_bytes(zipped(array) if gz else idx(array))
    return folder


SERVED = {"mnist.npz": npz(tiny_parts())}
"""What a mirror of the tiny mnist serves."""


def install() -> None:
    """Let `mnist` and `fashion-mnist` stand for tiny datasets (seeds 0 and 1) in this process."""

    def known(name: str, downloads: dict[str, str], **changes: Any) -> None:
        DATASETS[name], KNOWN[name] = TINY, KNOWN[name]._replace(downloads=downloads, **changes)

    images, labels, test_images, test_labels = tiny_parts()
    arrays = Arrays(images[..., None], labels.astype("i4"), test_images[..., None], test_labels.astype("i4"))
    npz_hash = hashlib.sha256(SERVED["mnist.npz"]).hexdigest()
    known("mnist", {"mnist.npz": f"sha256:{npz_hash}"}, contents=digests(arrays))
    wrappers = tuple(hashlib.md5(zipped(part)).hexdigest() for part in tiny_parts(1))
    files = {f"{name}.gz": f"md5:{md5}" for name, md5 in zip(IDX_NAMES, wrappers, strict=True)}
    known("fashion-mnist", files, wrappers=wrappers)
