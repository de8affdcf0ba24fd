"""Where the files of a published dataset may lie, and which of these places holds them.  Nothing is read or fetched."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bnexp.data.known import IDX_NAMES, Known
from bnexp.errors import UserError

FOLDER = "BNEXP_DATA_DIR"
CACHE = "BNEXP_CACHE_DIR"


@dataclass(frozen=True)
class Location:
    """Where a dataset would be taken from."""

    dataset: str
    origin: str
    """In words."""
    files: tuple[Path, ...] = ()
    """One archive, or all of `Known.files` in their order; empty for what must be downloaded first."""
    cached: bool = False
    """Whether the files are those that bnexp itself downloaded."""


def find(name: str, known: Known, folder: Path | None) -> Location | None:
    """The first place that holds the dataset: the user's folder, Keras's cache, our own cache; None if none does.

    A folder that the user names, by `folder` or by BNEXP_DATA_DIR, must hold it: UserError otherwise.
    """
    if chosen := chosen_folder(folder):
        path, chosen_by = chosen
        if files := files_under(path, known.subfolders, known):
            return Location(name, f"{chosen_by} {path}", files)
        raise UserError(_not_there(name, known, path, chosen_by))
    if files := files_under(keras_cache(), known.keras, known):
        return Location(name, f"Keras's cache {files[0].parent}", files)
    if files := files_in(cache_folder() / name, known):
        downloaded = {path.name for path in files} == set(known.downloads)
        return Location(name, f"bnexp's cache {files[0].parent}", files, downloaded)
    return None


def chosen_folder(folder: Path | None) -> tuple[Path, str] | None:
    """The data folder that the user names, and what named it."""
    if folder is not None:
        return _expanded(folder), "data folder"
    if from_environment := os.environ.get(FOLDER):
        return _expanded(from_environment), f"{FOLDER} ="
    return None


def keras_cache() -> Path:
    """Where Keras keeps datasets."""
    return _expanded(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"


def cache_folder() -> Path:
    """Where bnexp keeps what it downloads."""
    if chosen := os.environ.get(CACHE):
        return _expanded(chosen)
    import pooch  # noqa: PLC0415  # only here, so that data in a folder needs none of it

    try:
        return Path(pooch.os_cache("bnexp"))
    except RuntimeError:  # no home
        return _expanded("~/.cache/bnexp")


def _expanded(folder: str | Path) -> Path:
    """The folder with the user's home in place of `~`; as Keras does, /tmp for one who has none (in a container)."""
    path = os.path.expanduser(folder)  # noqa: PTH111  # `Path.expanduser` raises without a home
    return Path(tempfile.gettempdir(), path[2:]) if path.startswith("~/") else Path(path)


def files_under(folder: Path, subfolders: Iterable[str], known: Known) -> tuple[Path, ...]:
    """The dataset's files in the first of the subfolders that holds it; () if none does."""
    return next((files for sub in subfolders if (files := files_in(folder / sub, known))), ())


def files_in(folder: Path, known: Known) -> tuple[Path, ...]:
    """The archive or all single files in this very folder; () if they are not there."""
    if archive := next((folder / name for name in known.archives if (folder / name).is_file()), None):
        return (archive,)
    found = [next((path for path in _spellings(folder, name) if path.is_file()), None) for name in known.files]
    return tuple(path for path in found if path) if all(found) else ()


def _spellings(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    if "-idx" in name:
        yield folder / f"{name}.gz"
        yield folder / name.replace("-idx", ".idx")
        yield folder / f"{name.replace('-idx', '.idx')}.gz"


def file_names(known: Known) -> str:
    """What to put into a data folder, in words."""
    zipped = " (each with or without .gz)" if known.files == IDX_NAMES else ""
    files = f"{', '.join(known.files[:-1])} and {known.files[-1]}{zipped}"
    return f"{known.archives[0]}, or {files}" if known.archives else files


def ways_out(name: str, known: Known) -> str:
    """What a user can do who has not got the dataset."""
    return (
        "Ways out:\n"
        f"  - have the files in a folder, and name it with --data-dir FOLDER or {FOLDER}=FOLDER: {file_names(known)}\n"
        f"{_without_files(name)}"
    )


def _without_files(name: str) -> str:
    return (
        f"  - run `bnexp data fetch {name}` on a machine with a network, copy the folder that it names, "
        "and point --data-dir at the copy\n"
        "  - use `data: mnist-5k`, 5,000 real MNIST images that need no download"
    )


def _not_there(name: str, known: Known, folder: Path, chosen_by: str) -> str:
    if not folder.is_dir():
        state = "is no folder" if folder.exists() else "does not exist"
    elif present := [file for file in known.files if any(path.is_file() for path in _spellings(folder, file))]:
        missing = [file for file in known.files if file not in present]
        state = f"holds only a part of {name}: {', '.join(missing)} missing"
    else:
        state = f"does not hold {name}"
    places = ", ".join(str(folder / sub) for sub in known.subfolders)
    return (
        f"{chosen_by} {folder} {state}.\n"
        f"Looked for {file_names(known)}; in {places}.\n"
        "Ways out:\n"
        f"  - put them there; or leave out --data-dir and {FOLDER}, to search the caches and then download\n"
        f"{_without_files(name)}"
    )
