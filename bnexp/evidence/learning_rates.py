"""Where the learning rate is varied: a comparison at one rate for all, and one of each variant at its own best.

Every fourth seed chooses, the others are compared, so that the pairs know nothing of the choice: given it, they are as
independent as any.  The best rate of a variant is the one of the highest mean validation accuracy after the last step,
over the choosing seeds that finished at all rates; the test images have no part in it.  A rate at which more than a
tenth of these did not train is never the best.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bnexp.evidence.metric import METRICS
from bnexp.evidence.paired import Comparison, comparisons
from bnexp.evidence.side import Side, ordered
from bnexp.records.plan import StoredPlan
from bnexp.specs.experiment import RATE, choosing_seeds
from bnexp.specs.metrics import BEST_RATE
from bnexp.specs.wording import place_label
from bnexp.stats.estimates import Interval, mean_interval

AT_BEST_RATE = replace(METRICS["test-accuracy"], name=BEST_RATE, label="test accuracy at its own best learning rate")


@dataclass(frozen=True)
class Tuned:
    """One variant at one place of the rest of the grid, with the rates at which it was trained."""

    variant: str
    """Where variants differ in nothing but their rate, all of their names."""
    coordinates: Mapping[str, Any]
    """Without the learning rate."""
    points: Mapping[float, int]
    """Learning rate to index into `plan.points`, ascending."""
    validation: Mapping[float, Interval]
    """Validation accuracy after the last step in per cent, of the rates that can be chosen, over the same seeds."""
    excluded: tuple[float, ...]
    """Rates at which no choosing seed has finished, or too many did not train."""

    @property
    def best(self) -> float | None:
        """The rate with the highest mean; of equal ones the lowest; None if there is nothing to choose from."""
        return _highest({rate: each.mean for rate, each in self.validation.items() if each.n})

    @property
    def edge(self) -> str:
        """`smallest` or `largest` where the best stands at that end of the rates tried; else empty."""
        rates = list(self.points)
        if self.best is None or len(rates) < 2:
            return ""
        return "largest" if self.best == rates[-1] else "smallest" if self.best == rates[0] else ""


@dataclass(frozen=True)
class RateComparison:
    """The comparison of an experiment whose learning rate is varied."""

    choosing: tuple[int, ...]
    """The seeds that choose."""
    tuned: tuple[Tuned, ...]
    shared: Mapping[str, float]
    """Place (as text) to the one rate for all: that of the highest mean over the variants, of those that all have."""
    same: tuple[Comparison, ...]
    """Each variant against the baseline, both at the shared rate, over the other seeds: exploratory."""
    own: tuple[Comparison, ...]
    """Each at its own best rate against the baseline at its own, over the other seeds: the family that
    asserts, where the primary metric is `best-rate-accuracy`; pending until each choosing trial has a result."""
    validated: bool
    """Whether there are validation images at all, on which a rate can be chosen."""


def learning_rates(plan: StoredPlan, sides: Sequence[Side]) -> RateComparison | None:
    """Both comparisons; None where no variant has more than one learning rate, or no trial is ok.

    `sides` are those of the points of the plan.  A variant's rates are those of the grid; variants whose specs differ
    in nothing but the rate count as one variant at several rates.
    """
    choosing = choosing_seeds(plan.seeds)
    others = set(plan.seeds).difference(choosing)
    tuned = tuple(_tuned(plan, [_with(side, choosing) for side in sides]))
    if all(len(each.points) < 2 for each in tuned) or not any(side.of("ok") for side in sides):
        return None
    # Until all choosing trials have a result another rate may yet be chosen.
    unchosen = sum(not side.records.get(seed) for side in sides for seed in choosing)
    groups: dict[str, list[Tuned]] = {}
    for each in tuned:
        groups.setdefault(place_label(each.coordinates), []).append(each)
    shared = {place: rate for place, group in groups.items() if (rate := _shared(group)) is not None}

    def compared(chosen: Iterable[tuple[Tuned, float | None]], *, asserts: bool = False) -> tuple[Comparison, ...]:
        """At the chosen rates and on the other seeds, as in an experiment that has no more."""
        found = [
            replace(_with(sides[each.points[rate]], others), name=each.variant, coordinates=each.coordinates)
            for each, rate in chosen
            if rate is not None
        ]
        variants = list(dict.fromkeys(each.name for each in found))
        baseline = next((name for name in variants if plan.baseline in name.split("/")), None)
        if baseline is None or len(variants) < 2 or not others:
            return ()
        order = ordered(((each.coordinates, each.name) for each in found), variants)
        metric = AT_BEST_RATE if asserts else METRICS["test-accuracy"]
        sides_found = [found[k] for k in order]
        return tuple(comparisons(sides_found, [baseline], metric, plan.margin, asserts=asserts, sampled=False))

    return RateComparison(
        choosing=choosing,
        tuned=tuned,
        shared=shared,
        same=compared((each, rate) for place, rate in shared.items() for each in groups[place]),
        own=tuple(
            replace(each, pending=each.pending or unchosen)
            for each in compared(((each, each.best) for each in tuned), asserts=plan.primary == BEST_RATE)
        ),
        validated=any(METRICS["validation-accuracy"].of(side.of("ok")) for side in sides),
    )


def _with(side: Side, seeds: Collection[int]) -> Side:
    return replace(side, records={seed: record for seed, record in side.records.items() if seed in seeds})


def _tuned(plan: StoredPlan, sides: Sequence[Side]) -> Iterator[Tuned]:
    """`sides`: with the choosing seeds alone."""
    groups: dict[str, list[Side]] = {}
    for side in sides:
        groups.setdefault(_without_rate(side), []).append(side)
    for group in groups.values():
        rates = {_rate(side): side for side in sorted(group, key=_rate)}
        found = {rate: METRICS["validation-accuracy"].of(side.of("ok")) for rate, side in rates.items()}
        known = {rate: here for rate, here in found.items() if here and not rates[rate].counts.too_many_untrained}
        common = sorted(set.intersection(*map(set, known.values()))) if known else []
        yield Tuned(
            variant="/".join(sorted({side.name for side in group}, key=plan.variants.index)),
            coordinates=_rest(group[0]),
            points={rate: side.point for rate, side in rates.items()},
            validation={rate: mean_interval([here[seed] for seed in common]) for rate, here in known.items()},
            excluded=tuple(rate for rate in rates if rate not in known),
        )


def _shared(group: Sequence[Tuned]) -> float | None:
    """The rate that does best over all variants of a place, by the mean of their validation accuracies."""
    common = set.intersection(*({rate for rate, v in each.validation.items() if v.n} for each in group))
    return _highest({rate: float(np.mean([each.validation[rate].mean for each in group])) for rate in common})


def _highest(means: Mapping[float, float]) -> float | None:
    return max(means, key=lambda rate: (means[rate], -rate)) if means else None


def _rate(side: Side) -> float:
    return float(side.spec["training"]["optimizer"]["learning_rate"])


def _rest(side: Side) -> dict[str, Any]:
    return {key: value for key, value in side.coordinates.items() if key != RATE}


def _without_rate(side: Side) -> str:
    """What a side is but for its learning rate; variants that differ in nothing else are the same here."""
    spec = deepcopy(side.spec)
    del spec["training"]["optimizer"]["learning_rate"]
    return json.dumps([_rest(side), spec], sort_keys=True)
