"""A user's own dataset, `module:function`: found, called, and checked."""

import difflib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bnexp.data.checks import RETURNS, cautions, described, normalise, pixels
from bnexp.data.dataset import Dataset, dataset_of, digests
from bnexp.errors import UserError
from bnexp.usercode.modules import importable, its_own, search, source_hash


def load(name: str, source: str | None, search_path: Sequence[str]) -> Dataset:
    """Call the function that `name`, a `module:function`, stands for, and check what it returns.

    `source` is the SHA-256 of the module's file when the config was loaded, or None.  Raises UserError.
    """
    module, function = parse(name)
    path = find(module, search_path)
    if source is not None and source_hash(path) != source:
        raise UserError(f"{path} has changed since the config was loaded; start again, so that results are its own")
    with importable(module, search_path):
        returned = _call(name, _function(name, module, function))
    arrays = normalise(name, returned)
    classes = int(arrays.train_labels.max()) + 1
    return dataset_of(
        name,
        arrays,
        digests(arrays),
        classes=classes,
        origin=f"{function} in {path}",
        checked="shapes, values and labels; the content is the user's own",
        pixels=pixels(arrays),
        cautions=cautions(name, arrays),
    )


def parse(name: str) -> tuple[str, str]:
    """`my_package.my_module:function` as its two parts."""
    module, _, function = name.partition(":")
    if not (function.isidentifier() and all(part.isidentifier() for part in module.split("."))):
        raise UserError(f"data: your own dataset is written my_module:my_function, not {name!r}")
    return module, function


def find(module: str, search_path: Sequence[str]) -> Path:
    """The file of a module, looked for in `search_path` and then in Python's own path, without importing anything."""
    spec = search(module, search_path)
    if spec is None or spec.origin is None:
        looked = ", ".join(search_path) or "no folder of the config's"
        raise UserError(f"data: there is no module {module!r} in {looked}, nor in Python's own path")
    return Path(spec.origin)


def _function(name: str, module: str, function: str) -> Any:
    try:
        imported = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise UserError(f"data: importing {module} failed: {its_own(error, [__file__])}") from error
    found = getattr(imported, function, None)
    if found is None:
        near = difflib.get_close_matches(function, [key for key, value in vars(imported).items() if callable(value)], 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UserError(f"data: {imported.__file__} has no function {function!r}{hint}")
    if not callable(found):
        raise UserError(f"data: {name} must be a function without arguments, and is {described(found)}; {RETURNS}")
    return found


def _call(name: str, function: Any) -> Any:
    try:
        return function()
    except (Exception, SystemExit) as error:
        raise UserError(f"data: {name} failed: {its_own(error, [__file__])}") from error
