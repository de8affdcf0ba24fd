"""What an experiment gives: an estimate for each variant at each place of the grid, and each one's difference
from the baseline.  Accuracies are in per cent here, differences in percentage points.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from bnexp.evidence.pairing import paired
from bnexp.records.plan import StoredPlan
from bnexp.specs.experiment import MARGIN
from bnexp.specs.training import TrainingSpec
from bnexp.stats.bootstrap import Sources
from bnexp.stats.convergence import TimeToTarget, first_reached, time_to_target
from bnexp.stats.equivalence import tost
from bnexp.stats.estimates import Interval, Share, interquartile_mean, mean_interval
from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import SignFlip, improvement, mean_difference, sign_flip_test
from bnexp.stats.power import minimum_detectable_effect

TARGETS = (97, 98, 99)
"""Validation accuracies in per cent to which the time is taken."""

Measure = Literal["steps", "examples", "seconds"]
"""Of time: optimizer steps, training examples seen, seconds of training without compilation and evaluation."""

MEASURES: tuple[Measure, ...] = get_args(Measure)

Verdict = Literal["higher", "lower", "signs", "equivalent", "undecided", "nothing"]
"""higher, lower: the 95 % t interval leaves zero out, and the sign-flip test, corrected for its family, agrees;
signs: only one of the two says so; equivalent: neither does, and the test of equivalence, corrected too, shows the
difference within the margin; undecided: nor that; nothing: too few pairs, or too many diverged, to speak of a mean."""

ENOUGH = 3
"""So many pairs at least for any verdict: two have next to no measure of their scatter."""

LEVEL = 0.05
"""Of every test, after Holm's correction."""

TOLERATED = 0.1
"""No sentence on a mean is said while a larger share of the finished trials diverged."""


@dataclass(frozen=True)
class Counts:
    """What became of the planned trials of one point."""

    ok: int
    diverged: int
    failed: int
    missing: int

    @property
    def planned(self) -> int:
        return self.ok + self.diverged + self.failed + self.missing

    @property
    def too_many_diverged(self) -> bool:
        """Whether the mean over the others would flatter: more than a tenth of the finished trials diverged."""
        return self.diverged > TOLERATED * (self.ok + self.diverged)


@dataclass(frozen=True)
class Runs:
    """When each run of one point reached a target, in one measure of time."""

    seeds: tuple[int, ...]
    """Of the trials that are ok or diverged; () without a validation split."""
    reached: tuple[float, ...]
    """NaN where it did not; a diverged trial that was not there before never gets there."""
    watched: tuple[float, ...]
    """Planned end of the training: the budget.  A diverged run's in seconds is what the others take on average."""
    surroundings: tuple[str | None, ...]
    """Of each run what bears on its seconds (`results.frames`): compared only where it is known, and alike."""

    def of(self, seeds: Sequence[int]) -> "Runs":
        """Those of these seeds, in their order."""
        at = [self.seeds.index(seed) for seed in seeds]
        return Runs(
            tuple(seeds),
            tuple(self.reached[k] for k in at),
            tuple(self.watched[k] for k in at),
            tuple(self.surroundings[k] for k in at),
        )

    def within(self, budget: float) -> "Runs":
        """The same, watched until `budget` at most."""
        reached = tuple(math.nan if t > budget else t for t in self.reached)
        return replace(self, reached=reached, watched=tuple(min(t, budget) for t in self.watched))


