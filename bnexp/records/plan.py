"""The stored plan of an experiment: so that a report knows what is missing without the config."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from bnexp.specs.claims import Claim, fingerprint, points_of
from bnexp.specs.experiment import MARGIN, Experiment, Published
from bnexp.specs.trial import StoredSpec, Trial
from bnexp.specs.values import Frozen


class StoredPoint(Frozen):
    """A variant at one place of the grid, with its trials."""

    variant: str
    coordinates: dict[str, Any]
    """Grid key to value, such as `{"training.batch_size": 16}`; in the order of the config."""
    spec: StoredSpec
    trials: dict[int, str]
    """Seed to the name of the trial's folder under `trials/`."""


class StoredClaim(Frozen):
    """A claim with the hash of its rule."""

    claim: Claim
    hash: str
    """SHA-256 (`specs.claims.fingerprint`)."""


class StoredPlan(Frozen):
    """What `experiments/<name>.json` holds."""

    schema_version: Literal[1] = 1
    name: str
    about: str
    variants: Annotated[tuple[str, ...], Field(strict=False)]
    baseline: str
    seeds: Annotated[tuple[int, ...], Field(strict=False)]
    """Every seed that was ever asked for: the union of the selections."""
    points: Annotated[tuple[StoredPoint, ...], Field(strict=False)]
    further_baselines: Annotated[tuple[str, ...], Field(strict=False)] = ()
    primary: str = "test-accuracy"
    """The metric in which the report asserts something (`specs.metrics`); older plans lack it."""
    margin: float | None = Field(MARGIN, gt=0, lt=100)
    """In the unit of the primary metric, within which the report tests for equivalence; None: it does not."""
    looks: Annotated[tuple[int, ...] | None, Field(strict=False)] = None
    """Where seeds are added until all is decided (`stats.sequential`): after how many it was looked at; else None."""
    published: Annotated[tuple[Published, ...], Field(strict=False)] = ()
    """Results of others to hold these against; older plans lack it."""
    claims: dict[str, StoredClaim] = Field(default_factory=dict)
    """By id; older plans lack them."""
    registered: dict[str, str] = Field(default_factory=dict)
    """By id the hash of the rule that was stored before the first trial that it is about, also of claims that were
    taken out since: a claim whose hash is another one was edited afterwards, or not stored before."""
    config: str = ""
    """The file, from the working folder, or its name alone where it lay outside; "" for none, and in older plans."""
    options: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The words of the command line that made the experiment of its file (`--set`, `--name`, `--smoke`)."""

    @property
    def late(self) -> list[str]:
        """The claims whose rule was not stored, as it is, before the first trial: their verdicts are exploratory."""
        return [name for name, each in self.claims.items() if self.registered.get(name) != each.hash]


def stored_plan(experiment: Experiment) -> StoredPlan:
    """The plan of an experiment as it is stored."""
    return StoredPlan(
        name=experiment.name,
        about=experiment.about,
        variants=experiment.variants,
        baseline=experiment.baseline,
        further_baselines=experiment.further_baselines,
        primary=experiment.primary,
        seeds=experiment.seeds,
        margin=experiment.margin,
        looks=experiment.looks,
        published=experiment.published,
        claims={
            name: StoredClaim(claim=each, hash=fingerprint(each, experiment))
            for name, each in experiment.claims.items()
        },
        config=_from_here(experiment.source),
        options=experiment.options,
        points=tuple(
            StoredPoint(
                variant=point.variant,
                coordinates=dict(point.coordinates),
                spec=point.spec.model_dump(mode="json"),
                trials={
                    seed: Trial(point.spec, seed).folder
                    for seed in (experiment.seeds if point.seeds is None else point.seeds)
                },
            )
            for point in experiment.points
        ),
    )


def _from_here(file: str) -> str:
    """A path outside the working folder may name a user."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return file and (path.name if path.is_absolute() or ".." in path.parts else str(path))


def united_plan(
    experiment: Experiment, stored: StoredPlan | None, begun: Callable[[str], bool] = lambda folder: True
) -> StoredPlan:
    """The plan to store: with the seeds of the stored one too, where both consist of the same points.

    Seeds that were once added until all is decided are not fixed ones later.  Where a variant, a grid point or a spec
    differs, the config was edited: its plan stands alone.  Claims of whose trials none has `begun`, by their folders,
    are registered.
    """
    plan = stored_plan(experiment)
    if stored is not None and _points(plan) == _points(stored):
        if experiment.looks is None and stored.looks is not None:
            plan = stored_plan(replace(experiment, looks=stored.looks))
        earlier = {_point(point): point.trials for point in stored.points}
        united = [
            point.model_copy(update={"trials": {**point.trials, **earlier[_point(point)]}}) for point in plan.points
        ]
        plan = plan.model_copy(
            update={
                "seeds": (*plan.seeds, *(seed for seed in stored.seeds if seed not in plan.seeds)),
                "points": tuple(united),
            }
        )
    registered = dict(stored.registered) if stored is not None else {}
    for name, claim in experiment.claims.items():
        about = {(point.variant, point.coordinates) for point in points_of(claim, experiment)}
        folders = [
            folder
            for point, each in zip(experiment.points, plan.points, strict=True)
            if (point.variant, point.coordinates) in about
            for folder in each.trials.values()
        ]
        if registered.get(name) != plan.claims[name].hash and not any(map(begun, folders)):
            registered[name] = plan.claims[name].hash
    return plan.model_copy(update={"registered": registered})


def _points(plan: StoredPlan) -> list[str]:
    """What the points are, in whatever order they come."""
    return sorted(map(_point, plan.points))


def _point(point: StoredPoint) -> str:
    return json.dumps([point.variant, point.coordinates, point.spec], sort_keys=True)
