"""When each training of one side reached a validation accuracy, if it did, and how much faster than the baseline's.

Times are taken in several measures, and the two sides compared pair by pair.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from bnexp.evidence.rule import FEWEST, Direction, ratio_direction
from bnexp.evidence.side import Side
from bnexp.records.quantities import QUANTITY
from bnexp.records.record import TrialRecord
from bnexp.specs.training import TrainingSpec
from bnexp.stats import survival
from bnexp.stats.estimates import Interval
from bnexp.stats.paired import SignFlip

TARGETS = (97, 98, 99)
"""Validation accuracies in per cent to which the time is taken."""

Measure = Literal["steps", "examples", "seconds"]
"""Of time: optimizer steps, training examples seen, seconds of training without compilation and evaluation."""

MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class Runs:
    """When each run of one side reached a target, in one measure of time."""

    seeds: tuple[int, ...]
    """Of the trials that are ok or diverged; () without a validation split."""
    reached: tuple[float, ...]
    """NaN where it did not; a diverged trial that was not there before never gets there."""
    watched: tuple[float, ...]
    """Planned end of the training: the budget.  A diverged run's in seconds is what the others take on average."""
    surroundings: tuple[str | None, ...]
    """Of each run what bears on its seconds: compared only where it is known, and alike."""
    looks: tuple[tuple[float, ...], ...]
    """Of each run the times of the evaluations at which it could be seen to be there (`stats.time_ratio`)."""

    def of(self, seeds: Sequence[int]) -> "Runs":
        """Those of these seeds, in their order."""
        at = [self.seeds.index(seed) for seed in seeds]
        columns = (self.reached, self.watched, self.surroundings, self.looks)
        return Runs(tuple(seeds), *(tuple(column[k] for k in at) for column in columns))  # type: ignore[arg-type]


def runs(side: Side) -> dict[Measure, dict[int, Runs]]:
    """The time to each of `TARGETS` in each measure, run by run."""
    trained = {seed: each for seed, each in side.of("ok", "diverged").items() if each.train_examples is not None}
    if all(look.validation_accuracy is None for each in trained.values() for look in each.evaluations):
        trained = {}
    ends = {measure: {seed: planned_end(each, measure) for seed, each in trained.items()} for measure in MEASURES[:2]}
    ends["seconds"] = _ends_in_seconds(trained)
    return {
        measure: {target: runs_to(target, measure, trained, ends[measure]) for target in TARGETS}
        for measure in MEASURES
    }


def runs_to(
    target: float,
    measure: Measure,
    records: Mapping[int, TrialRecord],
    ends: Mapping[int, float],
    *,
    recalibrated: bool = False,
) -> Runs:
    """Of the records whose planned end is known."""
    known = {seed: records[seed] for seed, end in ends.items() if math.isfinite(end)}
    return Runs(
        seeds=tuple(known),
        reached=tuple(reached(each, measure, target, recalibrated=recalibrated) for each in known.values()),
        watched=tuple(ends[seed] for seed in known),
        surroundings=tuple(QUANTITY["surroundings"].get(each) for each in known.values()),
        looks=tuple(looks(each, measure, ends[seed]) for seed, each in known.items()),
    )


def summary(found: Runs, measure: Measure) -> survival.TimeToTarget:
    """Of some runs; seconds of different or unknown surroundings have no median in common."""
    known = survival.time_to_target(found.reached, found.watched, looks=found.looks)
    apart = len(set(found.surroundings)) > 1 or None in found.surroundings
    return known._replace(median=math.nan, after=math.nan, budget=math.nan) if measure == "seconds" and apart else known


def reached(record: TrialRecord, measure: Measure, target: float, *, recalibrated: bool = False) -> float:
    """The time of a training to a validation accuracy in per cent (`stats.first_reached`); NaN where it never was.

    Under recalibrated statistics if so wished, for methods that have some.
    """
    times = _times(record, measure)
    found = [each.validation_accuracy for each in record.evaluations]
    if recalibrated and any(each.recalibrated_accuracy is not None for each in record.evaluations):
        found = [each.recalibrated_accuracy for each in record.evaluations]
    accuracy = np.array(found, dtype=float)  # NaN for None
    return survival.first_reached(times, accuracy, target / 100)


