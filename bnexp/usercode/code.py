"""What a user can bring, one way for every kind: reference, source, import, and errors in the user's terms."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bnexp.errors import UserError
from bnexp.specs import model, optimizer
from bnexp.specs.experiment import value_at
from bnexp.specs.norms import own as norms
from bnexp.specs.trial import TrialSpec
from bnexp.specs.wording import a_type, did_you_mean, nearest
from bnexp.usercode.importing import importable, its_own, places
from bnexp.usercode.source import SourceFile, changed, check_defines, digest, source_files

_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
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
    noun: str
    """What it gives."""
    installed: Callable[[], Mapping[str, str]] = dict
    """Names that installed packages add, each with its reference."""


KINDS = {
    "data": Kind(
        "a dataset of your own is written module:function, as in digits:load", "function", "it failed", "dataset"
    ),
    "model": Kind(model.FORM, "function", "its model cannot be trained", "model"),
    "norm": Kind(norms.FORM, "class", "no model can be built with it", "layer", norms.installed),
    "training.optimizer": Kind(optimizer.FORM, "class", "it cannot train the model", "optimizer"),
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

    def make(self, base: type, inherited: Iterable[str], arguments: Mapping[str, Any], **further: Any) -> Any:
        """A new object of the class, which derives from `base`, by arguments of the config and `further` ones.

        `inherited` are the arguments that every class of `base` hands on to it.

        Raises UserError where there is no such module or class, where it fails, or where it takes other arguments.
        """
        cls = self.load()
        if not (isinstance(cls, type) and issubclass(cls, base)):
            kind = "keras.layers.Layer" if base.__name__ == "Layer" else f"keras.optimizers.{base.__name__}"
            raise self.fault(f"must be a class derived from {kind}, and is {described(cls)}")
        self._check_arguments(cls, base, list(inherited), arguments, further)
        try:
            return cls(**arguments, **further)
        except Exception as error:
            raise self.fault(f"making the {base.__name__.lower()} failed: {its_own(error)}") from error

    def _check_arguments(
        self, cls: type, base: type, inherited: list[str], arguments: Mapping[str, Any], further: Mapping[str, Any]
    ) -> None:
        """Keyword arguments are named in `__init__`, of the class or of one that it derives from."""
        own = [one for one in cls.__mro__ if issubclass(one, base) and one is not base]
        known: list[str] = []
        defaults: dict[str, object] = {}
        for init in [vars(one)["__init__"] for one in own if "__init__" in vars(one)]:
            found = inspect.signature(init).parameters.values()
            known += [p.name for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)][1:]
            defaults = {p.name: p.default for p in found} | defaults
            if not any(p.kind is p.VAR_KEYWORD for p in found):
                break  # what stands above gets nothing from here
        else:
            known += inherited
        takes = [key for key in dict.fromkeys(known) if key not in ("name", "trainable", "dtype")]
        if wrong := [key for key in arguments if key not in known]:
            raise self._unknown_argument(wrong[0], takes)
        self._check_switches(arguments, defaults)
        if further.keys() - set(known):
            raise self.fault(
                "must take the layer's name and hand it on, as in "
                f"`def __init__(self, {', '.join([*takes, '**kwargs'])}): super().__init__(**kwargs)`"
            )

    def function(self, given: Sequence[str], arguments: Mapping[str, Any]) -> Callable[..., Any]:
        """The function itself, which takes those `given` by position, and `arguments` of the config by keyword.

        Raises UserError where there is no such function, or where it takes others.
        """
        found: Callable[..., Any] = self.load()
        form = f"def {self.reference.partition(':')[2]}({', '.join(given)}, ...)"
        if isinstance(found, type) or not callable(found):
            raise self.fault(f"must be a function, `{form}`, and is {described(found)}")
        parameters = list(inspect.signature(found).parameters.values())
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if len(positional) < len(given) and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            raise self.fault(f"takes {len(positional)} arguments by position; write it as `{form}`")
        rest = [p for p in parameters if p not in positional[: len(given)] and p.kind in (*_BY_KEYWORD, p.VAR_KEYWORD)]
        takes = [p.name for p in rest if p.kind in _BY_KEYWORD]
        wrong = [key for key in arguments if key not in takes]
        if wrong and len(takes) == len(rest):
            raise self._unknown_argument(wrong[0], takes)
        for p in rest:
            if p.kind in _BY_KEYWORD and p.default is p.empty and p.name not in arguments:
                raise self.fault(f"lacks its argument {p.name!r}; give it in the config, or a default in the function")
        self._check_switches(arguments, {p.name: p.default for p in rest})
        return found

    def _unknown_argument(self, key: str, takes: Sequence[str]) -> UserError:
        return self.fault(f"has no argument {key!r}{did_you_mean(key, takes) if takes else '; it takes none'}")

    def _check_switches(self, arguments: Mapping[str, Any], defaults: Mapping[str, object]) -> None:
        words = {"yes", "no", "on", "off", "y", "n", "true", "false"}
        for key, value in arguments.items():
            if isinstance(defaults.get(key), bool) and str(value).lower() in words and not isinstance(value, bool):
                raise self.fault(f"{key} is true or false, and {value!r} is a text, which would count as true")


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
    blocks = {block: value_at(spec, block.split(".")) for block in KINDS}
    found = {
        block: own_code(block, value.name, getattr(value, "source", None), search_path)
        for block, value in blocks.items()
    }
    return {block: code for block, code in found.items() if code}


@contextmanager
def in_use(*codes: UserCode) -> Iterator[None]:
    """While code is called, or a model built with it: its module can be imported, and what goes wrong is its fault.

    Nothing happens without any; of several it is that of the one whose lines led there, else of the last.
    """
    if not codes:
        yield
        return
    files: dict[UserCode, list[SourceFile]] = {}
    for code in codes:
        try:
            files[code] = code.files()
        except ValueError as error:
            raise code.fault(str(error)) from None
    folders = dict.fromkeys(folder for code in codes for folder in code.folders)
    with importable([each for found in files.values() for each in found], [*folders]):
        try:
            yield
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            owners = {each.path: code for code in reversed(codes) for each in files[code]}
            code = next((owners[place] for place in reversed(places(error)) if place in owners), codes[-1])
            raise code.fault(f"{code.kind.fault}: {its_own(error)}") from error


def described(value: object) -> str:
    """What came instead of what was expected: `the class a.B`, `a list of 3`, `None`, `an int`."""
    if isinstance(value, type):
        return f"the class {value.__module__}.{value.__qualname__}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else a_type(value)
