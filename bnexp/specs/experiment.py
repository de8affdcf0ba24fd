"""An experiment: variants at places of a grid, and their trials in an order that stays balanced."""

import math
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from bnexp.specs.metrics import BEST_RATE
from bnexp.specs.trial import Trial, TrialSpec, authors
from bnexp.specs.trial import cautions as cautions_of
from bnexp.specs.values import Frozen

if TYPE_CHECKING:
    from bnexp.specs.claims import Claim

MAX_SEED = 2**31
MAX_SEEDS = 100_000
MARGIN = 0.1
"""Percentage points of accuracy; ten of MNIST's 10,000 test images."""
RATE = "training.optimizer.learning_rate"

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
_MISSING = {"", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None", "<NA>", "#N/A", "#NA"}


class Published(Frozen):
    """A result of others, or of one's own earlier work, that the report holds results against; part of no trial."""

    value: float = Field(gt=1, le=100, description="test accuracy in per cent")
    source: str = Field(
        min_length=1, max_length=200, description="where it stands, such as `LeCun et al. 1998, fig. 9`"
    )
    variant: str | None = Field(None, description="the variant that it is a result of; default: any")


@dataclass(frozen=True)
class Point:
    """One thing that is trained with every seed: a variant at one place of the grid."""

    variant: str
    coordinates: tuple[tuple[str, Any], ...]
    """The grid keys with their values here, in the order of the file: `(("training.batch_size", 16),)`.
    Always scalars: a block becomes `group(groups=8)`, a list `[32, 64]`."""
    spec: TrialSpec
    seeds: tuple[int, ...] | None = None
    """Its own, where they are not those of the experiment."""


@dataclass(frozen=True)
class Experiment:
    """A config, checked and resolved."""

    name: str
    about: str
    variants: tuple[str, ...]
    """Names, in the order of the file: the order of every figure and table."""
    baseline: str
    """The variant that the others are compared with."""
    seeds: tuple[int, ...]
    points: tuple[Point, ...]
    """Grid-major, variants interleaved."""
    search_path: tuple[str, ...] = ()
    source: str = ""
    """The file that it came from, for messages; empty if none."""
    further_baselines: tuple[str, ...] = ()
    """Variants that the others are compared with too."""
    primary: str = "test-accuracy"
    """The one metric in which something is asserted (`specs.metrics`); the others are exploratory."""
    margin: float | None = MARGIN
    """A difference in the primary metric below this does not matter; in its unit, of accuracies percentage points."""
    looks: tuple[int, ...] | None = None
    """Where seeds are added until all is decided: after how many of them it was looked at; None: they are fixed."""
    published: tuple[Published, ...] = ()
    claims: Mapping[str, "Claim"] = field(default_factory=dict)
    """What is claimed, by id, each with the rule that decides it."""
    options: tuple[str, ...] = ()
    """The words of the command line that made it of its file, such as `--set training.epochs=3 --name short`."""

    @property
    def baselines(self) -> tuple[str, ...]:
        """All of them, in the order of the file."""
        return (self.baseline, *self.further_baselines)


@dataclass(frozen=True)
class PlannedTrial:
    """A trial, and what it is in its experiment."""

    point: Point
    trial: Trial


def plan(experiment: Experiment) -> Iterator[PlannedTrial]:
    """All trials, seed-major: stopping at any time leaves every variant with nearly the same seeds."""
    for seed in experiment.seeds:
        for point in experiment.points:
            if point.seeds is None or seed in point.seeds:
                yield PlannedTrial(point, Trial(point.spec, seed, experiment.search_path))


def equal_variants(variants: Iterable[str], points: Sequence[Point]) -> list[tuple[str, str]]:
    """Variants that train the same as an earlier one at every place, each with that one."""
    first: dict[tuple[Any, ...], str] = {}
    found = []
    for name in variants:
        content = tuple((point.coordinates, point.spec) for point in points if point.variant == name)
        if (twin := first.setdefault(content, name)) != name:
            found.append((name, twin))
    return found


def seeds_needed(comparisons: int) -> int:
    """So many seeds at least confirm anything: 2^(1−n), the smallest p of n pairs, is below .05/m for m comparisons."""
    return math.floor(math.log2(max(1, comparisons) / 0.05)) + 2


def choosing_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Those that choose each variant's learning rate and have no part in the comparison: every fourth, from the first.

    A seed stays what it is as more are added.
    """
    return tuple(sorted(seeds)[::4])


def compared_points(
    points: Sequence[tuple[str, Hashable]], baselines: Sequence[str]
) -> list[tuple[int, str, int | None]]:
    """What is compared of points, (variant, place) each: the index of a point, a baseline, and its index at that place.

    Which is None where the baseline was not planned there.  Two baselines are compared with each other once.
    """
    at = {point: index for index, point in enumerate(points)}
    return [
        (index, baseline, at.get((baseline, place)))
        for k, baseline in enumerate(baselines)
        for index, (variant, place) in enumerate(points)
        if variant not in baselines[: k + 1]
    ]


def cautions(experiment: Experiment, beside: Sequence[Experiment] = ()) -> list[str]:
    """What is worth knowing of some points before they are trained, although they can be; each once.

    Claims are one family with those of the experiments `beside` it.
    """
    found = dict.fromkeys(
        f"{experiment.name}, variant {name}: it is the same as {twin}; nothing is compared"
        for name, twin in equal_variants(experiment.variants, experiment.points)
    )
    alike: dict[tuple[str, str], list[str]] = {}
    for point in experiment.points:
        for text in cautions_of(point.spec):
            alike.setdefault((point.variant, re.sub(r"\b\d+\b", "", text)), []).append(text)
    for (variant, _), (text, *others) in alike.items():
        more = f" (likewise at {len(others)} more of its places in the grid)" if others else ""
        found[f"{experiment.name}, variant {variant}: {text}{more}"] = None
    for name in experiment.variants:
        if meant := _taken_for(name, experiment.variants):
            found[
                f"{experiment.name}, variant {name}: programs that read the CSV tables, such as pandas, take this name "
                f"for {meant}; another name is safer"
            ] = None
    rate: tuple[str, ...] = ()
    n = len(experiment.seeds)
    if experiment.primary == BEST_RATE:
        rate, n = (RATE,), n - len(choosing_seeds(experiment.seeds))
    places = [
        (each.variant, tuple(pair for pair in each.coordinates if pair[0] not in rate)) for each in experiment.points
    ]
    found_at = compared_points(list(dict.fromkeys(places)), experiment.baselines)
    compared = sum(base is not None for _, _, base in found_at)
    if compared and experiment.looks is None and n < (needed := seeds_needed(compared)):
        both = f"{compared} comparison{'s' * (compared > 1)} and {n} seed{'s' * (n > 1)}"
        also = " besides those that choose the learning rates" if rate else ""
        found[f"{experiment.name}: {both}{also} can confirm nothing; {needed} seeds can"] = None
    own, *elsewhere = (sum(not each.exploratory for each in of.claims.values()) for of in (experiment, *beside))
    claims, n = own + sum(elsewhere), len(experiment.seeds)
    if own and experiment.looks is None and n < (needed := seeds_needed(claims)):
        both = f"{claims} claim{'s' * (claims > 1)}{' of all configs' * any(elsewhere)} and {n} seed{'s' * (n > 1)}"
        found[f"{experiment.name}: {both} have no verdict but inconclusive; {needed} seeds can have"] = None
    return list(found)


def _taken_for(name: str, names: Sequence[str]) -> str:
    """What a variant's name is to a program that guesses types; "" where it stays what it is."""
    if name in _MISSING:
        return "a missing value"
    if not _NUMBER.fullmatch(name):
        return ""
    same = [other for other in names if other != name and _NUMBER.fullmatch(other) and float(other) == float(name)]
    return f"the same number as {same[0]}" if same else ""


def foreign_code(experiment: Experiment) -> list[str]:
    """What the experiment names that is code of others: `norm my_norms:MyNorm`, `data my_data:load`; each once.

    A layer that an installed package adds counts too: it is imported by its name alone.
    """
    found: dict[str, None] = {}
    for point in experiment.points:
        found |= dict.fromkeys(authors(point.spec))
        if point.spec.data.known is None:
            found[f"data {point.spec.data.name}"] = None
    return list(found)


MISSING = object()
"""What `value_at` gives where there is no such key."""


def value_at(spec: TrialSpec, path: Sequence[str]) -> Any:
    """The value at a path of a resolved spec; MISSING where it has no such key."""
    value: Any = spec
    for part in path:
        value = dict(value).get(part, MISSING) if isinstance(value, BaseModel) else MISSING
    return value
