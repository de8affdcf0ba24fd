"""From axes and entries to the points of an experiment, still as trees: product, zip, include, exclude."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bnexp.config.tree import Node, changed, get, leaves, plain
from bnexp.specs.experiment import MISSING, value_at
from bnexp.specs.trial import TrialSpec
from bnexp.specs.values import equal
from bnexp.specs.wording import label

MAX_POINTS = 100_000

Row = tuple[tuple[str, Node], ...]
"""Values that are set together: one of a grid key, one of each key of a zip."""


class Entry(NamedTuple):
    """Of `include` a point beside the grid; of `exclude` what the points that are left out have in common."""

    variants: tuple[str, ...]
    change: Node
    """Its keys: of `exclude` with a value or a list of values each."""


class Candidate(NamedTuple):
    """A variant at one place, before it is checked."""

    variant: str
    row: Row
    """What the grid or an include sets here."""
    tree: Node
    corner: bool
    """Whether each of its axes stands at its first or last value."""


def candidates(
    variants: Mapping[str, Node], axes: Sequence[Sequence[Row]], includes: Sequence[Entry]
) -> Iterator[Candidate]:
    """Grid-major: all variants at the first combination, then at the next (the last axis turns fastest),
    then the included points in the order of the file."""
    marked = [[(row, k in (0, len(axis) - 1)) for k, row in enumerate(axis)] for axis in axes]
    for combination in itertools.product(*marked):
        row = tuple(pair for part, _ in combination for pair in part)
        corner = all(outer for _, outer in combination)
        for name, tree in variants.items():
            yield Candidate(name, row, changed(tree, row), corner)
    for k, include in enumerate(includes):
        row = tuple(include.change.value.items())
        for name in include.variants:
            if name in variants:
                yield Candidate(name, row, changed(variants[name], row), k in (0, len(includes) - 1))


def excluded(candidate: Candidate, entry: Entry, spec: TrialSpec | None) -> bool:
    """Whether every key of the entry matches; values that the config leaves to a default are those of the spec."""
    return candidate.variant in entry.variants and all(
        _matches(plain(wanted), _value(candidate.tree, path, spec)) for path, wanted in leaves(entry.change)
    )


def _value(tree: Node, path: tuple[str, ...], spec: TrialSpec | None) -> Any:
    if node := get(tree, path):
        return plain(node)
    value = None if spec is None else value_at(spec, path)
    return list(value) if isinstance(value, tuple) else value


def _matches(wanted: Any, value: Any) -> bool:
    several = isinstance(wanted, list) and not isinstance(value, list)
    return value is not MISSING and any(equal(value, one) for one in (wanted if several else [wanted]))


def coordinates(spec: TrialSpec, axis_keys: Sequence[str], row: Row) -> tuple[tuple[str, Any], ...]:
    """Where a point stands: each key of the grid, then those that only its own entry sets, with scalar values.

    Values of single keys are read off the resolved spec, so that a point whose entry is silent has them too.
    """
    written = dict(row)
    found = []
    for key in dict.fromkeys([*axis_keys, *written]):
        value = value_at(spec, key.split("."))
        if value is MISSING:
            continue
        if isinstance(value, tuple | str | int | float) or value is None:
            found.append((key, label(value)))
        elif key in written and written[key].is_mapping:
            found.append((key, label({"name": getattr(value, "name", ""), **plain(written[key])})))
        else:
            found.append((key, getattr(value, "name", None)))
    return tuple(found)
