"""The two file formats of published datasets, IDX (gzipped or not) and Keras's npz: a path in, arrays out."""

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnexp.data.dataset import Arrays
from bnexp.data.known import NPZ_KEYS
from bnexp.errors import UserError
from bnexp.specs.datasets import ImageSet

_UBYTE = 8  # IDX's code for unsigned bytes, http://yann.lecun.com/exdb/mnist/


class BadFileError(UserError):
    """A file that is not what it should be."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


def shapes(images: ImageSet) -> tuple[tuple[int, ...], ...]:
    """Shapes of the four arrays in the files: images (n, H, W), labels (n,)."""
    height, width, _ = images.shape
    return (images.train, height, width), (images.train,), (images.test, height, width), (images.test,)


def read_idx_files(paths: tuple[Path, ...], images: ImageSet) -> Arrays:
    """Four IDX files in the order of `known.PARTS`.  Raises BadFileError."""
    return _arrays([read_idx(path, shape) for path, shape in zip(paths, shapes(images), strict=True)])


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """One IDX file of unsigned bytes that must have this shape.  Whether it is gzipped is seen from its first bytes.

    Nothing is allocated before the header agrees with `shape`.  Raises BadFileError.
    """
    try:
        with path.open("rb") as file:
            gzipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not gzipped:
                return _idx(path, file, shape)
            with gzip.GzipFile(fileobj=file) as content:
                return _idx(path, content, shape)
    except EOFError:
        raise BadFileError(path, "is truncated: the gzip stream breaks off") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BadFileError(path, f"is damaged: {error}") from None
    except OSError as error:
        raise BadFileError(path, f"cannot be read: {error.strerror or error}") from None


def _idx(path: Path, content: io.BufferedIOBase, shape: tuple[int, ...]) -> NDArray[np.uint8]:
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
    array = np.empty(shape, np.uint8)
    if (count := _fill(content, array)) < array.size:
        raise BadFileError(path, f"is truncated: its header promises {array.size:,} bytes and {count:,} follow")
    if content.read(1):  # reading on to the end also checks gzip's own checksum
        raise BadFileError(path, f"goes on after the {array.size:,} bytes that its header promises")
    return array


def _fill(content: io.BufferedIOBase, array: NDArray[np.uint8]) -> int:
    """Read into the array until it is full or the file ends; how many bytes came."""
    into, count = array.reshape(-1).data, 0
    while count < len(into) and (got := content.readinto(into[count:])):
        count += got
    return count


def read_npz(path: Path, images: ImageSet) -> Arrays:
    """Keras's mnist.npz.  Raises BadFileError; pickled objects are never read."""
    try:
        with path.open("rb") as file:  # ours to close: numpy forgets to when the archive is bad
            return _npz(path, np.load(file, allow_pickle=False), images)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise BadFileError(path, f"is damaged or truncated: {str(error) or 'it ends too early'}") from None
    except ValueError:  # numpy on a file that is neither zip nor npy, or holds pickled objects
        raise BadFileError(path, "is not an .npz archive of plain arrays") from None
    except OSError as error:
        raise BadFileError(path, f"cannot be read: {error.strerror or error}") from None


def _npz(path: Path, content: Any, images: ImageSet) -> Arrays:
    if not isinstance(content, np.lib.npyio.NpzFile):
        raise BadFileError(path, "is a single array, not an .npz archive")
    with content:
        if missing := [key for key in NPZ_KEYS if key not in content]:
            raise BadFileError(path, f"lacks {', '.join(missing)}; it holds {', '.join(sorted(content)) or 'nothing'}")
        return _arrays(
            [_member(path, content, key, shape) for key, shape in zip(NPZ_KEYS, shapes(images), strict=True)]
        )


def _member(path: Path, content: Any, key: str, shape: tuple[int, ...]) -> NDArray[Any]:
    array: NDArray[Any] = content[key]
    if array.shape != shape or array.dtype != np.uint8:
        raise BadFileError(path, f"{key} is {_by(array.shape)} of {array.dtype}, not {_by(shape)} of uint8")
    return array


def _arrays(parts: list[NDArray[Any]]) -> Arrays:
    """Images with a channel axis, labels as int32."""
    train_images, train_labels, test_images, test_labels = parts
    return Arrays(
        train_images[..., np.newaxis],
        train_labels.astype(np.int32),
        test_images[..., np.newaxis],
        test_labels.astype(np.int32),
    )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape) or "a single number"
