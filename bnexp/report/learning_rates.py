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

from bnexp.report.comparisons import Comparison, Counts, comparisons
from bnexp.report.numbers import ABSENT, fixed, interval, p_value, place_label
from bnexp.report.sentences import difference
from bnexp.results.plan import StoredPlan, StoredPoint
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
class Fair:
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

    def table(self) -> pd.DataFrame:
        """As text, a row per variant and place; the two comparisons side by side."""
        same, own = ({(c.variant, place_label(c.coordinates)): c for c in side} for side in (self.same, self.own))
        rows = []
        for each in self.tuned:
            place = place_label(each.coordinates)
            shared = self.shared.get(place)
            rows.append(
                {
                    "variant": each.variant,
                    **({"place": place} if any(one.coordinates for one in self.tuned) else {}),
                    "rates tried": ", ".join(f"{rate:g}" for rate in each.points),
                    "same rate": ABSENT if shared is None else f"{shared:g}",
                    "difference at it (points)": _cell(same.get((each.variant, place))),
                    "own best rate": ABSENT if each.best is None else f"{each.best:g}" + ("*" if each.edge else ""),
                    "validation there (%)": ABSENT if each.best is None else interval(each.validation[each.best]),
                    "difference at own best (points)": _cell(own.get((each.variant, place))),
                    "p at own best (Holm)": ABSENT
                    if (c := own.get((each.variant, place))) is None
                    else p_value(c.p_holm),
                }
            )
        return pd.DataFrame(rows, dtype="object")

    def numbers(self) -> pd.DataFrame:
        """At full precision, a row per comparison, for CSV."""
        rows = []
        for kind, side in (("same rate", self.same), ("own best rate", self.own)):
            for c in side:
                place = place_label(c.coordinates)
                here = {each.variant: each for each in self.tuned if place_label(each.coordinates) == place}
                mine, base = here[c.variant], here[c.baseline]
                rates = [self.shared[place]] * 2 if kind == "same rate" else [mine.best, base.best]
                rows.append(
                    {
                        "comparison": kind,
                        "variant": c.variant,
                        **c.coordinates,
                        "baseline": c.baseline,
                        "learning_rate": rates[0],
                        "baseline_learning_rate": rates[1],
                        "edge": mine.edge if kind == "own best rate" else "",  # of the rates tried
                        "baseline_edge": base.edge if kind == "own best rate" else "",
                        "n_pairs": c.difference.n,
                        "difference": c.difference.mean,
                        "difference_low": c.difference.low,
                        "difference_high": c.difference.high,
                        "sign_flip_p": c.test.p,
                        "sign_flip_p_holm": c.p_holm,
                        "holm_family": c.family,
                        "verdict": c.verdict,
                    }
                )
        return pd.DataFrame(rows)

    def sentences(self) -> list[str]:
        """Warnings first, then both comparisons of each variant beside each other."""
        if not self.validated:
            return ["No learning rate can be chosen without validation images, and none is chosen on test images."]
        same = {(c.variant, place_label(c.coordinates)): c for c in self.same}
        found = [*_edges(self.tuned), *_unequal(self.tuned)]
        for c in self.own:
            place = place_label(c.coordinates)
            if (twin := same.get((c.variant, place))) is not None:
                found.append(f"At one learning rate for all, {self.shared[place]:g}: {difference(twin)}")
            rates = {each.variant: each.best for each in self.tuned if place_label(each.coordinates) == place}
            mine, base = rates[c.variant], rates[c.baseline]
            found.append(
                f"Each at its own best of the learning rates tried ({c.variant} {mine:g}, {c.baseline} {base:g}; "
                f"chosen on validation images): {difference(c)}"
            )
        return found

    def legend(self) -> str:
        """What the columns of `table` mean."""
        text = (
            "Own best rate: the learning rate with the highest mean validation accuracy after the last step, over the "
            "seeds that finished at every rate; the test images have no part in the choice. Same rate: the one with "
            "the highest validation accuracy over all variants together. Differences in test accuracy, paired by seed, "
            "with their 95 % t interval; it knows nothing of the choice, made on the same seeds."
        )
        edges = any(each.edge for each in self.tuned)
        return text + (" *: at the end of the rates tried; better ones may lie beyond." if edges else "")


def learning_rates(trials: pd.DataFrame, plan: StoredPlan) -> Fair | None:
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
    return Fair(tuned, shared, _compared(trials, plan, same), _compared(trials, plan, own), validated)


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


def _edges(tuned: Sequence[Tuned]) -> list[str]:
    """Where the best rate stands at the end of those tried, so that it may not be the best there is."""
    return [
        f"Warning: the best learning rate of {_at(each)}, {each.best:g}, is the {each.edge} tried "
        f"({fixed(each.validation[each.best].mean, 2)} % validation accuracy); a better one may lie beyond, so that "
        "the comparison may be unfair to it."
        for each in tuned
        if each.edge and each.best is not None
    ]


def _unequal(tuned: Sequence[Tuned]) -> list[str]:
    """Where variants had different rates to choose from, or rates without a result."""
    found = []
    if len({tuple(each.points) for each in tuned}) > 1:
        tried = "; ".join(f"{_at(each)} {', '.join(f'{rate:g}' for rate in each.points)}" for each in tuned)
        found.append(f"Warning: not all variants had the same learning rates to choose from ({tried}).")
    found += [
        f"{_at(each)}: {', '.join(f'{rate:g}' for rate in each.unfinished)} cannot be chosen, because no trial has "
        "finished there or more than a tenth diverged."
        for each in tuned
        if each.unfinished
    ]
    return found


def _cell(c: Comparison | None) -> str:
    return ABSENT if c is None else interval(c.difference, sign=True)


def _at(each: Tuned) -> str:
    label = place_label(each.coordinates)
    return f"{each.variant} at {label}" if label else each.variant


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
