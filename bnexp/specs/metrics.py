"""The names of what trials are compared in; `evidence.metric` says what each is of a record."""

import re
from typing import NamedTuple

from bnexp.specs.probes import PROBES, Value

ACCURACIES = ("test-accuracy", "recalibrated-accuracy", "validation-accuracy")
"""In per cent, differences in percentage points."""

METRICS = (*ACCURACIES, "test-loss", "validation-loss", "train-loss", "seconds")

BEST_RATE = "best-rate-accuracy"
"""Test accuracy of each variant at its own best learning rate: of a whole experiment, not of a trial."""

PRIMARIES = (*(name for name in METRICS if name != "seconds"), BEST_RATE)
"""Of an experiment, besides `steps-to-N`; seconds say as much of the machine."""


def steps_to(name: str) -> tuple[float, bool] | None:
    """Of `steps-to-97.5` the validation accuracy in per cent, and whether it is that of `recalibrated-steps-to-N`."""
    found = re.fullmatch(r"(recalibrated-)?steps-to-(\d{1,2}(?:\.\d{1,3})?)", name)
    return (float(found[2]), bool(found[1])) if found and float(found[2]) > 0 else None


class OfProbe(NamedTuple):
    """A number that a probe takes."""

    probe: str
    name: str
    value: Value


FACTORS = tuple(
    f"{probe}.{name}" for probe, known in PROBES.items() for name, value in known.values.items() if value.scale == "log"
)
"""Numbers of probes that are compared as factors: all of them are positive."""


def of_probe(name: str) -> OfProbe | None:
    """Of `smoothness.loss-range` what it is; None where it is none of the `FACTORS`."""
    if name not in FACTORS:
        return None
    probe, _, value = name.partition(".")
    return OfProbe(probe, value, PROBES[probe].values[value])


def is_primary(name: str) -> bool:
    """Whether an experiment may have this primary metric."""
    return name in PRIMARIES or steps_to(name) is not None


def is_of_validation(name: str) -> bool:
    """Whether it takes validation images."""
    return name.startswith("validation-") or name == BEST_RATE or steps_to(name) is not None
