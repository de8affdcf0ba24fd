"""A published dataset in small: 30 + 10 images of 4x4, under the name of a real one."""

import gzip
import hashlib
import io
import struct
from pathlib import Path

import numpy as np

from bnexp.data.dataset import Arrays, digests
from bnexp.data.known import IDX_NAMES, KNOWN, NPZ_KEYS
from bnexp.specs.datasets import DATASETS, ImageSet

TINY = ImageSet("tiny", 30, 10, (4, 4, 1), 5)


def tiny_parts(seed: int = 0) -> list[np.ndarray]:
    """The four arrays as they stand in the files: images (n, 4, 4), labels (n,), balanced."""
    random = np.random.default_rng(seed)
    return [
        random.integers(0, 256, (TINY.train, 4, 4), np.uint8),
        random.permutation(np.arange(TINY.train, dtype=np.uint8) % TINY.classes),
        random.integers(0, 256, (TINY.test, 4, 4), np.uint8),
        random.permutation(np.arange(TINY.test, dtype=np.uint8) % TINY.classes),
    ]


def tiny_contents(seed: int = 0) -> tuple[str, ...]:
    images, labels, test_images, test_labels = tiny_parts(seed)
    return digests(
        Arrays(images[..., None], labels.astype(np.int32), test_images[..., None], test_labels.astype(np.int32))
    )


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def zipped(array: np.ndarray) -> bytes:
    return gzip.compress(idx(array), mtime=0)


def npz(parts: list[np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(zip(NPZ_KEYS, parts, strict=True)))
    return buffer.getvalue()


def write_idx(folder: Path, parts: list[np.ndarray], *, gz: bool = True, dotted: bool = False) -> Path:
    """The four IDX files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(IDX_NAMES, parts, strict=True):
        stem = name.replace("-idx", ".idx") if dotted else name
        (folder / (f"{stem}.gz" if gz else stem)).write_bytes(zipped(array) if gz else idx(array))
    return folder


def served(seed: int = 0) -> dict[str, bytes]:
    """What a mirror of the tiny mnist serves."""
    return {"mnist.npz": npz(tiny_parts(seed))}


def install() -> None:
    """Let `mnist` and `fashion-mnist` stand for tiny datasets (seeds 0 and 1) in this process."""
    DATASETS["mnist"] = DATASETS["fashion-mnist"] = TINY
    npz_hash = hashlib.sha256(served()["mnist.npz"]).hexdigest()
    KNOWN["mnist"] = KNOWN["mnist"]._replace(contents=tiny_contents(0), downloads={"mnist.npz": f"sha256:{npz_hash}"})
    wrappers = tuple(hashlib.md5(zipped(part)).hexdigest() for part in tiny_parts(1))
    KNOWN["fashion-mnist"] = KNOWN["fashion-mnist"]._replace(
        wrappers=wrappers,
        downloads={f"{name}.gz": f"md5:{md5}" for name, md5 in zip(IDX_NAMES, wrappers, strict=True)},
    )
