"""The rules by which changes are merged into a config."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from pydantic import BaseModel

from bnexp.config.tree import Node
from bnexp.specs.trial import TrialSpec

Blocks = Mapping[tuple[str, ...], str]
"""The blocks that have a `name`, by path, with the name that each has when none is given."""


@cache
def blocks() -> Blocks:
    """Those of a trial's spec."""
    found: dict[tuple[str, ...], str] = {}

    def visit(value: BaseModel, path: tuple[str, ...]) -> None:
        if "name" in type(value).model_fields:
            found[path] = value.name  # type: ignore[attr-defined]  # it has one: see the line above
        for key in type(value).model_fields:
            if isinstance(below := getattr(value, key), BaseModel):
                visit(below, (*path, key))

    visit(TrialSpec(), ())
    return MappingProxyType(found)


def merge(base: Node, change: Node, named: Blocks | None = None, path: tuple[str, ...] = ()) -> Node:
    """`base` with `change` applied; both are mappings that stand at `path`.

    Mappings merge key by key; a block whose name changes is replaced whole; a dotted key sets one leaf;
    a word stands for a block of that name.  Of one mapping, short keys are applied before longer dotted
    ones, in whatever order they stand, so that `norm.epsilon` beside `norm` is kept.
    """
    return changed(base, change.value.items(), named, path)


def changed(
    base: Node, changes: Iterable[tuple[str, Node]], named: Blocks | None = None, path: tuple[str, ...] = ()
) -> Node:
    """`base` with dotted keys set, merged as those of one mapping; a key that is there twice counts twice."""
    for key, new in sorted(changes, key=lambda item: item[0].count(".")):
        base = put(base, tuple(key.split(".")), new, named, path)
    return base


def put(
    old: Node | None, place: tuple[str, ...], new: Node, named: Blocks | None = None, path: tuple[str, ...] = ()
) -> Node:
    """The tree `old`, which stands at `path`, with `new` merged into a place below it."""
    named = blocks() if named is None else named
    old = _block(old, path, named)
    if place:
        children: dict[str, Node] = dict(old.value) if old and old.is_mapping else {}
        children[place[0]] = put(children.get(place[0]), place[1:], new, named, (*path, place[0]))
        return Node(children, old.mark, old.key) if old and old.is_mapping else Node(children, new.mark, new.key)
    opened = _block(new, path, named)
    if opened is None or not opened.is_mapping:
        return new
    kept = old.value if old and old.is_mapping and not _renamed(old, opened, named.get(path)) else {}
    return merge(Node(kept, new.mark, new.key), opened, named, path)


def _block(node: Node | None, path: tuple[str, ...], named: Blocks) -> Node | None:
    """`layer` as `{name: layer}` where a named block stands; anything else as it is."""
    if node is not None and path in named and isinstance(node.value, str):
        return Node({"name": Node(node.value, node.mark, node.key)}, node.mark, node.key)
    return node


def _renamed(old: Node, new: Node, default: str | None) -> bool:
    if default is None or "name" not in new.value:
        return False
    before = old.value["name"].value if "name" in old.value else default
    return bool(before != new.value["name"].value)
