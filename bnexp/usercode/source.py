"""The files that make a user's own `module:name`: found, read and hashed, never imported.

To a result belongs all the code that made it: the module itself, the packages around it, and every module of the
user's that one of them imports, wherever the import statement stands.  Each file is known by its syntax tree, so that a
comment or a line break changes nothing.
"""

import ast
import hashlib
import importlib
import site
import symtable
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import decode_source
from pathlib import Path

import bnexp

_BY_VERSION = ("bnexp", "tensorflow", "keras", "numpy")
"""Packages whose version stands in every record; of these only the named file is hashed."""


@dataclass(frozen=True)
class SourceFile:
    """A module's file as it was read."""

    module: str
    path: Path
    content: bytes

    @property
    def is_package(self) -> bool:
        """Whether it is a package's `__init__`."""
        return self.path.stem == "__init__"

    @property
    def name(self) -> str:
        """From the folder in which its top-level module lies, such as `layers/mine.py`."""
        inner = self.module.replace(".", "/")
        return f"{inner}/{self.path.name}" if self.is_package else f"{inner}{self.path.suffix}"

    def parsed(self) -> ast.Module | None:
        """Its syntax tree; None where it is not Python that this version can read."""
        try:
            return ast.parse(self.content)
        except (SyntaxError, ValueError, RecursionError):
            return None

    def digest(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of its syntax tree, or of the file where there is none."""
        tree = self.parsed()
        content = self.content if tree is None else _plain(tree).encode()
        return hashlib.sha256(content).hexdigest()[:16]


def search(module: str, folders: Sequence[str]) -> ModuleSpec | None:
    """Where a module is, looked for in the folders and then as Python does; nothing is imported.

    `importlib.util.find_spec` would run the packages above it.
    """
    path: list[str] | None = [*folders, *sys.path]
    spec = None
    for part in module.split("."):  # by its last name: given the full one, Python wants the parent imported
        inner = spec is not None
        spec = PathFinder.find_spec(part, path) if path else None
        if spec is None and not inner:
            # An editable installation may be known to a finder of its own.
            finders = [finder for finder in sys.meta_path if "editable" in getattr(finder, "__module__", "")]
            spec = next(filter(None, (finder.find_spec(part, None) for finder in finders)), None)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations) if spec.submodule_search_locations else None
    return spec


def find(module: str, folders: Sequence[str]) -> Path:
    """The file of a module; ValueError where there is none in Python."""
    found = search(module, folders)
    if found and found.origin and found.origin.endswith(".py"):
        return Path(found.origin)
    inner = module.replace(".", "/")
    looked = ", ".join([*folders, "the installed packages"])
    raise ValueError(f"no module {module!r} ({inner}.py or {inner}/__init__.py) in: {looked}")


def source_files(module: str, folders: Sequence[str]) -> list[SourceFile]:
    """The module's own file, and all that belongs to a result of it: the module first, then by module name.

    Modules are followed where they are not installed.  ValueError where there is no such module.
    """
    importlib.invalidate_caches()
    path = find(module, folders)
    first = SourceFile(module, path, path.read_bytes())
    others = {} if is_installed(path) else _followed(first, folders)
    return [first, *(others[name] for name in sorted(others))]


def _followed(first: SourceFile, folders: Sequence[str]) -> dict[str, SourceFile]:
    """The user's modules that one of his imports, directly or not, and the packages around them."""
    found: dict[str, SourceFile] = {}
    waiting, seen = [*_parents(first.module), *_imported(first)], {first.module}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        spec = search(name, folders)
        path = Path(spec.origin) if spec and spec.has_location and spec.origin else None
        if path and path.is_file() and not is_installed(path):
            found[name] = SourceFile(name, path, path.read_bytes())
            waiting += _imported(found[name])
    return found


def digest(files: Sequence[SourceFile]) -> str:
    """What a config's `source` holds: `my_norms.py 0f3a…, helper.py 99c1…`, 16 hexadecimal digits each.

    Of an installed package it is one number for all of its files: `their_package 0f3a…`.
    """
    if files and is_installed(files[0].path) and (root := _package(files[0])):
        return f"{root.name} {_of_all(root)}"
    return ", ".join(f"{each.name} {each.digest()}" for each in files)


def changed(earlier: str, now: str) -> list[str]:
    """The names of files that two digests do not have alike, those of `now` first."""
    mine, twin = (dict(part.rpartition(" ")[::2] for part in text.split(", ")) for text in (now, earlier))
    return [name for name in {**mine, **twin} if name and mine.get(name) != twin.get(name)]


def check_defines(file: SourceFile, name: str) -> None:
    """ValueError where a file is not Python, or binds no such name at its top level."""
    try:
        top = symtable.symtable(decode_source(file.content), str(file.path), "exec")
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else error
        raise ValueError(f"{file.path} is not Python that this version can read: {said}{where}") from None
    bound = {each.get_name() for each in top.get_symbols() if each.is_assigned() or each.is_imported()}
    if name not in bound:
        public = sorted(found for found in bound if not found.startswith("_"))
        raise ValueError(
            f"{file.path} defines no {name!r} at its top level; it defines: {', '.join(public) or 'nothing'}"
        )


def _imported(file: SourceFile) -> Iterator[str]:
    """Full names of what a file's import statements may import: modules, and names that may be modules."""
    tree = file.parsed()
    package = file.module if file.is_package else file.module.rpartition(".")[0]
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -(node.level - 1) or None] if node.level else []
            base = ".".join(filter(None, [*above, node.module]))
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
        else:
            continue
        for name in names:
            yield from [*_parents(name), name]


def _parents(module: str) -> list[str]:
    """The packages around a module, the outermost first."""
    parts = module.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _package(file: SourceFile) -> Path | None:
    """The folder of the installed package that a file belongs to; None for a single file, and where records have it."""
    top, *inner = file.module.split(".")
    if top in _BY_VERSION or not (inner or file.is_package):
        return None
    return file.path.parents[len(inner) - (not file.is_package)]


@cache
def _of_all(root: Path) -> str:
    """16 hexadecimal digits for the bytes of all code below a folder; once, as an installed package does not change."""
    found = hashlib.sha256()
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.so")]):
        found.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def is_installed(path: Path) -> bool:
    """Whether a file comes with Python, with bnexp, or with a package that was installed, not with the user's work."""
    path = path.resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    return any(path.is_relative_to(folder) for folder in (Path(bnexp.__file__).resolve().parent, *_library_folders()))


@cache
def _library_folders() -> tuple[Path, ...]:
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return tuple(Path(path).resolve() for path in [*paths, *site.getsitepackages(), site.getusersitepackages()])


def _plain(value: object) -> str:
    """A syntax tree as text, without positions; the same in every version of Python (`ast.dump` is not)."""
    if isinstance(value, ast.AST):
        fields = ((name, getattr(value, name, None)) for name in value._fields if name not in ("kind", "type_comment"))
        given = [f"{name}={_plain(field)}" for name, field in fields if field is not None and field != []]
        return f"{type(value).__name__}({', '.join(given)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return repr(value)
