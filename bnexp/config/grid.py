"""An experiment, its trials in an order that stays balanced, and selections from them."""

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bnexp.config.expand import MISSING, value_at
from bnexp.config.header import MARGIN, MAX_SEED, MAX_SEEDS
from bnexp.config.keys import blocks, every_key
from bnexp.config.yaml import scalar
from bnexp.errors import UserError
from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.spec import TrialSpec
from bnexp.specs.spec import cautions as cautions_of
from bnexp.specs.trial import Trial
from bnexp.specs.wording import did_you_mean, label, listed


@dataclass(frozen=True)
class Point:
    """One thing that is trained with every seed: a variant at one place of the grid."""

    variant: str
    coordinates: tuple[tuple[str, Any], ...]
    """The grid keys with their values here, in the order of the file: `(("training.batch_size", 16),)`.
    Always scalars: a block becomes `group(groups=8)`, a list `[32, 64]`."""
    spec: TrialSpec


@dataclass(frozen=True)
class Experiment:
    """A config, checked and resolved."""

    name: str
    about: str
    variants: tuple[str, ...]
    """Names, in the order of the file: the order of every figure and table."""
    baseline: str
    seeds: tuple[int, ...]
    points: tuple[Point, ...]
    """Grid-major, variants interleaved."""
    search_path: tuple[str, ...] = ()
    source: str = ""
    """The file that it came from, for messages; empty if none."""
    margin: float = MARGIN
    """A difference in test accuracy below so many percentage points does not matter; changes no trial."""


@dataclass(frozen=True)
class PlannedTrial:
    """A trial, and what it is in its experiment."""

    point: Point
    trial: Trial


def plan(experiment: Experiment) -> Iterator[PlannedTrial]:
    """All trials, seed-major: stopping at any time leaves every variant with nearly the same seeds."""
    for seed in experiment.seeds:
        for point in experiment.points:
            yield PlannedTrial(point, Trial(point.spec, seed, experiment.search_path))


def select(
    planned: Sequence[PlannedTrial], *, seeds: frozenset[int] | None = None, only: Sequence[str] = ()
) -> list[PlannedTrial]:
    """The planned trials with one of the seeds that match every pattern of `only`, in their order.

    A pattern is `KEY=VALUE` with a dotted key, or its last part, or `variant`; a bare VALUE names a variant.
    Values may hold `*` and `?`.  Raises UserError at a seed that is not planned, at an unknown key, and where
    nothing is left.
    """
    available = {one.trial.seed for one in planned}
    if seeds is not None and (strange := sorted(seeds - available)):
        raise UserError(
            f"--seeds: {listed(strange[:10])} {'is' if len(strange) == 1 else 'are'} not among the seeds "
            f"of the config, {ranges(available)}"
        )
    points = {id(one.point): one.point for one in planned}
    arguments = _own_arguments(points.values())
    tests = [_pattern(pattern, arguments) for pattern in only]
    wanted = {key for key, point in points.items() if all(test(point) for test in tests)}
    if not wanted:
        raise UserError(f"--only {' '.join(only)}: matches nothing; there is {_offer(list(points.values()), only)}")
    return [one for one in planned if id(one.point) in wanted and (seeds is None or one.trial.seed in seeds)]


def parse_seeds(text: str) -> frozenset[int]:
    """`0-4,7` as seeds.  Raises UserError if it is written otherwise."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,10})\s*(?:-\s*([0-9]{1,10})\s*)?", part)
        if not match:
            raise UserError(f"--seeds takes numbers and ranges, as in 0-4,7, not {text!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UserError(f"--seeds: the range {part.strip()} runs backwards; write {last}-{first}")
        if last > MAX_SEED or last - first >= MAX_SEEDS:
            raise UserError(f"--seeds: a seed is at most {MAX_SEED}, and there are at most {MAX_SEEDS:,} of them")
        found.update(range(first, last + 1))
    return frozenset(found)


def ranges(seeds: set[int]) -> str:
    """`{0, 1, 2, 7}` as `0-2, 7`."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and runs[-1][1] == seed - 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return listed(str(first) if first == last else f"{first}-{last}" for first, last in runs) or "none"