@dataclass(frozen=True)
class Condition:
    """One variant at one place of the grid."""

    point: int
    """Index into `plan.points`."""
    variant: str
    coordinates: Mapping[str, Any]
    counts: Counts
    accuracy: Interval
    """Of the test set, in per cent; over the trials that are ok.  Of batch-dependent methods, with moving averages."""
    batch_statistics: Interval
    """The same weights with each batch's own statistics; n is 0 for methods that do not depend on the batch."""
    recalibrated: Interval
    """The same weights with statistics recomputed over training images."""
    recalibration: Interval
    """What recalibration adds, in percentage points: mean over the trials of recalibrated minus `accuracy`."""
    accuracy_middle: float
    """The interquartile mean of the same; NaN for fewer than four."""
    length: int | None
    """Optimizer steps of a whole training; None if none has finished."""
    times: Mapping[Measure, Mapping[int, TimeToTarget]]
    """To each of `TARGETS`; over the trials that are ok or diverged; n is 0 without a validation split."""
    runs: Mapping[Measure, Mapping[int, Runs]]
    """What `times` summarizes, run by run."""
    parameters_trainable: int | None
    parameters_normalization: int | None
    seconds: float
    """Median seconds of training, without compilation and evaluation; NaN if no trial is ok."""

    @property
    def examples_per_step(self) -> float:
        """Over a whole training; NaN if it is not known.  Where two differ, steps and examples tell different times."""
        steps, examples = (self.runs[measure][TARGETS[0]].watched for measure in ("steps", "examples"))
        return examples[0] / steps[0] if steps else math.nan


@dataclass(frozen=True)
class Comparison:
    """One variant against the baseline at one place of the grid, pair by pair, in test accuracy."""

    point: int
    baseline_point: int | None
    """None: the baseline was not planned at this place."""
    variant: str
    baseline: str
    coordinates: Mapping[str, Any]
    counts: Counts
    baseline_counts: Counts | None
    planned: int
    """Pairs that the plan has; `difference.n` of them are complete and proven to be pairs."""
    differences: tuple[float, ...]
    """Variant minus baseline in percentage points, one per pair, in order of the seeds."""
    seeds: tuple[int, ...]
    """The seed of each of the `differences`."""
    difference: Interval
    test: SignFlip
    p_holm: float
    """The sign-flip p after Holm's correction over the family."""
    family: int
    """Comparisons of the experiment that have a p-value."""
    improvement: Share
    detectable: float
    """The smallest true difference, in points, that this many seeds show with 80 % power; NaN for n < 2."""
    declared: str
    """Why the pairs are by seed only; empty where fingerprints prove them."""
    mismatches: Mapping[int, str]
    """Seed to the fingerprints that disagree: pairs that were left out."""
    same: bool = False
    """Whether the two specs are equal: then each pair is one trial, compared with itself."""
    margin: float = MARGIN
    """Of the plan: smaller differences, in points, do not matter."""
    equivalence_p: float = math.nan
    """Of two one-sided tests of a difference beyond the margin."""
    equivalence_p_holm: float = math.nan
    """The same after Holm's correction over the family."""
    sampling: Sources | None = None
    """What of the error comes from the seeds and what from the test images, in points; None where it is not known."""

    @property
    def verdict(self) -> Verdict:
        """What the pairs show, by the rule of `Verdict`."""
        if self.difference.n < ENOUGH or self.same or self.too_many_diverged:
            return "nothing"
        seen, tested = not self.difference.contains_zero, self.p_holm < LEVEL
        if seen and tested:
            return "higher" if self.difference.mean > 0 else "lower"
        if seen or tested:
            return "signs"
        return "equivalent" if self.equivalent else "undecided"

    @property
    def equivalent(self) -> bool:
        """Whether the difference was shown to lie within the margin, however it differs from zero."""
        return self.difference.n >= ENOUGH and self.equivalence_p_holm < LEVEL

    @property
    def too_many_diverged(self) -> bool:
        return self.counts.too_many_diverged or (
            self.baseline_counts is not None and self.baseline_counts.too_many_diverged
        )


def conditions(trials: pd.DataFrame, evaluations: pd.DataFrame, plan: StoredPlan) -> list[Condition]:
    """One per point of the plan, place by place, variants in the order of the config."""
    mine = dict(iter(trials.groupby("point")))
    looks = dict(iter(evaluations.groupby("point")))
    return [_condition(k, plan, mine.get(k, trials[:0]), looks.get(k, evaluations[:0])) for k in ordered_points(plan)]


