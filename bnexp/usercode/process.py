"""What a user's code does beside computing: what it alters in a process that trains others too, and what it reads."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
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


_SHARED = ("keras", "tensorflow", "numpy")
_CODE = (FunctionType, property, classmethod, staticmethod)


def settings() -> dict[Any, object]:
    """Global settings of Keras and TensorFlow, and what each name of a function or class in them stands for.

    Some 50,000 names in 0.03 s.  Imports TensorFlow.
    """
    import keras  # noqa: PLC0415  # in worker processes only
    import tensorflow as tf  # noqa: PLC0415

    config = keras.config
    found: dict[Any, object] = {
        "dtype policy": config.dtype_policy().name,
        "floatx": config.floatx(),
        "epsilon": config.epsilon(),
        "image data format": config.image_data_format(),
        "eager functions": tf.config.functions_run_eagerly(),
        "names of keras": frozenset(name for name, value in vars(keras).items() if not isinstance(value, ModuleType)),
    }
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _SHARED:
            for key, value in list(vars(module).items()):
                if isinstance(value, FunctionType | type):
                    found[name, key] = value
                if isinstance(value, type) and value.__module__.startswith("keras"):
                    found |= {(value, key): each for key, each in list(vars(value).items()) if isinstance(each, _CODE)}
    return found


def altered(before: Mapping[Any, object]) -> bool:
    """Whether anything of `settings` is not what it was: what is new beside it, such as a module, alters nothing."""
    now = settings()
    return any(now.get(key) is not value and now.get(key) != value for key, value in before.items())
