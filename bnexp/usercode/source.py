"""The file that defines a user's own `module:name`: found, read and hashed, never imported."""

import ast
import hashlib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path


def search(module: str, folders: Sequence[str]) -> ModuleSpec | None:
    """Where a module is, looked for in the folders and then in Python's own path; nothing is imported.

    `importlib.util.find_spec` would run the packages above it.
    """
    path: list[str] | None = [*folders, *sys.path]
    spec = None
    for part in module.split("."):  # by its last name: given the full one, Python wants the parent imported
        spec = PathFinder.find_spec(part, path) if path else None
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


def source_hash(path: Path) -> str:
    """SHA-256 of a module's file, 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_defines(path: Path, name: str) -> None:
    """ValueError where a file is not Python, or defines no such name at its top level."""
    try:
        defined = set(_defined(ast.parse(path.read_bytes()).body))
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else error
        raise ValueError(f"{path} is not Python that this version can read: {said}{where}") from None
    if name not in defined:
        public = sorted(found for found in defined if not found.startswith("_"))
        raise ValueError(f"{path} defines no {name!r} at its top level; it defines: {', '.join(public) or 'nothing'}")


def _defined(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Names that statements bind at the top level of a module."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            yield from _defined(statement.body)
            yield from _defined(getattr(statement, "orelse", []))
            for handler in getattr(statement, "handlers", []):
                yield from _defined(handler.body)
