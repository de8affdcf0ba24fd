"""A user's own module imported for a while, and what goes wrong in it, told as its own."""

import importlib
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path

from bnexp.usercode.source import search


@contextmanager
def importable(module: str, search_path: Sequence[str]) -> Iterator[None]:
    """`search_path` in front of Python's own while importing and calling; afterwards all is as before.

    Modules from these folders are imported anew each time and then forgotten: one process may serve the configs of
    several folders, each with a `my_data.py` of its own, and a file may have been edited since.
    """
    folders = {Path(folder).resolve() for folder in search_path}
    top = module.partition(".")[0]
    stashed = {}
    if _home(search(top, search_path)) in folders:
        stashed = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == top}
    modules, path = set(sys.modules), list(sys.path)
    importlib.invalidate_caches()
    sys.path[:0] = search_path
    try:
        yield
    finally:
        tops = {name.partition(".")[0] for name in sys.modules if name not in modules} - modules
        ours = {name for name in tops if _home(getattr(sys.modules.get(name), "__spec__", None)) in folders}
        for name in [name for name in sys.modules if name.partition(".")[0] in ours]:
            del sys.modules[name]
        sys.modules.update(stashed)
        sys.path[:] = path


def its_own(error: BaseException) -> str:
    """What it says in one line; then, if it came from the user's code, its traceback.

    Frames of ours, of Keras and TensorFlow, of the import system and of what TensorFlow made of our code are left out,
    and so is what Keras writes around the message.  A long message of foreign code stands below in full.
    """
    hidden = (_folder("bnexp"), _folder("keras"), _folder("tensorflow"), importlib.__file__, "<frozen")
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(hidden) and _GENERATED not in frame.filename
    ]
    *before, said = traceback.format_exception_only(error)
    kind, reason = type(error).__name__, _inmost(str(error))
    if reason:
        said = f"{kind}: {reason}\n"
    first, _, rest = said.partition("\n")
    lines = (
        ["Traceback (most recent call last):\n", *traceback.format_list(own), *before, said] if own else [*before, rest]
    )
    return f"{first}\n{''.join(lines)}".rstrip()


def _folder(package: str) -> str:
    """Where an imported package lies; what no file name begins with, if it is not imported."""
    found = sys.modules.get(package)
    return str(Path(found.__file__).parent) if found and found.__file__ else "<frozen"


_GENERATED = "__autograph_generated_file"
_BOLD = re.compile("\x1b\\[1m(.*?)\x1b\\[0m", re.DOTALL)


def _inmost(message: str) -> str:
    """What was said first, of a message that Keras wrapped: it stands in bold type; "" where nothing does."""
    found = _BOLD.findall(message)
    return found[-1].rpartition("Error encountered:")[2].strip() if found else ""


def _home(spec: ModuleSpec | None) -> Path | None:
    """The folder in which a top-level module's file, or its package's folder, lies."""
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    place = folders[0] if folders else spec.origin
    return Path(place).resolve().parent if place else None
