"""Where the files of a published dataset may lie, and which of these places holds them.  Nothing is read or fetched."""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bnexp.data.known import IDX_NAMES, KNOWN, Known
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
    named, by = (folder, "data folder") if folder is not None else (os.environ.get(FOLDER), f"{FOLDER} =")
    if named:
        path = _expanded(named)
        if files := _files_under(path, known.subfolders, known):
            return Location(name, f"{by} {path}", files)
        raise UserError(_not_there(name, known, path, by))
    keras = _expanded(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"
    if files := _files_under(keras, known.keras, known):
        return Location(name, f"Keras's cache {files[0].parent}", files)
    if files := files_in(cache_folder() / name, known):
        downloaded = {path.name for path in files} == set(known.downloads)
        return Location(name, f"bnexp's cache {files[0].parent}", files, downloaded)
    return None


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


def _files_under(folder: Path, subfolders: Iterable[str], known: Known) -> tuple[Path, ...]:
    """The dataset's files in the first of the subfolders that holds it; () if none does."""
    return next((files for sub in subfolders if (files := files_in(folder / sub, known))), ())


def files_in(folder: Path, known: Known) -> tuple[Path, ...]:
    """The archive or all single files in this very folder; () if they are not there."""
    if archive := next((folder / name for name in known.archives if (folder / name).is_file()), None):
        return (archive,)
    found = tuple(path for name in known.files if (path := _there(folder, name)))
    return found if len(found) == len(known.files) else ()


def _there(folder: Path, name: str) -> Path | None:
    """The file of this name in a folder; of an IDX file, in any of its spellings."""
    stems = (name, name.replace("-idx", ".idx")) if "-idx" in name else ()
    spellings = [f"{stem}{suffix}" for stem in stems for suffix in ("", ".gz")] or [name]
    return next((path for spelling in spellings if (path := folder / spelling).is_file()), None)


def _file_names(known: Known) -> str:
    """What to put into a data folder, in words."""
    zipped = " (each with or without .gz)" if known.files == IDX_NAMES else ""
    files = f"{', '.join(known.files[:-1])} and {known.files[-1]}{zipped}"
    return f"{known.archives[0]}, or {files}" if known.archives else files


def ways_out(name: str, first: str = "") -> str:
    """What a user can do who has not got the dataset."""
    have = (
        f"have the files in a folder, and name it with --data-dir FOLDER or {FOLDER}=FOLDER: {_file_names(KNOWN[name])}"
    )
    return (
        "Ways out:\n"
        f"  - {first or have}\n"
        f"  - run `bnexp data fetch {name}` on a machine with a network, copy the folder that it names, "
        "and point --data-dir at the copy\n"
        "  - use `data: mnist-5k`, 5,000 real MNIST images that need no download"
    )


def _not_there(name: str, known: Known, folder: Path, chosen_by: str) -> str:
    missing = [file for file in known.files if not _there(folder, file)]
    if not folder.is_dir():
        state = "is no folder" if folder.exists() else "does not exist"
    elif len(missing) < len(known.files):
        state = f"holds only a part of {name}: {', '.join(missing)} missing"
    else:
        state = f"does not hold {name}"
    places = ", ".join(str(folder / sub) for sub in known.subfolders)
    put = f"put them there; or leave out --data-dir and {FOLDER}, to search the caches and then download"
    return f"{chosen_by} {folder} {state}.\nLooked for {_file_names(known)}; in {places}.\n{ways_out(name, put)}"
