"""The configs that come with bnexp: in an installed package beside its modules, in a checkout beside the package."""

from pathlib import Path

import bnexp
from bnexp.errors import UserError


def folder() -> Path:
    """Where the shipped configs are."""
    package = Path(bnexp.__file__).parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def names() -> list[str]:
    """Names of the shipped configs, such as `mnist` or `methods/cnn`, sorted."""
    root = folder()
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.yaml"))


def text(name: str) -> str:
    """A shipped config, word for word; raises UserError for a name that is none."""
    if name not in names():
        raise UserError(f"no shipped config is named {name!r}; there are: {', '.join(names())}")
    return (folder() / f"{name}.yaml").read_text(encoding="utf-8")
