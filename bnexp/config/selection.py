"""Selections from an experiment's trials: `--seeds`, `--only`."""

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bnexp.config.keys import blocks, every_key
from bnexp.config.yaml import scalar
from bnexp.errors import UserError
from bnexp.specs.experiment import MAX_SEED, MAX_SEEDS, MISSING, PlannedTrial, Point, value_at
from bnexp.specs.wording import did_you_mean, label, listed, ranges


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
        raise UserError(
            f"--only {' '.join(only)}: matches nothing; there is {_offer(list(points.values()), only, arguments)}"
        )
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


def _value(key: str, arguments: Sequence[str]) -> Callable[[Point], Any]:
    """How to get the value of a key at a point."""
    path = None if key == "variant" else _resolved_key(key, arguments)
    return lambda point: value_at(point.spec, path) if path else point.variant


def _pattern(pattern: str, arguments: Sequence[str]) -> Callable[[Point], bool]:
    key, wanted = pattern.split("=", 1) if "=" in pattern else ("variant", pattern)
    value_of, number = _value(key, arguments), scalar(wanted)

    def matches(point: Point) -> bool:
        value = value_of(point)
        if type(value) in (int, float) and type(number) in (int, float):
            return bool(value == number)
        return value is not MISSING and fnmatch.fnmatchcase(_text(value), wanted)

    return matches


def _own_arguments(points: Iterable[Point]) -> list[str]:
    """Dotted keys of what users' own layers are called with."""
    found = (point.spec.norm.model_extra or {} for point in points)
    return list(dict.fromkeys(f"norm.{key}" for extra in found for key in extra))


def _resolved_key(key: str, arguments: Sequence[str]) -> tuple[str, ...]:
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


def _offer(points: list[Point], only: Sequence[str], arguments: Sequence[str]) -> str:
    """What could have been selected: the variants, and the values of the keys that were asked for."""
    keys = dict.fromkeys(["variant", *(pattern.partition("=")[0] for pattern in only if "=" in pattern)])
    offers = []
    for key in keys:
        values = dict.fromkeys(_text(value) for value in map(_value(key, arguments), points) if value is not MISSING)
        offers.append(f"{key}: {listed(values)}")
    return "; ".join(offers)
