"""A user's own `module:function` or `module:Class`: its file is found, read and hashed, never imported."""

import ast
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bnexp.usercode.modules import search

_FORM = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")


def digest(name: str, search_path: Sequence[str], form: str) -> str:
    """SHA-256 of the file that defines `module:function`, looked for in the folders, then as Python itself would.

    `form` says how such a name is written.  Raises ValueError where it is written otherwise, where there is no such
    module, or where it defines no such function at its top level.
    """
    if not _FORM.fullmatch(name):
        raise ValueError(f"{form}, not {name!r}")
    module, function = name.split(":")
    path = _find(module, search_path)
    content = path.read_bytes()
    try:
        defined = set(_defined(ast.parse(content).body))
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        raise ValueError(f"{path} is not Python that this version can read: {error.msg}{where}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not Python that this version can read: {error}") from None
    if function not in defined:
        functions = sorted(found for found in defined if not found.startswith("_"))
        raise ValueError(
            f"{path} defines no {function!r} at its top level; it defines: {', '.join(functions) or 'nothing'}"
        )
    return hashlib.sha256(content).hexdigest()


def _find(module: str, search_path: Sequence[str]) -> Path:
    found = search(module, search_path)
    if found and found.origin and found.origin.endswith(".py"):
        return Path(found.origin)
    inner = module.replace(".", "/")
    looked = ", ".join([*search_path, "the installed packages"])
    raise ValueError(f"no module {module!r} ({inner}.py or {inner}/__init__.py) in: {looked}")


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
