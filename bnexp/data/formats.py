"""The file formats of published datasets: IDX (gzipped or not), Keras's npz, CIFAR-10's batches; paths in, arrays out.

A batch of CIFAR-10 is a pickle.  None is loaded before its MD5 is the published one, and then with no more than what
these files need.
"""

import gzip
import hashlib
import io
import math
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bnexp.data.dataset import Arrays
from bnexp.data.known import NPZ_KEYS, Known
from bnexp.errors import UserError
from bnexp.specs.datasets import ImageSet

_UBYTE = 8  # IDX's code for unsigned bytes, http://yann.lecun.com/exdb/mnist/

_NEEDED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}
"""What a pickled array asks for; the last by its name in NumPy 1."""


class BadFileError(UserError):
    """A file that is not what it should be."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


@contextmanager
def _opened(path: Path, *damage: type[Exception]) -> Iterator[BinaryIO]:
    """The file; what goes wrong while it is read is a BadFileError, `damage` being what its archive raises."""
    damaged: tuple[type[Exception], ...] = (*damage, zlib.error, EOFError)
    try:
        with path.open("rb") as file:  # ours to close: numpy forgets to when an archive is bad
            yield file
    except damaged as error:
        raise BadFileError(path, f"is damaged or truncated: {str(error) or 'it ends too early'}") from None
    except OSError as error:
        raise BadFileError(path, f"cannot be read: {error.strerror or error}") from None


def _shapes(images: ImageSet) -> tuple[tuple[int, ...], ...]:
    """Shapes of the four arrays in the files: images (n, H, W), labels (n,)."""
    height, width, _ = images.shape
    return (images.train, height, width), (images.train,), (images.test, height, width), (images.test,)


def _arrays(parts: list[NDArray[Any]]) -> Arrays:
    """Images with a channel axis, labels as int32."""
    return Arrays(*(part[..., np.newaxis] if part.ndim == 3 else part.astype(np.int32) for part in parts))


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape) or "a single number"


def read_idx_files(paths: tuple[Path, ...], images: ImageSet) -> Arrays:
    """Four IDX files in the order of `known.PARTS`.  Raises BadFileError."""
    return _arrays([read_idx(path, shape) for path, shape in zip(paths, _shapes(images), strict=True)])


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """One IDX file of unsigned bytes that must have this shape.  Whether it is gzipped is seen from its first bytes.

    Its numbers are read once the header agrees with `shape`.  Raises BadFileError.
    """
    with _opened(path) as file:
        gzipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not gzipped:
            return _idx(path, file, shape)
        try:
            with gzip.GzipFile(fileobj=file) as content:
                return _idx(path, content, shape)
        except EOFError:
            raise BadFileError(path, "is truncated: the gzip stream breaks off") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise BadFileError(path, f"is damaged: {error}") from None


def _idx(path: Path, content: BinaryIO | gzip.GzipFile, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    header = content.read(4 * (1 + len(shape)))
    if header[:4] != bytes((0, 0, _UBYTE, len(shape))):
        raise BadFileError(
            path,
            f"is not an IDX file of {len(shape)}-dimensional unsigned bytes: "
            f"it begins with {header[:4].hex(' ') or 'nothing'}, not 00 00 08 {len(shape):02x}",
        )
    if len(header) < 4 * (1 + len(shape)):
        raise BadFileError(path, f"is truncated: it ends within its header, after {len(header)} bytes")
    if (found := tuple(np.frombuffer(header, ">u4", offset=4).tolist())) != shape:
        raise BadFileError(path, f"holds {_by(found)}, not {_by(shape)}")
    size = math.prod(shape)
    numbers = content.read(size + 1)  # reading on to the end also checks gzip's own checksum
    if len(numbers) < size:
        raise BadFileError(path, f"is truncated: its header promises {size:,} bytes and {len(numbers):,} follow")
    if len(numbers) > size:
        raise BadFileError(path, f"goes on after the {size:,} bytes that its header promises")
    return np.frombuffer(numbers, np.uint8).reshape(shape)


def read_npz(path: Path, images: ImageSet) -> Arrays:
    """Keras's mnist.npz.  Raises BadFileError; pickled objects are never read."""
    with _opened(path, zipfile.BadZipFile, RuntimeError) as file:
        try:
            return _npz(path, np.load(file, allow_pickle=False), images)
        except ValueError:  # numpy on a file that is neither zip nor npy, or holds pickled objects
            raise BadFileError(path, "is not an .npz archive of plain arrays") from None


def _npz(path: Path, content: Any, images: ImageSet) -> Arrays:
    if not isinstance(content, np.lib.npyio.NpzFile):
        raise BadFileError(path, "is a single array, not an .npz archive")
    with content:
        if missing := [key for key in NPZ_KEYS if key not in content]:
            raise BadFileError(path, f"lacks {', '.join(missing)}; it holds {', '.join(sorted(content)) or 'nothing'}")
        parts = [content[key] for key in NPZ_KEYS]
    for key, array, shape in zip(NPZ_KEYS, parts, _shapes(images), strict=True):
        if array.shape != shape or array.dtype != np.uint8:
            raise BadFileError(path, f"{key} is {_by(array.shape)} of {array.dtype}, not {_by(shape)} of uint8")
    return _arrays(parts)


def read_batches(files: tuple[Path, ...], known: Known, images: ImageSet) -> Arrays:
    """The archive, or the batches in the order of `known.files`.  Raises BadFileError if any is not as published."""
    archived = len(files) == 1
    held = _members(files[0], known.files) if archived else [_content(path) for path in files]
    batches = []
    for k, content in enumerate(held):
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != known.wrappers[k]:
            path, inside = (files[0], f"{known.files[k]} in it") if archived else (files[k], "it")
            raise BadFileError(path, f"{inside} is not as published: the MD5 differs")
        batches.append(_batch(content, images))
    train_images, train_labels = (np.concatenate(part) for part in zip(*batches[:-1], strict=True))
    return Arrays(train_images, train_labels, *batches[-1])


def _members(path: Path, names: tuple[str, ...]) -> list[bytes]:
    """The batches in an archive, whatever folder they lie in there; nothing is written to disk."""
    held: dict[str, bytes] = {}
    with _opened(path, tarfile.TarError) as file, tarfile.open(fileobj=file) as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            if name in names and member.isfile() and (content := archive.extractfile(member)):
                held[name] = content.read()
    if missing := [name for name in names if name not in held]:
        raise BadFileError(path, f"lacks {', '.join(missing)}")
    return [held[name] for name in names]


def _content(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


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
