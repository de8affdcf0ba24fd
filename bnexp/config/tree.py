"""A config as a tree whose every part knows where it was written, and the rules by which changes are merged into it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bnexp.config.keys import blocks
from bnexp.config.mistakes import ConfigError, Mark, Mistake, Mistakes, Source

MAX_DEPTH = 32
"""Levels of nesting; a config needs six."""

MAX_NODES = 60_000
"""Values in one config, aliases expanded."""

ALTERNATIVES: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    ("training", "steps"): (("training", "epochs"),),
    ("training", "epochs"): (("training", "steps"),),
    ("model", "widths"): (("model", "width"), ("model", "depth")),
    ("model", "width"): (("model", "widths"),),
    ("model", "depth"): (("model", "widths"),),
}
"""Keys that say the same in two ways: a change that sets one takes the others away."""

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

    @property
    def at_key(self) -> Mark:
        """The place of the key, or of the value where no key leads to it."""
        return self.key or self.mark


def keys_of(value: Any) -> Collection[str | int]:
    """The keys of a dict, the positions of a list; none of a scalar."""
    return value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()


def plain(node: Node) -> Any:
    """The tree as dicts, lists and scalars."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def from_plain(value: Any, at: Mark | None = None) -> Node:
    """A tree from dicts, lists and scalars; messages name the dotted path of each part, or the place `at`.

    Raises ConfigError at keys that are no text, at values of other kinds, and where it is nested too deeply.
    """
    mistakes = Mistakes()

    def build(value: Any, path: Path) -> Node:
        mark = at or Mark(Source(".".join(map(str, path))))
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
    for part in path:
        if part not in keys_of(tree.value):
            return None
        tree = tree.value[part]
    return tree


def without(tree: Node, path: Path) -> Node:
    """The tree without what stands at a path (of lists: without the whole list)."""
    if not path or not tree.is_mapping or path[0] not in tree.value:
        return tree
    head, *rest = path
    items = dict(tree.value)
    if rest and items[head].is_mapping:
        items[head] = without(items[head], tuple(rest))
    else:
        del items[head]
    return tree._replace(value=items)


def leaves(change: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every leaf that a change sets, with its path: dotted keys taken apart, the word for a block as its name."""
    for key, node in change.value.items():
        place = (*path, *key.split("."))
        if node.is_mapping:
            yield from leaves(node, place)
        else:
            yield (*place, "name") if place in blocks() and isinstance(node.value, str) else place, node


def marks(tree: Node) -> Iterator[Mark]:
    """Every place that a part of the tree was written at."""
    yield from (tree.mark, tree.at_key)
    for part in keys_of(tree.value):
        yield from marks(tree.value[part])


def changed(base: Node, changes: Iterable[tuple[str, Node]], path: tuple[str, ...] = ()) -> Node:
    """`base`, a mapping that stands at `path`, with changes applied: dotted keys and what they become.

    Mappings merge key by key; a block whose name changes is replaced whole; a dotted key sets one leaf, and takes away
    those that it stands in place of (`ALTERNATIVES`); a word stands for a block of that name; a key that is there twice
    counts twice.  Short keys are applied before longer dotted ones, in whatever order they stand, so that
    `norm.epsilon` beside `norm` is kept.
    """
    given = sorted(changes, key=lambda change: change[0].count("."))
    places = [tuple(key.split(".")) for key, _ in given]
    for place in places:
        for other in ALTERNATIVES.get((*path, *place), ()):
            if other[: len(path)] == path and (below := other[len(path) :]) not in places:
                base = without(base, below)
    for place, (_, new) in zip(places, given, strict=True):
        base = put(base, place, new, path)
    return base


def put(old: Node | None, place: tuple[str, ...], new: Node, path: tuple[str, ...] = ()) -> Node:
    """The tree `old`, which stands at `path`, with `new` merged into a place below it."""
    old = _opened(old, path) if old else None
    if old and not old.is_mapping:
        old = None
    if place:
        children: dict[str, Node] = dict(old.value) if old else {}
        children[place[0]] = put(children.get(place[0]), place[1:], new, (*path, place[0]))
        return (old or new)._replace(value=children)
    new = _opened(new, path)
    if not new.is_mapping:
        return new
    kept = old.value if old and not _renamed(old, new, path) else {}
    return changed(Node(kept, new.mark, new.key), new.value.items(), path)


def _opened(node: Node, path: tuple[str, ...]) -> Node:
    """`layer` as `{name: layer}` where a named block stands; anything else as it is."""
    if path in blocks() and isinstance(node.value, str):
        return node._replace(value={"name": node})
    return node


def _renamed(old: Node, new: Node, path: tuple[str, ...]) -> bool:
    if path not in blocks() or "name" not in new.value:
        return False
    before = old.value["name"].value if "name" in old.value else blocks()[path]
    return bool(before != new.value["name"].value)
