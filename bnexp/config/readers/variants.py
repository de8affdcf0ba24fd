"""`variants` and `baseline`: the things compared."""

from collections.abc import Sequence

from bnexp.config.merge import blocks
from bnexp.config.mistakes import Mistakes
from bnexp.config.readers.dotted import report_repeated
from bnexp.config.readers.header import HEADER
from bnexp.config.tree import Node, get
from bnexp.specs.wording import unknown

NONE = ""
"""The name of the only variant where none could be read; entries may then name any."""


def read_variants(node: Node | None, base: Node, written: bool, mistakes: Mistakes) -> dict[str, Node]:
    """The changes by name; without `variants` the base alone, named after its norm.

    `written` says whether the file has the key, right or wrong.
    """
    found = {}
    for name, given in node.value.items() if node else ():
        mark = given.key or given.mark
        if not name.strip() or not name.isprintable() or len(name) > 64:
            mistakes.add(mark, f"a variant's name is printable text of 1 to 64 characters, not {name[:80]!r}")
            continue
        change = given if given.is_mapping else Node({}, mark, mark)
        report_repeated(change, mistakes)
        found[name] = _without_header_keys(change, mistakes)
    if node:
        return found or {NONE: Node({}, base.mark)}
    norm = get(base, ("norm", "name"))
    if "norm" not in base.value and not written:
        mistakes.add(base.mark, "has neither `variants` nor a `norm`; add one, as in `variants: {bn: {norm: batch}}`")
    return {str(norm.value) if norm else blocks()["norm",]: Node({}, base.mark)}


def _without_header_keys(change: Node, mistakes: Mistakes) -> Node:
    """The change of a variant, without keys that only the top of the file takes."""
    for key, node in change.value.items():
        if key in HEADER:
            mistakes.add(node.key or change.mark, f"{key!r} belongs to the top of the file, not to a variant")
    return Node({key: node for key, node in change.value.items() if key not in HEADER}, change.mark, change.key)


def read_baseline(name: str | None, node: Node | None, variants: Sequence[str], mistakes: Mistakes) -> str:
    """The variant that the others are compared with; by default the first."""
    if name is None or node is None:
        return variants[0]
    if name not in variants and NONE not in variants:
        mistakes.add(node.mark, f"baseline: {unknown('variant', name, variants)}")
    return name