def looks(record: TrialRecord, measure: Measure, end: float) -> tuple[float, ...]:
    """The times at which it could be seen to be at an accuracy: not at the last evaluation, which none confirms.

    A diverged run is known not to be there until its planned `end`.
    """
    times = _times(record, measure)
    return (*(times[:-1] or [end]),) if record.status == "ok" else (*(each for each in times if each < end), end)


def _times(record: TrialRecord, measure: Measure) -> list[float]:
    return [each.step if measure == "steps" else getattr(each, measure) for each in record.evaluations]


def planned_end(record: TrialRecord, measure: Measure) -> float:
    """Steps or examples of the whole training that was planned."""
    given = record.spec["training"]  # of whatever protocol: the evaluations of 1 and 2 were given otherwise
    training = TrainingSpec.model_validate({key: value for key, value in given.items() if key != "evaluations"})
    n = record.train_examples or 0
    return float(training.length(n) if measure == "steps" else training.examples(n))


def _ends_in_seconds(trained: Mapping[int, TrialRecord]) -> dict[int, float]:
    """The seconds of each whole training; NaN where they are not known.

    A diverged run has none of its own.  It gets the mean of the runs of the same side that went to their end in the
    same surroundings, so that no broken run's clock sets the budget that others are compared within.
    """
    own = {seed: _seconds(each) for seed, each in trained.items()}
    surroundings = {seed: QUANTITY["surroundings"].get(each) for seed, each in trained.items()}
    known = {seed: end for seed, end in own.items() if trained[seed].status == "ok" and math.isfinite(end)}
    ends = dict(own)
    for seed, each in trained.items():
        if each.status != "ok" and math.isfinite(own[seed]):  # else what its clock said before it broke is no use
            alike = [end for k, end in known.items() if surroundings[k] == surroundings[seed]]
            ends[seed] = float(np.mean(alike)) if alike else math.nan
    return ends


def _seconds(record: TrialRecord) -> float:
    """The last of a run's times; NaN where they are not times that increase."""
    times = [0.0, *(each.seconds for each in record.evaluations)]
    return times[-1] if len(times) > 1 and (np.diff(times) > 0).all() else math.nan


@dataclass(frozen=True)
class TimeRatio:
    """One variant against the baseline, to one target, in one measure of time."""

    ratio: Interval
    """Time of the variant over that of the baseline (`stats.time_ratio`), over the pairs of finished trials, diverged
    ones included; NaN where one of them is never there."""
    test: SignFlip
    """The log-rank test for pairs, of: the ratio is 1."""
    p_holm: float
    """The p of that test after Holm's correction over the comparisons to the same target."""
    family: int
    least: float
    """As in `paired.Estimate`."""
    unlike: int
    """Pairs that were left out of the seconds: their trials are not known to have run in the same surroundings."""

    @property
    def verdict(self) -> Direction | Literal["nothing"]:
        """What the pairs show: the time is higher or lower, by the log-rank test, whose interval leaves 1 out."""
        return "nothing" if self.ratio.n < FEWEST else ratio_direction(self.ratio, self.p_holm)


Times = Mapping[tuple[int, int], TimeRatio]
"""By point of the plan, and target."""


def paired_times(
    mine: Runs,
    base: Runs,
    *,
    without: Collection[int] = (),
    alike: bool = False,
    confidence: float = 0.95,
    margin: float = 0.0,
) -> TimeRatio:
    """A family of its own; over the seeds of both but for those `without`, and of `alike` surroundings if so wished.

    `confidence` of the interval and `margin` of the test: see `stats.time_ratio`.
    """
    seeds = [seed for seed in mine.seeds if seed in base.seeds and seed not in without]
    here, there = (dict(zip(side.seeds, side.surroundings, strict=True)) for side in (mine, base))
    kept = [seed for seed in seeds if not alike or (here[seed] is not None and here[seed] == there[seed])]
    a, b = mine.of(kept), base.of(kept)
    ratio, test = survival.time_ratio(
        a.reached, a.watched, b.reached, b.watched, looks=(a.looks, b.looks), confidence=confidence, margin=margin
    )
    return TimeRatio(ratio, test, p_holm=test.p, family=1, least=test.smallest, unlike=len(seeds) - len(kept))
