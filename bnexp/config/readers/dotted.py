"""Dotted keys, wherever a config changes the spec: which there are, what was meant, and none twice."""

from collections.abc import Sequence

from bnexp.config.keys import FILLED_IN, every_key
from bnexp.config.mistakes import Mistakes
from bnexp.config.tree import Node, leaves
from bnexp.specs.norms.own import is_own
from bnexp.specs.wording import did_you_mean, nearest


def known_keys(changes: Node, own_norm: bool, mistakes: Mistakes, *others: str) -> dict[str, Node]:
    """The keys of a mapping that a config may vary, without `others`; the rest is reported.

    Where the config names a user's `own_norm`, any key of `norm` may be its argument, and each point tells.
    """
    found = {}
    for key, node in changes.value.items():
        if key in every_key() or (own_norm and may_be_argument(key)):
            found[key] = node
        elif key not in others:
            mistakes.add(node.at_key, f"unknown key {key!r}{near(key, others)}")
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
    lines: dict[tuple[str, ...], int] = {}
    for path, node in leaves(change):
        if path in lines:
            where = f"; first on line {lines[path]}" if lines[path] else ""
            mistakes.add(node.at_key, f"duplicate key {'.'.join(path)!r}{where}")
        lines[path] = node.at_key.line
