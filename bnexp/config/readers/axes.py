"""`grid` and `zip`: dotted keys with lists of values."""

from bnexp.config.grid import Row, equal
from bnexp.config.mistakes import Mistakes
from bnexp.config.readers.dotted import KnownKeys
from bnexp.config.tree import Node, plain


def read_axes(grid: Node | None, rows: Node | None, keys: KnownKeys, mistakes: Mistakes) -> list[list[Row]]:
    """The grid's axes in the order of the file; the rows of `zip` are one more."""
    crossed = keys.known(grid, mistakes) if grid else {}
    for key, node in crossed.items():
        _report_equal(key, node, mistakes)
    together = keys.known(rows, mistakes) if rows else {}
    for key in [key for key in together if key in crossed]:
        mistakes.add(together[key].key or together[key].mark, f"{key!r} is a key of `grid` too; keep one of them")
        del together[key]
    axes: list[list[Row]] = [[(pair,) for pair in _pairs(key, node)] for key, node in crossed.items()]
    if not together:
        return axes
    first, *others = together
    there = len(together[first].value)
    for key in others:
        if (here := len(together[key].value)) != there:
            message = "the lists of `zip` advance together, so they have one length"
            mistakes.add(together[key].mark, f"{message}; {key!r} has {here}, {first!r} has {there}")
    return [*axes, list(zip(*(_pairs(key, node) for key, node in together.items()), strict=False))]


def _pairs(key: str, axis: Node) -> list[tuple[str, Node]]:
    """The axis's key with each of its values."""
    return [(key, Node(item.value, item.mark, axis.key)) for item in axis.value]


def _report_equal(key: str, axis: Node, mistakes: Mistakes) -> None:
    values = [plain(item) for item in axis.value]
    for k, item in enumerate(axis.value):
        if any(equal(values[k], earlier) for earlier in values[:k]):
            mistakes.add(item.mark, f"{key} has this value twice")