def comparisons(trials: pd.DataFrame, plan: StoredPlan, baseline: str | None = None) -> list[Comparison]:
    """One per point of the plan that is not the baseline's (by default the plan's), in the order of `conditions`.

    The family of Holm's correction is all of them, for the tests of difference and for those of equivalence.
    """
    base = plan.baseline if baseline is None else baseline
    pairs = paired(trials, plan, base)
    found = [_comparison(k, base, plan, trials, pairs) for k in ordered_points(plan) if plan.points[k].variant != base]
    corrected = holm([each.test.p for each in found])
    # One family: what cannot be tested for equivalence, for want of scatter, counts as not shown.
    equivalent = holm(
        [1.0 if each.differences and math.isnan(p) else p for each in found for p in [each.equivalence_p]]
    )
    family = int((~np.isnan(corrected)).sum())
    return [
        replace(each, p_holm=float(p), equivalence_p_holm=float(q), family=family)
        for each, p, q in zip(found, corrected, equivalent, strict=True)
    ]


def ordered_points(plan: StoredPlan) -> list[int]:
    """The points' indices: place by place as in the config, variants in their order within each."""
    places: dict[str, int] = {}
    for point in plan.points:
        places.setdefault(repr(point.coordinates), len(places))
    order = {variant: k for k, variant in enumerate(plan.variants)}
    return sorted(
        range(len(plan.points)),
        key=lambda k: (places[repr(plan.points[k].coordinates)], order[plan.points[k].variant]),
    )


def _condition(index: int, plan: StoredPlan, trials: pd.DataFrame, evaluations: pd.DataFrame) -> Condition:
    point = plan.points[index]
    ok = trials[trials["status"] == "ok"]
    accuracy = 100 * ok["test_accuracy"].to_numpy(float)
    runs = _runs(point.spec, trials, evaluations)
    both = ok.dropna(subset="test_accuracy_recalibrated")
    recalibrated = 100 * both["test_accuracy_recalibrated"].to_numpy(float)
    return Condition(
        point=index,
        variant=point.variant,
        coordinates=point.coordinates,
        counts=_counts(trials),
        accuracy=mean_interval(accuracy),
        accuracy_middle=interquartile_mean(accuracy),
        batch_statistics=mean_interval(100 * both["test_accuracy_batch_statistics"].to_numpy(float)),
        recalibrated=mean_interval(recalibrated),
        # Shares of the same test set, as in `_comparison`: without the rounding error of the subtraction.
        recalibration=mean_difference((recalibrated - 100 * both["test_accuracy"].to_numpy(float)).round(9)),
        length=_first(ok["steps"]),
        times={
            measure: {target: _time(each, measure) for target, each in found.items()} for measure, found in runs.items()
        },
        runs=runs,
        parameters_trainable=_first(trials["parameters_trainable"]),
        parameters_normalization=_first(trials["parameters_normalization"]),
        seconds=float(np.median(ok["seconds_train"].to_numpy(float))) if len(ok) else math.nan,
    )


def _counts(trials: pd.DataFrame) -> Counts:
    number = trials["status"].value_counts()
    return Counts(*(int(number.get(status, 0)) for status in ("ok", "diverged", "failed", "missing")))


def _first(column: "pd.Series[Any]") -> int | None:
    known = column.dropna()
    return int(known.iloc[0]) if len(known) else None


def _runs(spec: dict[str, Any], trials: pd.DataFrame, evaluations: pd.DataFrame) -> dict[Measure, dict[int, Runs]]:
    """Time to each of `TARGETS` in each measure, run by run."""
    finished = trials[trials["status"].isin(["ok", "diverged"]) & trials["train_examples"].notna()]
    curves: dict[Any, pd.DataFrame] = dict(iter(evaluations.groupby("seed")))
    if not evaluations["validation_accuracy"].notna().any():
        finished = finished[:0]
    budgets = _budgets(TrainingSpec.model_validate(spec["training"]), finished, curves)

    def runs(measure: Measure, target: int) -> Runs:
        known = finished[np.isfinite(budgets[measure])]
        column = "step" if measure == "steps" else measure
        looks = [curves.get(seed, evaluations[:0]) for seed in known["seed"]]
        return Runs(
            seeds=tuple(int(seed) for seed in known["seed"]),
            reached=tuple(first_reached(look[column], look["validation_accuracy"], target / 100) for look in looks),
            watched=tuple(budgets[measure][np.isfinite(budgets[measure])].tolist()),
            surroundings=tuple(text if isinstance(text, str) else None for text in known["surroundings"]),
        )

    return {measure: {target: runs(measure, target) for target in TARGETS} for measure in MEASURES}


