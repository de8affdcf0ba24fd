"""A user's own dataset, `module:function`: found, called, and checked."""

from collections.abc import Sequence
from pathlib import Path

from bnexp.data.checks import RETURNS, cautions, normalise, pixels
from bnexp.data.dataset import Dataset, dataset_of, digests
from bnexp.usercode.code import UserCode, described, in_use, own_code


def load(name: str, source: str | None, search_path: Sequence[str]) -> Dataset:
    """Call the function that `name`, a `module:function`, stands for, and check what it returns.

    `source` says which files made it when the config was loaded, or is None.  Raises UserError.
    """
    code = _code(name, source, search_path)
    origin = locate(name, search_path)[0]
    with in_use(code):
        function = code.load()
        if not callable(function):
            raise code.fault(f"must be a function without arguments, and is {described(function)}; {RETURNS}")
        returned = function()
    arrays = normalise(name, returned)
    classes = int(arrays.train_labels.max()) + 1
    return dataset_of(
        name,
        arrays,
        digests(arrays),
        classes=classes,
        origin=origin,
        checked="shapes, values and labels; the content is the user's own",
        pixels=pixels(arrays),
        cautions=cautions(name, arrays),
    )


def locate(name: str, search_path: Sequence[str]) -> tuple[str, Path]:
    """Where the function is defined, in words, and the file; nothing is imported.  Raises UserError."""
    code = _code(name, None, search_path)
    try:
        path = code.files()[0].path
    except ValueError as error:
        raise code.fault(str(error)) from None
    return f"{name.partition(':')[2]} in {path}", path


def _code(name: str, source: str | None, search_path: Sequence[str]) -> UserCode:
    code = own_code("data", name, source, search_path)
    assert code is not None, name
    return code
