"""From what a user types to pairs of sides: two variants of an experiment, or the same ones in two results folders."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bnexp.errors import UserError
from bnexp.evidence.confounds import Mode
from bnexp.evidence.side import Side, place
from bnexp.records.find import plans
from bnexp.records.plan import StoredPlan, StoredPoint
from bnexp.records.store import Store
from bnexp.specs.wording import did_you_mean, listed, ranges


@dataclass(frozen=True)
class Matched:
    """Two sides at one place of the grid."""

    experiment: str
    variant: str
    """That both sides have; empty where it is what is compared."""
    one: Side
    other: Side
    sequential: bool = False
    """Whether seeds were added to either until all was decided, so that only a sequential rule holds."""

    @property
    def label(self) -> str:
        """What is compared here, without the names of the sides: `mnist`, `mnist mine`."""
        return f"{self.experiment} {self.variant}".strip()


@dataclass(frozen=True)
class Sides:
    """All places at which the two sides can be compared."""

    mode: Mode
    matched: tuple[Matched, ...]
    unmatched: tuple[str, ...]
    """What one side alone has."""


def is_results(text: str) -> bool:
    """Whether a word names a results folder, one in which an experiment is stored."""
    return any(Path(text).glob("experiments/*.json"))


def resolve(
    one: str, other: str, *, results: Path, experiment: str | None, seeds: frozenset[int] | None, only: Sequence[str]
) -> Sides:
    """The sides that two words mean: results folders where both are, else variants of an experiment in `results`.

    `only` holds patterns such as `bn*`, `variant=bn*` or `batch_size=16`.  Raises UserError where a word means nothing,
    or nothing can be matched.
    """
    wanted = [experiment] if experiment else None
    folders = [word for word in (one, other) if is_results(word)]
    if len(folders) == 1:
        pair = f"{folders[0]} is a results folder and {other if folders == [one] else one} is none"
        raise UserError(f"{pair}; compare two results folders, or two variants")
    sides = _versions(one, other, wanted, seeds) if folders else _variants(one, other, Store(results), wanted, seeds)
    chosen = tuple(each for each in sides.matched if all(_matches(each, pattern) for pattern in only))
    if not chosen:
        names = listed(f"{each.label}{at(each.one.coordinates)}" for each in sides.matched)
        raise UserError(f"--only {' '.join(only)}: matches nothing; there is {names}")
    return replace(sides, matched=chosen)


def _variants(one: str, other: str, store: Store, wanted: Sequence[str] | None, seeds: frozenset[int] | None) -> Sides:
    if one == other:
        raise UserError(f"{one} is compared with itself; name two variants, or two results folders")
    stored = plans(store, wanted)
    having = [plan for plan in stored if one in plan.variants and other in plan.variants]
    if not having:
        raise UserError(_no_variants(one, other, store, stored))
    if len(having) > 1:
        names = listed(plan.name for plan in having)
        raise UserError(f"{one} and {other} are variants of several experiments, {names}; choose with --experiment")
    (plan,) = having
    _check_seeds(seeds, plan.seeds)
    points = {
        word: {(plan.name, "", place(point.coordinates)): point for point in plan.points if point.variant == word}
        for word in (one, other)
    }
    sequential = {plan.name} if plan.looks is not None else set()
    sides = _joined("variants", points, {one: store, other: store}, seeds, sequential)
    if not sides.matched:
        raise UserError(f"{plan.name}: {one} and {other} share no place of the grid, so that there is nothing to pair")
    return sides


def _no_variants(one: str, other: str, store: Store, stored: Sequence[StoredPlan]) -> str:
    known = list(dict.fromkeys(variant for plan in stored for variant in plan.variants))
    strange = [word for word in (one, other) if word not in known]
    for word in strange:
        if Path(word).is_dir():
            return f"{word}: no experiment is stored in this folder; `bnexp run CONFIG --results {word}` stores some"
    if strange:
        return f"{store.root}: no variant is named {strange[0]!r}{did_you_mean(strange[0], known)}"
    return f"{store.root}: {one} and {other} are variants of different experiments; their trials are no pairs"


def _versions(one: str, other: str, wanted: Sequence[str] | None, seeds: frozenset[int] | None) -> Sides:
    if Path(one).resolve() == Path(other).resolve():
        raise UserError(f"{one} is compared with itself; name two results folders")
    stores = {word: Store(Path(word)) for word in (one, other)}
    found = {word: {plan.name: plan for plan in plans(store, wanted)} for word, store in stores.items()}
    shared = [name for name in found[one] if name in found[other]]
    if not shared:
        raise UserError(
            f"{one} and {other} share no experiment: {one} has {listed(found[one])}, {other} has {listed(found[other])}"
        )
    _check_seeds(seeds, (seed for name in shared for word in found for seed in found[word][name].seeds))
    points = {
        word: {(name, p.variant, place(p.coordinates)): p for name in shared for p in found[word][name].points}
        for word in found
    }
    sequential = {name for name in shared if any(found[word][name].looks is not None for word in found)}
    sides = _joined("versions", points, stores, seeds, sequential)
    lonely = ((word, name) for word in found for name in found[word] if name not in shared)
    unmatched = (*(f"{word}: only there is the experiment {name}" for word, name in lonely), *sides.unmatched)
    if not sides.matched:
        raise UserError(f"{one} and {other} share no variant at the same place of a grid; {'; '.join(unmatched)}")
    return replace(sides, unmatched=unmatched)


Key = tuple[str, str, str]
"""Experiment, variant where it is not what is compared, and place: what has the same is compared."""


def _joined(
    mode: Mode,
    points: Mapping[str, Mapping[Key, StoredPoint]],
    stores: Mapping[str, Store],
    seeds: frozenset[int] | None,
    sequential: Collection[str],
) -> Sides:
    """What two words mean at the same keys, and what one alone has."""

    def side(word: str, point: StoredPoint) -> Side:
        planned = [(seed, folder) for seed, folder in sorted(point.trials.items()) if seeds is None or seed in seeds]
        records = {seed: stores[word].read_folder(folder) for seed, folder in planned}
        return Side(word, point.spec, records, point.coordinates)

    one, other = points
    matched = tuple(
        Matched(key[0], key[1], side(one, point), side(other, points[other][key]), key[0] in sequential)
        for key, point in points[one].items()
        if key in points[other]
    )
    unmatched = tuple(
        f"{name}: {word}{at(point.coordinates)} has no {twin} beside it"
        if mode == "variants"
        else f"{word}: only there is {name} {variant}{at(point.coordinates)}"
        for word, twin in ((one, other), (other, one))
        for (name, variant, where), point in points[word].items()
        if (name, variant, where) not in points[twin]
    )
    return Sides(mode, matched, unmatched)


def _check_seeds(seeds: frozenset[int] | None, planned: Iterable[int]) -> None:
    known = set(planned)
    if seeds is not None and (strange := sorted(seeds - known)):
        raise UserError(f"--seeds: {listed(strange[:10])} not among the planned seeds, {ranges(known)}")


def _matches(each: Matched, pattern: str) -> bool:
    """Whether a pattern of `--only` means this one; UserError for a key that no side has."""
    key, equals, wanted = pattern.partition("=")
    if not equals or key == "variant":
        wanted = wanted if equals else pattern
        names = [each.variant] if each.variant else [each.one.name, each.other.name]
        return any(fnmatchcase(name, wanted) for name in names)
    found = [value for name, value in each.one.coordinates.items() if key in (name, name.rpartition(".")[2])]
    if not found:
        known = ["variant", *each.one.coordinates]
        raise UserError(f"--only: no key of the grid is {key!r}{did_you_mean(key, known)}")
    return any(fnmatchcase(str(value), wanted) for value in found)


def at(coordinates: Mapping[str, Any]) -> str:
    """A place of the grid, as it is chosen with `--only`."""
    return "".join(f" {key.rpartition('.')[2]}={value}" for key, value in coordinates.items())
