"""When each training of one side reached a validation accuracy, if it did, in several measures of time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from bnexp.evidence.side import Side
from bnexp.records.quantities import QUANTITY
from bnexp.records.record import TrialRecord
from bnexp.specs.training import TrainingSpec
from bnexp.stats.convergence import TimeToTarget, first_reached, time_to_target

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

    def of(self, seeds: Sequence[int]) -> "Runs":
        """Those of these seeds, in their order."""
        at = [self.seeds.index(seed) for seed in seeds]
        columns = (self.reached, self.watched, self.surroundings)
        return Runs(tuple(seeds), *(tuple(column[k] for k in at) for column in columns))  # type: ignore[arg-type]

    def within(self, budget: float) -> "Runs":
        """The same, watched until `budget` at most."""
        reached = tuple(math.nan if t > budget else t for t in self.reached)
        return replace(self, reached=reached, watched=tuple(min(t, budget) for t in self.watched))

    @property
    def alike(self) -> bool:
        """Whether all are known to have had the same surroundings."""
        return len(set(self.surroundings)) < 2 and None not in self.surroundings


def runs(side: Side) -> dict[Measure, dict[int, Runs]]:
    """The time to each of `TARGETS` in each measure, run by run."""
    trained = {seed: each for seed, each in side.of("ok", "diverged").items() if each.train_examples is not None}
    if all(look.validation_accuracy is None for each in trained.values() for look in each.evaluations):
        trained = {}
    ends = {measure: {seed: planned_end(each, measure) for seed, each in trained.items()} for measure in MEASURES[:2]}
    surroundings: dict[int, str | None] = {seed: QUANTITY["surroundings"].get(each) for seed, each in trained.items()}
    ends["seconds"] = _ends_in_seconds(trained, surroundings)

    def to(target: int, measure: Measure) -> Runs:
        known = {seed: trained[seed] for seed, end in ends[measure].items() if math.isfinite(end)}
        return Runs(
            seeds=tuple(known),
            reached=tuple(reached(each, measure, target) for each in known.values()),
            watched=tuple(ends[measure][seed] for seed in known),
            surroundings=tuple(surroundings[seed] for seed in known),
        )

    return {measure: {target: to(target, measure) for target in TARGETS} for measure in MEASURES}


def summary(found: Runs, measure: Measure) -> TimeToTarget:
    """Of some runs; seconds of different surroundings have no median in common."""
    known = time_to_target(found.reached, found.watched)
    return known if measure != "seconds" or found.alike else known._replace(median=math.nan, budget=math.nan)


def reached(record: TrialRecord, measure: Measure, target: float) -> float:
    """The time of a training to a validation accuracy in per cent (`stats.first_reached`); NaN where it never was."""
    times = [each.step if measure == "steps" else getattr(each, measure) for each in record.evaluations]
    accuracy = [
        math.nan if each.validation_accuracy is None else each.validation_accuracy for each in record.evaluations
    ]
    return first_reached(times, accuracy, target / 100)


def planned_end(record: TrialRecord, measure: Measure) -> float:
    """Steps or examples of the whole training that was planned."""
    training = TrainingSpec.model_validate(record.spec["training"])
    per_epoch = training.steps_per_epoch if measure == "steps" else training.examples_per_epoch
    return float(training.epochs * per_epoch(record.train_examples or 0))


def _ends_in_seconds(trained: Mapping[int, TrialRecord], surroundings: Mapping[int, str | None]) -> dict[int, float]:
    """The seconds of each whole training; NaN where they are not known.

    A diverged run has none of its own.  It gets the mean of the runs of the same side that went to their end in the
    same surroundings, so that no broken run's clock sets the budget that others are compared within.
    """
    own = {seed: _seconds(each) for seed, each in trained.items()}

    def end(seed: int) -> float:
        if trained[seed].status == "ok" or math.isnan(own[seed]):
            return own[seed]  # what a clock said before the run broke cannot be used either
        alike = [
            own[k]
            for k, each in trained.items()
            if each.status == "ok" and math.isfinite(own[k]) and surroundings[k] == surroundings[seed]
        ]
        return float(np.mean(alike)) if alike else math.nan

    return {seed: end(seed) for seed in trained}


def _seconds(record: TrialRecord) -> float:
    """The last of a run's times; NaN where they are not times that increase."""
    times = [0.0, *(each.seconds for each in record.evaluations)]
    return times[-1] if len(times) > 1 and (np.diff(times) > 0).all() else math.nan
