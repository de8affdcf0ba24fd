"""What two trials are compared in: one number of each record, its unit, and which direction is better."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bnexp.errors import UserError
from bnexp.evidence.time_to_accuracy import planned_end, reached
from bnexp.records.quantities import QUANTITY, Quantity
from bnexp.records.record import TrialRecord
from bnexp.specs.metrics import steps_to
from bnexp.specs.wording import did_you_mean

Value = Callable[[TrialRecord], float | None]


@dataclass(frozen=True)
class Metric:
    """One figure of a trial."""

    name: str
    """As it is typed."""
    label: str
    """What it is, in words."""
    unit: str
    """Of the values."""
    higher_is_better: bool
    value: Value
    """In its unit; None where the record has none, infinite where a target was not reached."""
    budget: Value | None = None
    """The planned end of a training; what is later than it, or infinite, counts as it."""
    resolution: Value = lambda _: None
    """The steps in which its values come, in its unit; None where they are not rounded."""

    @property
    def unit_of_differences(self) -> str:
        """Of accuracies, percentage points."""
        return "percentage points" if self.unit == "%" else self.unit

    def of(self, records: Mapping[int, TrialRecord]) -> dict[int, float]:
        """Seed to value, of the trials that have one."""
        return {seed: value for seed, each in records.items() if (value := self.value(each)) is not None}

    def pair(self, one: TrialRecord, other: TrialRecord) -> tuple[float, float] | None:
        """The values of two trials, cut at the earlier of their budgets; None where one of them has no value."""
        first, second = self.value(one), self.value(other)
        if first is None or second is None:
            return None
        budgets = [self.budget(record) for record in (one, other)] if self.budget else []
        ends = [budget for budget in budgets if budget is not None]
        return min([first, *ends]), min([second, *ends])


def metric(name: str) -> Metric:
    """The metric of a name; raises UserError for another one."""
    if name in METRICS:
        return METRICS[name]
    if found := steps_to(name):
        target, recalibrated = found
        return _steps_to(name, target, recalibrated=recalibrated)
    raise UserError(f"--metric: unknown metric {name!r}{did_you_mean(name, [*METRICS, 'steps-to-99'])}")


def _measured(name: str, quantity: Quantity, otherwise: Quantity | None = None) -> Metric:
    """A quantity of trainings that went to their end; `otherwise` of those that do not have it.  Shares in per cent."""
    share = quantity.unit == "share"

    def value(record: TrialRecord) -> float | None:
        found = quantity.get(record) if record.status == "ok" else None
        if found is None and otherwise is not None:
            found = otherwise.get(record)
        return 100 * found if share and found is not None else found

    def one_image(record: TrialRecord) -> float | None:
        images = quantity.images(record)
        return 100 / images if images else None

    unit, higher = "%" if share else quantity.unit, quantity.better == "higher"
    return Metric(name, quantity.label, unit, higher_is_better=higher, value=value, resolution=one_image)


def _steps_to(name: str, target: float, *, recalibrated: bool) -> Metric:
    """Steps to a validation accuracy in per cent; a run that never gets there takes its whole budget."""

    def steps(record: TrialRecord) -> float | None:
        if record.validation_examples == 0:
            return None
        step = reached(record, "steps", target, recalibrated=recalibrated)
        return math.inf if math.isnan(step) else step

    def budget(record: TrialRecord) -> float | None:
        return None if record.train_examples is None else planned_end(record, "steps")

    def widest(record: TrialRecord) -> float | None:
        return float(np.diff([0, *(each.step for each in record.evaluations)]).max(initial=0))

    label = f"steps to {target:g} % validation accuracy{' under recalibrated statistics' if recalibrated else ''}"
    return Metric(name, label, "steps", higher_is_better=False, value=steps, budget=budget, resolution=widest)


METRICS = {
    name: _measured(name, *(QUANTITY[key] for key in keys.split()))
    for name, keys in {
        "test-accuracy": "test_accuracy",
        # Methods without statistics have one figure only.
        "recalibrated-accuracy": "test_accuracy_recalibrated test_accuracy",
        "validation-accuracy": "validation_accuracy",
        "test-loss": "test_loss",
        "validation-loss": "validation_loss",
        "train-loss": "train_loss",
        "seconds": "seconds_train",
    }.items()
}
"""Besides these, `steps-to-N` and `recalibrated-steps-to-N` for any validation accuracy N in per cent."""