def _pattern(pattern: str, arguments: Sequence[str]) -> Callable[[Point], bool]:
    key, equals, wanted = pattern.partition("=")
    if not equals:
        key, wanted = "variant", pattern
    if key == "variant":
        return lambda point: fnmatch.fnmatchcase(point.variant, wanted)
    path = resolved_key(key, arguments)
    number = scalar(wanted)

    def matches(point: Point) -> bool:
        value = value_at(point.spec, path)
        if value is MISSING:
            return False
        if isinstance(value, int | float) and not isinstance(value, bool) and type(number) in (int, float):
            return bool(value == number)
        return fnmatch.fnmatchcase(_text(value), wanted)

    return matches


def cautions(experiment: Experiment) -> list[str]:
    """What is worth knowing of some points before they are trained, although they can be; each once."""
    found: dict[str, None] = {}
    first: dict[tuple[Any, ...], str] = {}
    for name in experiment.variants:
        content = tuple((point.coordinates, point.spec) for point in experiment.points if point.variant == name)
        if (twin := first.setdefault(content, name)) != name:
            found[f"{experiment.name}, variant {name}: it is the same as {twin}; nothing is compared"] = None
    for point in experiment.points:
        for text in cautions_of(point.spec):
            found[f"{experiment.name}, variant {point.variant}: {text}"] = None
    return list(found)


def foreign_code(experiment: Experiment) -> list[str]:
    """What the experiment names that is code of others: `norm my_norms:MyNorm`, `data my_data:load`; each once.

    A layer that an installed package adds counts too: it is imported by its name alone.
    """
    found: dict[str, None] = {}
    for point in experiment.points:
        if isinstance(point.spec.norm, OwnNorm):
            found[f"norm {point.spec.norm.name}"] = None
        if point.spec.data.known is None:
            found[f"data {point.spec.data.name}"] = None
    return list(found)


def _own_arguments(points: Iterable[Point]) -> list[str]:
    """Dotted keys of what users' own layers are called with."""
    found = (point.spec.norm.model_extra or {} for point in points)
    return list(dict.fromkeys(f"norm.{key}" for extra in found for key in extra))


def resolved_key(key: str, arguments: Sequence[str] = ()) -> tuple[str, ...]:
    """The path of one leaf for `training.batch_size`, its last part `batch_size`, or a block: `norm` is `norm.name`.

    `arguments` are keys of users' own layers.  Raises UserError at an unknown key, and at one that several blocks have.
    """
    known = (*every_key(), *arguments)
    found = [key] if key in known else [dotted for dotted in known if dotted.endswith(f".{key}")]
    if len(found) > 1:
        raise UserError(f"--only {key}: several blocks have this key; write one of {listed(found)}")
    if not found:
        raise UserError(f"--only: unknown key {key!r}{did_you_mean(key, ['variant', *known])}")
    path = tuple(found[0].split("."))
    if path in blocks():
        return (*path, "name")
    if any(dotted.startswith(f"{found[0]}.") for dotted in known):
        raise UserError(f"--only {key}: is a block; write one of its keys, as in {found[0]}.…")
    return path


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return str(label(value))


def _offer(points: list[Point], only: Sequence[str]) -> str:
    """What could have been selected: the variants, and the values of the keys that were asked for."""
    offers = {"variant": list(dict.fromkeys(point.variant for point in points))}
    for pattern in only:
        key, equals, _ = pattern.partition("=")
        if equals and key != "variant":
            values = (value_at(point.spec, resolved_key(key, _own_arguments(points))) for point in points)
            offers[key] = list(dict.fromkeys(_text(value) for value in values if value is not MISSING))
    return "; ".join(f"{key}: {listed(values)}" for key, values in offers.items())
