"""Which files are read while a user's code is made or used."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from bnexp.usercode.source import is_installed

_opened: list[Path] | None = None


@contextmanager
def files_read() -> Iterator[list[Path]]:
    """Files that Python opens for reading meanwhile, each once; without its own modules and what lies in /proc."""
    global _opened  # noqa: PLW0603  # a process has one hook, for good
    _watch()
    found: list[Path] = []
    _opened = []
    try:
        yield found
    finally:
        seen, _opened = dict.fromkeys(_opened), None
        found += [path for path in seen if path.is_file() and path.suffix not in (".py", ".pyc")]


@cache
def _watch() -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or _opened is None or not isinstance(arguments[0], str | os.PathLike):
            return
        path, reading = Path(arguments[0]), not arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if reading and not str(path).startswith(("/proc/", "/sys/", "/dev/")) and not is_installed(path):
            _opened.append(path)

    sys.addaudithook(hook)
