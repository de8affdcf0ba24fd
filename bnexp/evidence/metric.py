"""What two trials are compared in: one number of each record, its unit, and which direction is better."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from bnexp.errors import UserError
from bnexp.records.record import TrialRecord
from bnexp.specs.training import TrainingSpec
from bnexp.specs.wording import did_you_mean
from bnexp.stats.convergence import first_reached

Value = Callable[[TrialRecord], float | None]


@dataclass(frozen=True)
class Metric:
    """One figure of a trial."""

    name: str
    """As it is typed."""
    words: str
    """What it is."""
    phrase: str
    """A difference in words, after its number: `points of test accuracy`."""
    unit: str
    """Of the values."""
    unit_of_differences: str
    higher_is_better: bool
    value: Value
    """In its unit; None where the record has none, infinite where a target was not reached."""
    budget: Value | None = None
    """The planned end of a training; what is later than it, or infinite, counts as it."""
    resolution: Value = lambda _: None
    """The steps in which its values come, in its unit; None where they are not rounded."""
    seconds: bool = False
    """Whether it is a time on the clock, which bears on the machine too."""

    def pair(self, one: TrialRecord, other: TrialRecord) -> tuple[float, float] | None:
        """The values of two trials, cut at the earlier of their budgets; None where one of them has no value."""
        values = self.value(one), self.value(other)
        if values[0] is None or values[1] is None:
            return None
        if self.budget is None:
            return values[0], values[1]
        budgets = [budget for record in (one, other) if (budget := self.budget(record)) is not None]
        return min(values[0], *budgets), min(values[1], *budgets)


def metric(name: str) -> Metric:
    """The metric of a name; raises UserError for another one."""
    if name in METRICS:
        return METRICS[name]
    if match := re.fullmatch(r"steps-to-(\d{1,2}(?:\.\d{1,3})?)", name):
        target = float(match[1])
        if target > 0:
            return _steps_to(name, target)
    raise UserError(f"--metric: unknown metric {name!r}{did_you_mean(name, [*METRICS, 'steps-to-99'])}")


def _accuracy(name: str, words: str, value: Value, images: Callable[[TrialRecord], int | None]) -> Metric:
    def per_cent(record: TrialRecord) -> float | None:
        share = value(record)
        return None if share is None else 100 * share

    def one_image(record: TrialRecord) -> float | None:
        number = images(record)
        return 100 / number if number else None

    phrase = f"points of {words}"
    return Metric(name, words, phrase, "%", "points", higher_is_better=True, value=per_cent, resolution=one_image)


def _loss(name: str, words: str, value: Value) -> Metric:
    return Metric(name, words, f"nats of {words}", "nats", "nats", higher_is_better=False, value=value)


def _steps_to(name: str, target: float) -> Metric:
    """Steps to a validation accuracy in per cent; a run that never gets there takes its whole budget."""

    def steps(record: TrialRecord) -> float | None:
        looks = [
            (each.step, each.validation_accuracy) for each in record.evaluations if each.validation_accuracy is not None
        ]
        if not looks and record.validation_examples == 0:
            return None
        reached = first_reached([step for step, _ in looks], [accuracy for _, accuracy in looks], target / 100)
        return math.inf if math.isnan(reached) else reached

    def budget(record: TrialRecord) -> float | None:
        if record.train_examples is None:
            return None
        return float(TrainingSpec.model_validate(record.spec["training"]).evaluation_steps(record.train_examples)[-1])

    def widest(record: TrialRecord) -> float | None:
        steps = [0, *(each.step for each in record.evaluations)]
        return float(max((after - before for before, after in pairwise(steps)), default=0))

    words = f"steps to {target:g} % validation accuracy"
    return Metric(
        name,
        words,
        phrase=words,
        unit="steps",
        unit_of_differences="steps",
        higher_is_better=False,
        value=steps,
        budget=budget,
        resolution=widest,
    )


def _recalibrated(record: TrialRecord) -> float | None:
    """Under statistics over training images; methods without statistics have one figure only."""
    if record.other_statistics is not None:
        return record.other_statistics.recalibrated.accuracy
    return record.test.accuracy if record.test else None


def _tested(record: TrialRecord) -> int | None:
    return record.test.examples if record.test else None


def _validated(record: TrialRecord) -> int | None:
    return record.validation_examples


def _last(key: str) -> Value:
    """At the last evaluation of a training that went to its end."""
    return lambda record: getattr(record.evaluations[-1], key) if record.status == "ok" and record.evaluations else None


METRICS = {
    each.name: each
    for each in (
        _accuracy(
            "test-accuracy", "test accuracy", lambda record: record.test.accuracy if record.test else None, _tested
        ),
        _accuracy("recalibrated-accuracy", "test accuracy under recalibrated statistics", _recalibrated, _tested),
        _accuracy("validation-accuracy", "validation accuracy at the end", _last("validation_accuracy"), _validated),
        _loss("test-loss", "test loss", lambda record: record.test.loss if record.test else None),
        _loss("validation-loss", "validation loss at the end", _last("validation_loss")),
        _loss("train-loss", "training loss at the end", _last("train_loss")),
        Metric(
            "seconds",
            "seconds of training",
            "seconds of training",
            "s",
            "s",
            higher_is_better=False,
            value=lambda record: record.seconds.train if record.status == "ok" and record.seconds else None,
            seconds=True,
        ),
    )
}
"""Besides these, `steps-to-N` for any validation accuracy N in per cent."""
