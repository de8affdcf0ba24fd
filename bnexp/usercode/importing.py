"""A user's own module imported for a while, and what goes wrong in it, told as its own."""

import importlib
import linecache
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Any

from bnexp.errors import UserError
from bnexp.usercode.source import SourceFile, is_installed


@contextmanager
def importable(files: Sequence[SourceFile], folders: Sequence[str]) -> Iterator[None]:
    """`folders` in front of Python's own path while importing and calling; afterwards all is as before.

    The user's modules are imported anew each time, as their files were read, and then forgotten: one process may serve
    the configs of several folders, each with a `my_data.py` of its own, and a file may have been edited since.
    """
    ours = {each.module: each for each in files if not is_installed(each.path) and each.path.suffix == ".py"}
    tops = {name.partition(".")[0] for name in ours}
    stashed = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in tops}
    path, finder = list(sys.path), _Finder(ours)
    importlib.invalidate_caches()
    sys.path[:0] = folders
    sys.meta_path.insert(0, finder)
    # What reads a function's source, such as TensorFlow, reads it here.
    linecache.cache.update({str(each.path): _lines(each) for each in ours.values()})
    try:
        with _reproducible():
            yield
    finally:
        sys.meta_path.remove(finder)
        sys.path[:] = path
        for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
            del sys.modules[name]
        sys.modules.update(stashed)
        for each in ours.values():
            linecache.cache.pop(str(each.path), None)


@contextmanager
def _reproducible() -> Iterator[None]:
    """`np.random.default_rng()` without a seed takes one from NumPy's own generator, which has that of the trial."""
    import numpy as np  # noqa: PLC0415  # only where a user's code is called

    default_rng = np.random.default_rng

    def seeded(seed: Any = None) -> np.random.Generator:
        return default_rng(np.random.randint(2**31) if seed is None else seed)

    np.random.default_rng = seeded
    try:
        yield
    finally:
        np.random.default_rng = default_rng


class _Finder:
    """Finds the user's modules, and refuses those of his that no import statement names."""

    def __init__(self, files: Mapping[str, SourceFile]) -> None:
        self._files = files

    def find_spec(self, name: str, path: Sequence[str] | None = None, _: object = None) -> ModuleSpec | None:
        if file := self._files.get(name):
            inner = [str(file.path.parent)] if file.is_package else None
            return spec_from_file_location(
                name, file.path, loader=_Loader(name, file), submodule_search_locations=inner
            )
        found = PathFinder.find_spec(name, path)
        place = Path(found.origin) if found and found.has_location and found.origin else None
        if place and not is_installed(place):
            raise UserError(
                f"{place} is imported, but reading the import statements did not lead to it, so that its content would "
                f"not belong to what a result was made with. Write `import {name}` in the module that uses it; where "
                "that stands there, and the file lies in a folder that sys.path gets while it runs, put it beside the "
                "config or name the folder in PYTHONPATH"
            )
        return None


class _Loader(SourceFileLoader):
    """Compiles what was read, and no bytecode of an earlier version."""

    def __init__(self, name: str, file: SourceFile) -> None:
        super().__init__(name, str(file.path))
        self._content = file.content

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._content, self.get_filename(fullname))

    def get_source(self, fullname: str) -> str:
        return decode_source(self._content)


def _lines(file: SourceFile) -> tuple[int, None, list[str], str]:
    """As `linecache` keeps a file that it is not to look at again."""
    try:
        text = decode_source(file.content)
    except (SyntaxError, UnicodeError):
        text = ""
    return len(file.content), None, text.splitlines(keepends=True), str(file.path)


def its_own(error: BaseException) -> str:
    """What it says in one line; then, if it came from the user's code, its traceback.

    Frames of ours, of Keras and TensorFlow, of the import system and of what TensorFlow made of our code are left out,
    and so is what Keras writes around the message.  A long message of foreign code stands below in full.
    """
    own, in_graph = _shown(error), _GRAPH in str(error)
    *before, said = traceback.format_exception_only(error)
    kind, reason = type(error).__name__, _inmost(str(error))
    if reason:
        said = f"{reason}\n" if in_graph else f"{kind}: {reason}\n"
    first, _, rest = said.partition("\n")
    lines = (
        ["Traceback (most recent call last):\n", *traceback.format_list(own), *before, said] if own else [*before, rest]
    )
    return f"{first}\n{''.join(lines)}".rstrip()


def is_theirs(error: BaseException) -> bool:
    """Whether a line of the user's code led to an error."""
    return any(place.is_file() and not is_installed(place) for place in places(error))


def places(error: BaseException) -> list[Path]:
    """The files whose lines led to an error, the innermost last, without ours and those of Keras and the like."""
    return [Path(frame.filename) for frame in _shown(error)]


def _shown(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of an error that are not ours, nor of Keras and the like; of one in a graph, those that it names."""
    hidden = (_folder("bnexp"), _folder("keras"), _folder("tensorflow"), importlib.__file__, "<frozen")
    places = dict.fromkeys(_PLACE.findall(str(error)))
    made = [traceback.FrameSummary(f"/{file}", int(line), name) for file, line, name in places]
    frames = made if _GRAPH in str(error) else traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(hidden) and _GENERATED not in frame.filename]


def _folder(package: str) -> str:
    """Where an imported package lies; what no file name begins with, if it is not imported."""
    found = sys.modules.get(package)
    return str(Path(found.__file__).parent) if found and found.__file__ else "<frozen"


_GENERATED = "__autograph_generated_file"
_BOLD = re.compile("\x1b\\[1m(.*?)\x1b\\[0m", re.DOTALL)
_GRAPH = "Graph execution error:"
_PLACE = re.compile(r'File "/?(.+\.py)", line (\d+), in (.+)')  # XLA leaves the first slash out


def _inmost(message: str) -> str:
    """What was said first, of a message that was wrapped; "" of one that was not.

    Keras sets it in bold type, TensorFlow below the places in the graph and in the code where it came about.
    """
    if _GRAPH in message:
        around = (_GRAPH, "Detected at node", "<stack traces", "File ", "[[", "The op is created at")
        lines = [line.strip() for line in message.partition(_GRAPH)[2].splitlines()]
        return next((line for line in lines if line and not line.startswith(around)), "")
    found = _BOLD.findall(message)
    return found[-1].rpartition("Error encountered:")[2].strip() if found else ""
