"""The stored plan of an experiment: so that a report knows what is missing without the config."""

from typing import Annotated, Any

from pydantic import Field

from bnexp.experiment.grid import Experiment
from bnexp.experiment.trial import Trial
from bnexp.values import Frozen


class StoredPoint(Frozen):
    """A variant at one place of the grid, with its trials."""

    variant: str
    coordinates: dict[str, Any]
    """Grid key to value, such as `{"training.batch_size": 16}`; in the order of the config."""
    spec: dict[str, Any]
    """The resolved spec, every key explicit."""
    trials: dict[int, str]
    """Seed to the name of the trial's folder under `trials/`."""


class StoredPlan(Frozen):
    """What `experiments/<name>.json` holds."""

    schema_version: int = 1
    name: str
    about: str
    variants: Annotated[tuple[str, ...], Field(strict=False)]
    baseline: str
    seeds: Annotated[tuple[int, ...], Field(strict=False)]
    """Every seed that was ever asked for: the union of the selections."""
    points: Annotated[tuple[StoredPoint, ...], Field(strict=False)]


def stored_plan(experiment: Experiment) -> StoredPlan:
    """The plan of an experiment as it is stored."""
    return StoredPlan(
        name=experiment.name,
        about=experiment.about,
        variants=experiment.variants,
        baseline=experiment.baseline,
        seeds=experiment.seeds,
        points=tuple(
            StoredPoint(
                variant=point.variant,
                coordinates=dict(point.coordinates),
                spec=point.spec.model_dump(mode="json"),
                trials={seed: Trial(point.spec, seed).folder for seed in experiment.seeds},
            )
            for point in experiment.points
        ),
    )
