"""`variants` and `baseline`: the things compared."""

from collections.abc import Sequence

from bnexp.config.keys import blocks
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
    for name, change in node.value.items() if node else ():
        if not name.strip() or not name.isprintable() or len(name) > 64:
            message = f"a variant's name is printable text of 1 to 64 characters, not {name[:80]!r}"
            mistakes.add(change.at_key, message)
            continue
        items = change.value if change.is_mapping else {}
        report_repeated(change._replace(value=items), mistakes)
        for key in [key for key in items if key in HEADER]:
            mistakes.add(items[key].at_key, f"{key!r} belongs to the top of the file, not to a variant")
        found[name] = change._replace(value={key: item for key, item in items.items() if key not in HEADER})
    if node:
        return found or {NONE: Node({}, base.mark)}
    norm = get(base, ("norm", "name"))
    if "norm" not in base.value and not written:
        mistakes.add(base.mark, "has neither `variants` nor a `norm`; add one, as in `variants: {bn: {norm: batch}}`")
    return {str(norm.value) if norm else blocks()["norm",]: Node({}, base.mark)}


def read_baseline(name: str | None, node: Node | None, variants: Sequence[str], mistakes: Mistakes) -> str:
    """The variant that the others are compared with; by default the first."""
    if name is None or node is None:
        return variants[0]
    if name not in variants and NONE not in variants:
        mistakes.add(node.mark, f"baseline: {unknown('variant', name, variants)}")
    return name
