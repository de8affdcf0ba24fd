"""`include` and `exclude`: points beside the grid, and points that are left out."""

from collections.abc import Iterator, Sequence

from bnexp.config.grid import Exclude, Include
from bnexp.config.merge import merge
from bnexp.config.mistakes import Mark, Mistakes
from bnexp.config.readers.dotted import KnownKeys, report_repeated
from bnexp.config.tree import Node, leaves, plain
from bnexp.specs.wording import described, unknown


def read_includes(node: Node | None, variants: Sequence[str], keys: KnownKeys, mistakes: Mistakes) -> list[Include]:
    """The points beside the grid."""
    found = _entries("include", node, variants, keys, mistakes)
    return [Include(names, tuple(change.value.items())) for names, change in found]


def read_excludes(node: Node | None, variants: Sequence[str], keys: KnownKeys, mistakes: Mistakes) -> list[Exclude]:
    """What is left out."""
    found = []
    for names, change in _entries("exclude", node, variants, keys, mistakes):
        tree = merge(Node({}, change.mark), change)
        found.append(Exclude(names, tuple((path, plain(leaf)) for path, leaf in leaves(tree)), change.mark))
    return found


def _entries(
    where: str, node: Node | None, variants: Sequence[str], keys: KnownKeys, mistakes: Mistakes
) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Each entry: the variants that it names, or all, and its other keys."""
    for entry in node.value if node else ():
        chosen = entry.value.get("variant")
        names = tuple(variants) if chosen is None else tuple(_chosen(chosen, variants, mistakes))
        known = keys.known(entry, mistakes, "variant")
        change = Node(known, entry.mark)
        report_repeated(change, mistakes)
        if not entry.value:
            mistakes.add(entry.mark, f"an entry of `{where}` is empty; give it keys")
        elif names and len(known) + ("variant" in entry.value) == len(entry.value):
            yield names, change


def _chosen(node: Node, variants: Sequence[str], mistakes: Mistakes) -> Iterator[str]:
    for item in node.value if node.is_list else [node]:
        if not isinstance(item.value, str):
            mistakes.add(item.mark, f"variant takes a name or a list of names, not {described(item.value)}")
        elif item.value in variants:
            yield item.value
        elif "" not in variants:
            mistakes.add(item.mark, unknown("variant", item.value, variants))


def report_unused(
    unused: Sequence[Exclude], place: Mark, variants: Sequence[str], remaining: set[str], mistakes: Mistakes
) -> None:
    """Report entries of `exclude` that left nothing out, and variants of which they leave nothing."""
    for entry in unused:
        mistakes.add(entry.mark, "excludes nothing; every key of an entry must match a point, so check its values")
    if not remaining:
        mistakes.add(place, "leaves no point of the experiment")
        return
    for name in variants:
        if name not in remaining:
            mistakes.add(place, f"leaves no point of the variant {name!r}; remove the variant instead")
