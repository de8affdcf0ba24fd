"""A layer that is not ours, imported and made: every way in which that can fail is told in the user's terms."""

import importlib
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import bnexp
from bnexp.errors import UserError
from bnexp.specs.norms.base import Norm
from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.wording import a_type, did_you_mean, nearest
from bnexp.usercode.modules import importable, its_own, source_hash

_HIDDEN = [str(Path(str(module.__file__)).parent) for module in (bnexp, keras, tf)]


@contextmanager
def at_hand(spec: Norm, search_path: Sequence[str]) -> Iterator[None]:
    """While a model is built and traced: a user's module can be imported, and what goes wrong is told as its fault.

    Does nothing where `spec` is a method of ours.
    """
    if not isinstance(spec, OwnNorm):
        yield
        return
    # What an installed package adds is its own module, whatever lies beside the config.
    folders = search_path if ":" in spec.name else ()
    with importable(spec.class_path.partition(":")[0], folders):
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"norm {spec.name}: no model can be built with it: {its_own(error, _HIDDEN)}") from error


def layer(spec: OwnNorm, name: str) -> keras.layers.Layer:
    """A new layer of the user's class, called with the arguments of the config and `name`.

    The module is imported as Python's path stands (`own_modules.importable` puts the config's folders before it).
    Raises UserError where there is no such module or class, where it fails, or where it takes other arguments.
    """
    kind = _class(spec)
    _check_arguments(spec, kind)
    try:
        return kind(**spec.arguments, name=name)
    except Exception as error:
        raise UserError(f"norm {spec.name}: making the layer failed: {its_own(error, _HIDDEN)}") from error


def _class(spec: OwnNorm) -> type[keras.layers.Layer]:
    module, _, attribute = spec.class_path.partition(":")
    try:
        imported = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise UserError(f"norm {spec.name}: importing {module} failed: {its_own(error, _HIDDEN)}") from error
    file = imported.__file__
    if spec.source and file and source_hash(Path(file)) != spec.source:
        raise UserError(f"{file} has changed since the config was loaded; start again, so that results are its own")
    kind: Any = imported
    for part in attribute.split("."):
        if not hasattr(kind, part):
            near = nearest(part, [key for key, value in vars(kind).items() if isinstance(value, type)])
            hint = f"; did you mean {near!r}?" if near else ""
            raise UserError(f"norm {spec.name}: {file} has no class {part!r}{hint}")
        kind = getattr(kind, part)
    if not (isinstance(kind, type) and issubclass(kind, keras.layers.Layer)):
        raise UserError(f"norm {spec.name}: must be a class derived from keras.layers.Layer, and is {_described(kind)}")
    return kind


def _check_arguments(spec: OwnNorm, kind: type[keras.layers.Layer]) -> None:
    """Keyword arguments are named in `__init__`, of the class or of one that it derives from."""
    own = [cls for cls in kind.__mro__ if issubclass(cls, keras.layers.Layer) and cls is not keras.layers.Layer]
    known: list[str] = []
    for cls in own:
        if "__init__" in vars(cls):
            found = inspect.signature(vars(cls)["__init__"]).parameters.values()
            known += [p.name for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)][1:]
            if not any(p.kind is p.VAR_KEYWORD for p in found):
                break  # what stands above gets nothing from here
    else:
        known += ["name", "trainable", "dtype"]
    wrong = [key for key in spec.arguments if key not in known]
    takes = [key for key in dict.fromkeys(known) if key not in ("name", "trainable", "dtype")]
    if wrong:
        hint = did_you_mean(wrong[0], takes) if takes else "; it takes none"
        raise UserError(f"norm {spec.name}: has no argument {wrong[0]!r}{hint}")
    if "name" not in known:
        raise UserError(
            f"norm {spec.name}: must take the layer's name and hand it on, as in "
            f"`def __init__(self, {', '.join([*takes, '**kwargs'])}): super().__init__(**kwargs)`"
        )


def _described(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__module__}.{value.__qualname__}"
    return a_type(value)
