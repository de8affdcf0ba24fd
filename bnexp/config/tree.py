"""A config as a tree whose every part knows where it was written, and the rules by which changes are merged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bnexp.errors import UserError

MAX_DEPTH = 32
"""Levels of nesting; a config needs six."""

MAX_NODES = 60_000
"""Values in one config, aliases expanded."""

Path = tuple[str | int, ...]
"""Where a part stands in the tree: `("training", "batch_size")`; numbers count the items of a list."""


@dataclass(frozen=True, eq=False)
class Source:
    """A text that a config, or a part of it, came from."""

    name: str
    """How messages call it: the file as the user named it, `--set a=b`, or a place in a Python mapping."""
    lines: tuple[str, ...] = ()


class Mark(NamedTuple):
    """A place in a source."""

    source: Source
    line: int = 0
    """From 1; 0 if the source has no lines."""
    column: int = 0
    """From 1."""
    width: int = 1
    """Characters, on that line."""


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


class Mistake(NamedTuple):
    """What is wrong, and where."""

    mark: Mark
    message: str

    def __str__(self) -> str:
        source, line, column, width = self.mark
        if not line:
            return f"{source.name}: {self.message}" if source.name else self.message
        where = f"{source.name}:{line}:{column}: {self.message}"
        return f"{where}\n{_snippet(source.lines[line - 1], line, column, width)}" if source.lines else where


class ConfigError(UserError):
    """All mistakes of one or more configs, sorted by their place."""

    SHOWN = 30

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(dict.fromkeys(mistakes))
        shown = [str(mistake) for mistake in self.mistakes[: self.SHOWN]]
        if more := len(self.mistakes) - self.SHOWN:
            shown += [f"... and {more} more"] if more > 0 else []
        super().__init__("\n".join(shown))


def in_order(mistakes: list[Mistake]) -> list[Mistake]:
    """The mistakes of one config by line and column; those without a line last, as they were found."""
    return sorted(mistakes, key=lambda mistake: (mistake.mark.line or 10**9, mistake.mark.column))


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
    mistakes: list[Mistake] = []

    def build(value: Any, path: Path) -> Node:
        mark = Mark(Source(".".join(map(str, (origin, *path) if origin else path))))
        if len(path) > MAX_DEPTH:
            raise ConfigError([Mistake(mark, f"nested more than {MAX_DEPTH} levels deep")])
        if isinstance(value, Mapping):
            wrong = [key for key in value if not isinstance(key, str)]
            mistakes.extend(Mistake(mark, f"a key must be text, not {key!r}") for key in wrong)
            items = {key: build(item, (*path, key)) for key, item in value.items() if isinstance(key, str)}
            return Node(items, mark, mark)
        if isinstance(value, list | tuple):
            return Node([build(item, (*path, k)) for k, item in enumerate(value)], mark, mark)
        if value is not None and type(value) not in (str, int, float, bool):
            mistakes.append(Mistake(mark, f"takes text, numbers, true, false, lists and dicts, not {value!r:.60}"))
        return Node(value, mark, mark)

    tree = build(value, ())
    if mistakes:
        raise ConfigError(mistakes)
    return tree


Blocks = Mapping[tuple[str, ...], str]
"""The blocks that have a `name`, by path, with the name that each has when none is given."""


def merge(base: Node, change: Node, blocks: Blocks, path: tuple[str, ...] = ()) -> Node:
    """`base` with `change` applied; both are mappings that stand at `path`.

    Mappings merge key by key; a block whose name changes is replaced whole; a dotted key sets one leaf;
    a word stands for a block of that name.  Of one mapping, short keys are applied before longer dotted
    ones, in whatever order they stand, so that `norm.epsilon` beside `norm` is kept.
    """
    result = base
    for key, new in sorted(change.value.items(), key=lambda item: item[0].count(".")):
        result = put(result, tuple(key.split(".")), new, blocks, path)
    return result


def put(old: Node | None, way: tuple[str, ...], new: Node, blocks: Blocks, path: tuple[str, ...] = ()) -> Node:
    """The tree `old`, which stands at `path`, with `new` merged into the place that `way` leads to."""
    if not way:
        return _combined(old, new, blocks, path)
    old = _block(old, path, blocks)
    children: dict[str, Node] = dict(old.value) if old and old.is_mapping else {}
    children[way[0]] = put(children.get(way[0]), way[1:], new, blocks, (*path, way[0]))
    return Node(children, old.mark, old.key) if old and old.is_mapping else Node(children, new.mark, new.key)


def _combined(old: Node | None, new: Node, blocks: Blocks, path: tuple[str, ...]) -> Node:
    opened = _block(new, path, blocks)
    if opened is None or not opened.is_mapping:
        return new
    old = _block(old, path, blocks)
    if old is None or not old.is_mapping or _renamed(old, opened, blocks.get(path)):
        old = Node({}, new.mark)
    return merge(Node(old.value, new.mark, new.key), opened, blocks, path)


def _block(node: Node | None, path: tuple[str, ...], blocks: Blocks) -> Node | None:
    """`layer` as `{name: layer}` where a named block stands; anything else as it is."""
    if node is not None and path in blocks and isinstance(node.value, str):
        return Node({"name": Node(node.value, node.mark, node.key)}, node.mark, node.key)
    return node


def _renamed(old: Node, new: Node, default: str | None) -> bool:
    if default is None or "name" not in new.value:
        return False
    before = old.value["name"].value if "name" in old.value else default
    return bool(before != new.value["name"].value)


def get(tree: Node, path: Path) -> Node | None:
    """The node at a path, or None."""
    node: Node | None = tree
    for part in path:
        if node is None:
            return None
        if isinstance(node.value, dict) and isinstance(part, str):
            node = node.value.get(part)
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return None
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


def _snippet(text: str, line: int, column: int, width: int) -> str:
    """The line with a caret under the place, cut where it is long."""
    text = "".join(character if character.isprintable() else " " for character in text)
    start = max(0, column - 1 - 60) if len(text) > 120 else 0
    shown = ("…" if start else "") + text[start : start + 120] + ("…" if len(text) > start + 120 else "")
    place = column - 1 - start + (1 if start else 0)
    carets = "^" * max(1, min(width, len(shown) - place))
    return f"{line:6} | {shown.rstrip()}\n{'':6} | {' ' * place}{carets}"
