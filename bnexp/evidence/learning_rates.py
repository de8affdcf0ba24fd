"""A fair comparison where the learning rate is varied: at one rate for all, and each variant at its own best.

The best rate of a variant is the one of the highest mean validation accuracy after the last step, over the seeds that
finished at all rates; the test images have no part in it.  A rate at which too many trials diverged is never the best.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bnexp.evidence.comparisons import Comparison, Counts, comparisons
from bnexp.records.plan import StoredPlan, StoredPoint
from bnexp.specs.wording import place_label
from bnexp.stats.estimates import Interval, mean_interval

KEY = "training.optimizer.learning_rate"


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
    """Validation accuracy after the last step in per cent, of the rates that can be chosen, over `seeds`."""
    seeds: tuple[int, ...]
    """Those that finished at all rates that can be chosen."""
    unfinished: tuple[float, ...]
    """Rates without a finished trial, and those at which too many diverged."""

    @property
    def best(self) -> float | None:
        """The rate with the highest mean; of equal ones the lowest; None if there is nothing to choose from."""
        known = {rate: each.mean for rate, each in self.validation.items() if each.n}
        return max(known, key=lambda rate: (known[rate], -rate)) if known else None

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

    tuned: tuple[Tuned, ...]
    shared: Mapping[str, float]
    """Place (as text) to the one rate for all: that of the highest mean over the variants, of those that all have."""
    same: tuple[Comparison, ...]
    """Each variant against the baseline, both at the shared rate."""
    own: tuple[Comparison, ...]
    """Each at its own best rate against the baseline at its own."""
    validated: bool
    """Whether there are validation images at all, on which a rate can be chosen."""


def learning_rates(trials: pd.DataFrame, plan: StoredPlan) -> RateComparison | None:
    """The fair comparison of an experiment; None where no variant has more than one learning rate, or no trial is ok.

    `trials` is `frames.trials` of the plan.  A variant's rates are those of the grid; variants whose specs differ in
    nothing but the rate count as one variant at several rates.
    """
    tuned = _tuned(trials, plan)
    ok = trials[trials["status"] == "ok"]
    if all(len(each.points) < 2 for each in tuned) or ok.empty:
        return None
    places = list(dict.fromkeys(place_label(each.coordinates) for each in tuned))
    groups = {place: [each for each in tuned if place_label(each.coordinates) == place] for place in places}
    shared = {place: rate for place, group in groups.items() if (rate := _shared(group)) is not None}
    same = [(each, rate) for place, rate in shared.items() for each in groups[place]]
    own = [(each, each.best) for each in tuned if each.best is not None]
    validated = bool(ok["validation_accuracy"].notna().any())
    return RateComparison(tuned, shared, _compared(trials, plan, same), _compared(trials, plan, own), validated)


def _tuned(trials: pd.DataFrame, plan: StoredPlan) -> tuple[Tuned, ...]:
    groups: dict[str, list[int]] = {}
    for k, point in enumerate(plan.points):
        groups.setdefault(_without_rate(point), []).append(k)
    order = {variant: k for k, variant in enumerate(plan.variants)}
    rows = dict(iter(trials.groupby("point")))
    found = []
    for indices in groups.values():
        points = {_rate(plan.points[k]): k for k in sorted(indices, key=lambda k: _rate(plan.points[k]))}
        names = sorted({plan.points[k].variant for k in indices}, key=lambda name: order[name])
        found.append(_measured("/".join(names), _rest(plan.points[indices[0]]), points, rows, trials))
    return tuple(found)


def _measured(
    variant: str,
    coordinates: Mapping[str, Any],
    points: Mapping[float, int],
    rows: Mapping[Any, pd.DataFrame],
    trials: pd.DataFrame,
) -> Tuned:
    accuracy: dict[float, pd.Series[float]] = {}
    for rate, index in points.items():
        here = rows.get(index, trials[:0])
        number = here["status"].value_counts()
        counts = Counts(*(int(number.get(status, 0)) for status in ("ok", "diverged", "failed", "missing")))
        known = here[here["status"] == "ok"].set_index("seed")["validation_accuracy"].dropna()
        if len(known) and not counts.too_many_diverged:
            accuracy[rate] = known
    common = sorted(set.intersection(*(set(each.index) for each in accuracy.values()))) if accuracy else []
    validation = {rate: mean_interval(100 * each.loc[common].to_numpy(float)) for rate, each in accuracy.items()}
    left = tuple(rate for rate in points if rate not in accuracy)
    return Tuned(variant, coordinates, points, validation, tuple(int(seed) for seed in common), left)


def _shared(group: Sequence[Tuned]) -> float | None:
    """The rate that does best over all variants of a place, by the mean of their validation accuracies."""
    common = set.intersection(*({rate for rate, v in each.validation.items() if v.n} for each in group))
    means = {rate: float(np.mean([each.validation[rate].mean for each in group])) for rate in common}
    return max(means, key=lambda rate: (means[rate], -rate)) if means else None


def _compared(
    trials: pd.DataFrame, plan: StoredPlan, chosen: Sequence[tuple[Tuned, float | None]]
) -> tuple[Comparison, ...]:
    """The paired comparisons of the chosen points, as of an experiment that has no other rates."""
    points: list[StoredPoint] = []
    frames: list[pd.DataFrame] = []
    for each, rate in chosen:
        if rate is None:
            continue
        index = each.points[rate]
        frames.append(trials[trials["point"] == index].assign(point=len(points), variant=each.variant))
        update = {"variant": each.variant, "coordinates": dict(each.coordinates)}
        points.append(plan.points[index].model_copy(update=update))
    variants = tuple(dict.fromkeys(point.variant for point in points))
    baseline = next((each.variant for each, _ in chosen if plan.baseline in each.variant.split("/")), None)
    if baseline is None or len(variants) < 2:
        return ()
    virtual = plan.model_copy(update={"variants": variants, "baseline": baseline, "points": tuple(points)})
    return tuple(comparisons(pd.concat(frames, ignore_index=True), virtual))


def _rate(point: StoredPoint) -> float:
    return float(point.spec["training"]["optimizer"]["learning_rate"])


def _rest(point: StoredPoint) -> dict[str, Any]:
    return {key: value for key, value in point.coordinates.items() if key != KEY}


def _without_rate(point: StoredPoint) -> str:
    """What a point is but for its learning rate; variants that differ in nothing else are the same here."""
    training = point.spec["training"]
    optimizer = {key: value for key, value in training["optimizer"].items() if key != "learning_rate"}
    spec = {**point.spec, "training": {**training, "optimizer": optimizer}}
    return json.dumps([_rest(point), spec], sort_keys=True)
