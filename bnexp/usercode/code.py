"""What a user can bring, one way for every kind: reference, source, import, and errors in the user's terms."""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bnexp.errors import UserError
from bnexp.specs.norms.own import FORM, installed
from bnexp.specs.trial import TrialSpec
from bnexp.specs.wording import a_type, nearest
from bnexp.usercode.importing import importable, its_own
from bnexp.usercode.source import SourceFile, changed, check_defines, digest, source_files

_REFERENCE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True)
class Kind:
    """One kind of what a user can bring."""

    form: str
    """How a reference to it is written."""
    member: str
    """What it is in its module."""
    fault: str
    """What to say first when it fails in use."""
    installed: Callable[[], Mapping[str, str]] = dict
    """Names that installed packages add, each with its reference."""


KINDS = {
    "data": Kind("a dataset of your own is written module:function, as in digits:load", "function", "it failed"),
    "norm": Kind(FORM, "class", "no model can be built with it", installed),
}
"""By the block of a config that names it."""


@dataclass(frozen=True)
class UserCode:
    """A user's own `module:name` in a config."""

    block: str
    name: str
    """As the config writes it: the reference, or a name that an installed package adds."""
    reference: str
    """`module:name`."""
    source: str | None
    """Its files and their hashes when the config was loaded (`source.digest`)."""
    folders: tuple[str, ...]
    """Where the module is looked for before Python's own path."""

    @property
    def kind(self) -> Kind:
        return KINDS[self.block]

    @property
    def module(self) -> str:
        return self.reference.partition(":")[0]

    def files(self) -> list[SourceFile]:
        """What belongs to it, its own file first.

        ValueError where the reference is written otherwise or there is no such module.
        """
        if not _REFERENCE.fullmatch(self.reference):
            raise ValueError(f"{self.kind.form}, not {self.reference!r}")
        if self.module == "__main__":
            raise ValueError(
                f"what a notebook's cell or a script defines is not there in the workers: put the {self.kind.member} "
                "into a file, such as my_module.py (in a notebook by %%writefile my_module.py), and name it my_module:"
                f"{self.reference.partition(':')[2]}"
            )
        return source_files(self.module, self.folders)

    def digest(self) -> str:
        """What to hold against `source`; ValueError as `files`, and where its file does not define it."""
        files = self.files()
        check_defines(files[0], self.reference.partition(":")[2])
        return digest(files)

    def fault(self, message: str) -> UserError:
        """`norm my_norms:MyNorm: ...`."""
        return UserError(f"{self.block} {self.name}: {message}")

    def load(self) -> Any:
        """The thing itself, imported as Python's path stands (within `in_use`).

        Raises UserError where there is none, where the file has changed since the config was loaded, and where the
        import fails.
        """
        name = self.reference.partition(":")[2]
        try:
            files = self.files()
        except ValueError as error:
            raise self.fault(str(error)) from None
        if self.source and (edited := changed(self.source, digest(files))):
            verb = "has" if len(edited) == 1 else "have"
            raise UserError(
                f"{self.block} {self.name}: {', '.join(edited)} {verb} changed since the config was loaded; "
                "start again, so that results are their own"
            )
        try:
            imported = importlib.import_module(self.module)
        except (Exception, SystemExit) as error:
            raise self.fault(f"importing {self.module} failed: {its_own(error)}") from error
        if not hasattr(imported, name):
            near = nearest(name, [key for key, value in vars(imported).items() if callable(value)])
            hint = f"; did you mean {near!r}?" if near else ""
            raise self.fault(f"{files[0].path} has no {self.kind.member} {name!r}{hint}")
        return getattr(imported, name)


def own_code(block: str, name: object, source: str | None, search_path: Sequence[str]) -> UserCode | None:
    """The user's own code that a block's `name` stands for; None for a name of ours."""
    if not isinstance(name, str):
        return None
    if ":" in name:
        return UserCode(block, name, name, source, tuple(search_path))
    reference = KINDS[block].installed().get(name)
    # What an installed package adds is its own module, whatever lies beside the config.
    return UserCode(block, name, reference, source, ()) if reference else None


def code_of(spec: TrialSpec, search_path: Sequence[str]) -> dict[str, UserCode]:
    """All of a user's own code in a spec, by its block."""
    blocks = {block: getattr(spec, block) for block in KINDS}
    found = {
        block: own_code(block, value.name, getattr(value, "source", None), search_path)
        for block, value in blocks.items()
    }
    return {block: code for block, code in found.items() if code}


@contextmanager
def in_use(code: UserCode | None) -> Iterator[None]:
    """While code is called, or a model built with it: its module can be imported, and what goes wrong is its fault.

    Nothing happens without any.
    """
    if code is None:
        yield
        return
    try:
        files = code.files()
    except ValueError as error:
        raise code.fault(str(error)) from None
    with importable(files, code.folders):
        try:
            yield
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            raise code.fault(f"{code.kind.fault}: {its_own(error)}") from error


def described(value: object) -> str:
    """What came instead of what was expected: `the class a.B`, `a list of 3`, `None`, `an int`."""
    if isinstance(value, type):
        return f"the class {value.__module__}.{value.__qualname__}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else a_type(value)
