"""CIFAR-10 as its author publishes it for Python: six pickled batches, by themselves or in a .tar.gz.

Nothing is unpickled before its MD5 is the published one, and then with no more than what these files need.
"""

import hashlib
import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data.dataset import Arrays
from bnexp.data.formats import BadFileError
from bnexp.data.known import Known
from bnexp.specs.datasets import ImageSet

_NEEDED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}
"""What a pickled array asks for; the last by its name in NumPy 1."""


def read_batches(files: tuple[Path, ...], known: Known, images: ImageSet) -> Arrays:
    """The archive, or the batches in the order of `known.files`.  Raises BadFileError if any is not as published."""
    assert known.wrappers is not None
    held = _members(files[0], known.files) if len(files) == 1 else [_bytes(path) for path in files]
    batches = []
    for name, content, expected in zip(known.files, held, known.wrappers, strict=True):
        path = files[0] if len(files) == 1 else files[known.files.index(name)]
        inside = f"{name} in it" if len(files) == 1 else "it"
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != expected:
            raise BadFileError(path, f"{inside} is not as published: the MD5 differs")
        batches.append(_batch(content, images))
    train_images, train_labels = (np.concatenate(part) for part in zip(*batches[:-1], strict=True))
    return Arrays(train_images, train_labels, *batches[-1])


def _members(path: Path, names: tuple[str, ...]) -> list[bytes]:
    """The batches in an archive, whatever folder they lie in there; nothing is written to disk."""
    held: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in names and member.isfile() and (content := archive.extractfile(member)):
                    held[name] = content.read()
    except OSError as error:
        raise BadFileError(path, f"cannot be read: {error.strerror or error}") from None
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise BadFileError(path, f"is damaged or truncated: {str(error) or 'it ends too early'}") from None
    if missing := [name for name in names if name not in held]:
        raise BadFileError(path, f"lacks {', '.join(missing)}")
    return [held[name] for name in names]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadFileError(path, f"cannot be read: {error.strerror or error}") from None


def _batch(content: bytes, images: ImageSet) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Images (n, H, W, C), which lie in the file as (n, C · H · W), and labels (n,)."""
    held = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    height, width, channels = images.shape
    flat = held[b"data"].reshape(-1, channels, height, width)
    return np.ascontiguousarray(flat.transpose(0, 2, 3, 1)), np.array(held[b"labels"], np.int32)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NEEDED:
            raise pickle.UnpicklingError(f"a batch of CIFAR-10 needs no {module}.{name}")
        return _NEEDED[module, name]
