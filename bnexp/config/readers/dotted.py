"""Dotted keys, wherever a config changes the spec: which there are, what was meant, and none twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bnexp.config.keys import FILLED_IN, every_key
from bnexp.config.merge import blocks
from bnexp.config.mistakes import Mistakes
from bnexp.config.tree import Node
from bnexp.specs.norms.own import is_own
from bnexp.specs.wording import did_you_mean, nearest


@dataclass(frozen=True)
class KnownKeys:
    """The keys that a config may vary."""

    own_norm: bool
    """Whether it names a user's own layer: then any key of `norm` may be its argument, and each point tells."""

    def known(self, changes: Node, mistakes: Mistakes, *others: str) -> dict[str, Node]:
        """The known keys of a mapping, without `others`; the rest is reported."""
        found = {}
        for key, node in changes.value.items():
            if key in every_key() or (self.own_norm and may_be_argument(key)):
                found[key] = node
            elif key not in others:
                mistakes.add(node.key or node.mark, f"unknown key {key!r}{near(key, others)}")
        return found


def may_be_argument(key: str) -> bool:
    """Whether a dotted key could be an argument of a user's own layer."""
    return key.startswith("norm.") and key.count(".") == 1 and key not in FILLED_IN


def names_own_norm(node: Node, place: str = "") -> bool:
    """Whether a layer of the user's own is written at a `norm`, anywhere in a tree that stands at a place."""
    if node.is_mapping:
        return any(names_own_norm(item, f"{place}.{key}") for key, item in node.value.items())
    if node.is_list:
        return any(names_own_norm(item, place) for item in node.value)
    return f".{place}".endswith((".norm", ".norm.name")) and is_own(node.value)


def near(key: str, also: Sequence[str] = ()) -> str:
    """The nearest of all dotted keys, or the one whose last part is nearest, or what there is at the top."""
    known = every_key()
    if found := nearest(key, [*also, *known]):
        return f"; did you mean {found!r}?"
    last = {dotted.rpartition(".")[2]: dotted for dotted in reversed(known)}
    if found := nearest(key.rpartition(".")[2], last):
        return f"; did you mean {last[found]!r}?"
    block = [dotted for dotted in known if dotted.startswith(key.partition(".")[0] + ".")]
    return did_you_mean(key, block or [*also, *(dotted for dotted in known if "." not in dotted)])


def report_repeated(change: Node, mistakes: Mistakes) -> None:
    """Report a key that is given both dotted and in its block."""
    seen: dict[tuple[str, ...], Node] = {}
    for path, node in _leaves(change):
        if path in seen:
            first = (seen[path].key or seen[path].mark).line
            where = f"; first on line {first}" if first else ""
            mistakes.add(node.key or node.mark, f"duplicate key {'.'.join(path)!r}{where}")
        seen[path] = node


def _leaves(change: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every leaf that a change sets, dotted keys taken apart."""
    for key, node in change.value.items():
        place = (*path, *key.split("."))
        if node.is_mapping:
            yield from _leaves(node, place)
        else:
            yield (*place, "name") if place in blocks() and isinstance(node.value, str) else place, node
