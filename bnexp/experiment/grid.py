"""From an experiment to its trials: grid points crossed with variants, in an order that stays balanced."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bnexp.experiment.spec import TrialSpec
from bnexp.experiment.trial import Trial


@dataclass(frozen=True)
class Point:
    """One thing that is trained with every seed: a variant at one place of the grid."""

    variant: str
    coordinates: tuple[tuple[str, Any], ...]
    """The grid keys with their values here, in the order of the file: `(("training.batch_size", 16),)`."""
    spec: TrialSpec


@dataclass(frozen=True)
class Experiment:
    """A config, checked and resolved."""

    name: str
    about: str
    variants: tuple[str, ...]
    """Names, in the order of the file: the order of every figure and table."""
    baseline: str
    seeds: tuple[int, ...]
    points: tuple[Point, ...]
    """Grid-major, variants interleaved."""
    search_path: tuple[str, ...] = ()
    source: str = ""
    """The file that it came from, for messages; empty if none."""


@dataclass(frozen=True)
class PlannedTrial:
    """A trial, and what it is in its experiment."""

    point: Point
    trial: Trial


def plan(experiment: Experiment) -> Iterator[PlannedTrial]:
    """All trials, seed-major: stopping at any time leaves every variant with nearly the same seeds."""
    for seed in experiment.seeds:
        for point in experiment.points:
            yield PlannedTrial(point, Trial(point.spec, seed, experiment.search_path))
