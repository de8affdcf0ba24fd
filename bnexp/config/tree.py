"""A config as a tree whose every part knows where it was written."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bnexp.config.mistakes import ConfigError, Mark, Mistake, Mistakes, Source

MAX_DEPTH = 32
"""Levels of nesting; a config needs six."""

MAX_NODES = 60_000
"""Values in one config, aliases expanded."""

Path = tuple[str | int, ...]
"""Where a part stands in the tree: `("training", "batch_size")`; numbers count the items of a list."""


class Node(NamedTuple):
    """A scalar, a dict of nodes or a list of nodes, with the places of the value and of the key that leads to it.

    Never changed once built: merging makes new nodes and shares the old ones.
    """

    value: Any
    mark: Mark
    key: Mark | None = None

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)


def plain(node: Node) -> Any:
    """The tree as dicts, lists and scalars."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def from_plain(value: Any, origin: str = "") -> Node:
    """A tree from dicts, lists and scalars, which messages call by `origin` and the dotted path.

    Raises ConfigError at keys that are no text, at values of other kinds, and where it is nested too deeply.
    """
    mistakes = Mistakes()

    def build(value: Any, path: Path) -> Node:
        mark = Mark(Source(".".join(map(str, (origin, *path) if origin else path))))
        if len(path) > MAX_DEPTH:
            raise ConfigError([Mistake(mark, f"nested more than {MAX_DEPTH} levels deep")])
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    mistakes.add(mark, f"a key must be text, not {key!r}")
            items = {key: build(item, (*path, key)) for key, item in value.items() if isinstance(key, str)}
            return Node(items, mark, mark)
        if isinstance(value, list | tuple):
            return Node([build(item, (*path, k)) for k, item in enumerate(value)], mark, mark)
        if value is not None and type(value) not in (str, int, float, bool):
            mistakes.add(mark, f"takes text, numbers, true, false, lists and dicts, not {value!r:.60}")
        return Node(value, mark, mark)

    tree = build(value, ())
    mistakes.check()
    return tree


def get(tree: Node, path: Path) -> Node | None:
    """The node at a path, or None."""
    node: Node | None = tree
    for part in path:
        value = node.value if node else None
        if isinstance(value, list) and isinstance(part, int):
            node = value[part] if part < len(value) else None
        else:
            node = value.get(part) if isinstance(value, dict) else None
    return node


def without(tree: Node, path: Path) -> Node:
    """The tree without what stands at a path (of lists: without the whole list)."""
    if not path or not isinstance(tree.value, dict) or path[0] not in tree.value:
        return tree
    head, *rest = path
    items = dict(tree.value)
    if rest and items[head].is_mapping:
        items[head] = without(items[head], tuple(rest))
    else:
        del items[head]
    return Node(items, tree.mark, tree.key)


def leaves(tree: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every path to something that is not a mapping, with its node."""
    for key, node in tree.value.items():
        if node.is_mapping:
            yield from leaves(node, (*path, key))
        else:
            yield (*path, key), node


def marks(tree: Node) -> Iterator[Mark]:
    """Every place that a part of the tree was written at."""
    yield tree.mark
    if tree.key:
        yield tree.key
    for node in tree.value.values() if tree.is_mapping else tree.value if tree.is_list else ():
        yield from marks(node)
