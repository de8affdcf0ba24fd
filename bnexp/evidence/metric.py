"""What two trials are compared in: one number of each record, its unit, and which direction is better."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bnexp.errors import UserError
from bnexp.evidence.time_to_accuracy import Runs, planned_end, reached, runs_to
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
    runs: Callable[[Mapping[int, TrialRecord]], Runs] | None = None
    """Of times to a target: when each training reached it.  They are compared by their ratio (`paired_times`)."""
    resolution: Value = lambda _: None
    """The steps in which its values come, in its unit; None where they are not rounded."""

    @property
    def unit_of_differences(self) -> str:
        """Of accuracies, percentage points; of times their ratio."""
        return "percentage points" if self.unit == "%" else "ratio" if self.runs else self.unit

    def of(self, records: Mapping[int, TrialRecord]) -> dict[int, float]:
        """Seed to value, of the trials that have one."""
        return {seed: value for seed, each in records.items() if (value := self.value(each)) is not None}

    def pair(self, one: TrialRecord, other: TrialRecord) -> tuple[float, float] | None:
        """The values of two trials; None where one of them has no value."""
        first, second = self.value(one), self.value(other)
        return None if first is None or second is None else (first, second)


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
    """Steps to a validation accuracy in per cent."""

    def steps(record: TrialRecord) -> float | None:
        if record.validation_examples == 0 or record.train_examples is None:
            return None
        step = reached(record, "steps", target, recalibrated=recalibrated)
        return math.inf if math.isnan(step) else step

    def runs(records: Mapping[int, TrialRecord]) -> Runs:
        ends = {seed: planned_end(each, "steps") for seed, each in records.items()}
        return runs_to(target, "steps", records, ends, recalibrated=recalibrated)

    label = f"steps to {target:g} % validation accuracy{' under recalibrated statistics' if recalibrated else ''}"
    return Metric(name, label, "steps", higher_is_better=False, value=steps, runs=runs)


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
