"""`grid`, `zip`, `include` and `exclude`: which points there are."""

from collections.abc import Iterator, Sequence

from bnexp.config.grid import Entry, Row, equal
from bnexp.config.mistakes import Mark, Mistakes
from bnexp.config.readers.dotted import known_keys, report_repeated
from bnexp.config.tree import Node, plain
from bnexp.specs.wording import described, unknown


def read_axes(grid: Node | None, rows: Node | None, own_norm: bool, mistakes: Mistakes) -> list[list[Row]]:
    """The grid's axes in the order of the file; the rows of `zip` are one more."""
    crossed, together = (known_keys(node, own_norm, mistakes) if node else {} for node in (grid, rows))
    for key, axis in crossed.items():
        values = [plain(item) for item in axis.value]
        for k, item in enumerate(axis.value):
            if any(equal(values[k], earlier) for earlier in values[:k]):
                mistakes.add(item.mark, f"{key} has this value twice")
    for key in [key for key in together if key in crossed]:
        mistakes.add(together.pop(key).at_key, f"{key!r} is a key of `grid` too; keep one of them")
    axes: list[list[Row]] = [[(pair,) for pair in _pairs(key, axis)] for key, axis in crossed.items()]
    if not together:
        return axes
    first, *others = together
    there = len(together[first].value)
    for key in others:
        if (here := len(together[key].value)) != there:
            message = "the lists of `zip` advance together, so they have one length"
            mistakes.add(together[key].mark, f"{message}; {key!r} has {here}, {first!r} has {there}")
    return [*axes, list(zip(*(_pairs(key, axis) for key, axis in together.items()), strict=False))]


def _pairs(key: str, axis: Node) -> list[tuple[str, Node]]:
    """The axis's key with each of its values."""
    return [(key, Node(item.value, item.mark, axis.key)) for item in axis.value]


def read_entries(
    where: str, node: Node | None, variants: Sequence[str], own_norm: bool, mistakes: Mistakes
) -> Iterator[Entry]:
    """Each entry of `include` or `exclude`: the variants that it names, or all, and its other keys."""
    for entry in node.value if node else ():
        chosen = entry.value.get("variant")
        names = tuple(variants) if chosen is None else tuple(_chosen(chosen, variants, mistakes))
        known = known_keys(entry, own_norm, mistakes, "variant")
        change = Node(known, entry.mark)
        report_repeated(change, mistakes)
        if not entry.value:
            mistakes.add(entry.mark, f"an entry of `{where}` is empty; give it keys")
        elif names and len(known) + ("variant" in entry.value) == len(entry.value):
            yield Entry(names, change)


def _chosen(node: Node, variants: Sequence[str], mistakes: Mistakes) -> Iterator[str]:
    for item in node.value if node.is_list else [node]:
        if not isinstance(item.value, str):
            mistakes.add(item.mark, f"variant takes a name or a list of names, not {described(item.value)}")
        elif item.value in variants:
            yield item.value
        elif "" not in variants:
            mistakes.add(item.mark, unknown("variant", item.value, variants))


def report_unused(
    unused: Sequence[Entry], place: Mark, variants: Sequence[str], remaining: set[str], mistakes: Mistakes
) -> None:
    """Report entries of `exclude` that left nothing out, and variants of which they leave nothing."""
    for entry in unused:
        mistakes.add(
            entry.change.mark, "excludes nothing; every key of an entry must match a point, so check its values"
        )
    if not remaining:
        mistakes.add(place, "leaves no point of the experiment")
        return
    for name in variants:
        if name not in remaining:
            mistakes.add(place, f"leaves no point of the variant {name!r}; remove the variant instead")
