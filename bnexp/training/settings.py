"""What a user's code may alter in a process, which would then train the trials of others with it."""

import sys
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

import keras
import tensorflow as tf

_SHARED = ("keras", "tensorflow", "numpy")
_CODE = (FunctionType, property, classmethod, staticmethod)


def settings() -> dict[Any, object]:
    """Global settings of Keras and TensorFlow, and what each name of a function or class in them stands for.

    Some 50,000 names in 0.03 s.
    """
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