def _time(runs: Runs, measure: Measure) -> TimeToTarget:
    """The summary of some runs; seconds of different surroundings have no median in common."""
    known = time_to_target(runs.reached, runs.watched)
    if measure == "seconds" and (len(set(runs.surroundings)) > 1 or None in runs.surroundings):
        return known._replace(median=math.nan, budget=math.nan)
    return known


def _budgets(
    training: TrainingSpec, finished: pd.DataFrame, curves: Mapping[Any, pd.DataFrame]
) -> dict[Measure, "np.ndarray[Any, Any]"]:
    """The planned end of each finished training in each measure; NaN where it is not known.

    In seconds a diverged run has none of its own.  It gets the mean of the runs of the same point that went to their
    end in the same surroundings, so that no broken run's clock sets the budget that others are compared within.
    """
    examples = finished["train_examples"].to_numpy(int)
    seconds = np.array(
        [
            _seconds(curves.get(seed)) if status == "ok" else math.nan
            for seed, status in finished[["seed", "status"]].to_numpy()
        ],
        dtype=float,
    )
    where = finished["surroundings"].to_numpy(object)
    for k in np.flatnonzero((finished["status"] == "diverged").to_numpy()):
        if math.isnan(_seconds(curves.get(finished["seed"].iloc[k]))):
            continue  # what its clock said before it broke cannot be used either
        alike = seconds[(where == where[k]) & (finished["status"] == "ok").to_numpy() & np.isfinite(seconds)]
        seconds[k] = alike.mean() if alike.size else math.nan
    return {
        "steps": np.array([training.epochs * training.steps_per_epoch(n) for n in examples], dtype=float),
        "examples": np.array([training.epochs * training.examples_per_epoch(n) for n in examples], dtype=float),
        "seconds": seconds,
    }


def _seconds(look: pd.DataFrame | None) -> float:
    """The last of a run's times; NaN where they are not times that increase."""
    times = np.array([0.0]) if look is None else np.concatenate([[0.0], look["seconds"].to_numpy(float)])
    return float(times[-1]) if times.size > 1 and (np.diff(times) > 0).all() else math.nan


def _comparison(index: int, base: str, plan: StoredPlan, trials: pd.DataFrame, pairs: pd.DataFrame) -> Comparison:
    point = plan.points[index]
    mine = pairs[pairs["point"] == index]
    whole = mine[mine["state"] == "paired"]
    baseline_point = int(mine["baseline_point"].iloc[0]) if len(mine) else None
    seeds = [int(seed) for seed in whole["seed"]]
    accuracy = {
        key: trials[trials["point"] == key].set_index("seed")["test_accuracy"] for key in (index, baseline_point)
    }
    # Shares of the same test set: without the rounding error of the subtraction, so that ties are ties.
    differences = [round(100 * float(accuracy[index][k] - accuracy[baseline_point][k]), 9) for k in seeds]
    test = sign_flip_test(differences)
    return Comparison(
        point=index,
        baseline_point=baseline_point,
        variant=point.variant,
        baseline=base,
        coordinates=point.coordinates,
        counts=_counts(trials[trials["point"] == index]),
        baseline_counts=None if baseline_point is None else _counts(trials[trials["point"] == baseline_point]),
        planned=len(mine),
        differences=tuple(differences),
        seeds=tuple(seeds),
        difference=mean_difference(differences),
        test=test,
        p_holm=test.p,
        family=1,
        improvement=improvement(differences),
        detectable=minimum_detectable_effect(differences),
        declared=str(mine["declared"].iloc[0]) if len(mine) else "",
        same=baseline_point is not None and point.spec == plan.points[baseline_point].spec,
        margin=plan.margin,
        equivalence_p=tost(differences, plan.margin).p,
        mismatches={int(seed): str(text) for seed, text in zip(mine["seed"], mine["mismatch"], strict=True) if text},
    )
