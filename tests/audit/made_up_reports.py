"""Whole experiments of made-up outcomes, whose truth is known, as the report takes them: thousands in a minute.

Records are real ones but for their numbers, and are never written: `Evidence` is given them as if it had read them.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from bnexp.evidence.experiment import Evidence
from bnexp.records.frames import Planned
from bnexp.records.plan import StoredPlan, stored_plan
from bnexp.records.record import Evaluation, Failure, Fingerprints, Test, TrialRecord
from bnexp.specs.experiment import RATE, Experiment, Point
from bnexp.specs.trial import PROTOCOL, Trial, TrialSpec

IMAGES = 10_000
GUESSING, END = 0.1, 0.99
NORMS = ("none", "batch", "layer", "rms", "instance", "weight", "spectral", "affine", "layer-full")


@cache
def experiment(
    variants: int,
    seeds: int,
    rates: tuple[float, ...] = (),
    primary: str = "test-accuracy",
    *,
    sequential: bool = False,
) -> StoredPlan:
    """The plan of so many variants, the first of them the baseline, at each of the learning rates."""
    names = NORMS[:variants]
    points = [
        Point(
            name,
            ((RATE, rate),) if rates else (),
            TrialSpec.model_validate(
                {"data": "mnist", "norm": name, "training": {"optimizer": {"learning_rate": rate or 1e-3}, "epochs": 3}}
            ),
        )
        for rate in rates or (None,)
        for name in names
    ]
    found = Experiment("made-up", "", names, names[0], tuple(range(seeds)), tuple(points), primary=primary)
    return stored_plan(found).model_copy(update={"looks": () if sequential else None})


@cache
def _base(spec: str, seed: int) -> TrialRecord:
    trial = Trial(TrialSpec.model_validate_json(spec), seed)
    return TrialRecord(
        protocol=PROTOCOL,
        identity=trial.identity,
        spec=trial.spec.model_dump(mode="json"),
        seed=seed,
        status="ok",
        trained=True,
        started="2026-01-01T00:00:00Z",
        evaluations=(),
        train_examples=54_000,
        validation_examples=6_000,
        fingerprints=Fingerprints(weights={"k": str(seed)}, order=str(seed), validation=str(seed)),
        data_hash="made up",
        test=Test(
            examples=IMAGES, loss=0.1, accuracy=0.9, examples_per_class=(IMAGES,), correct_per_class=(9000,), missed=()
        ),
        environment={"bnexp": "0.1.0"},
        execution={"device": "cpu", "threads": 1, "jobs": 2},
    )


def evidence(
    plan: StoredPlan,
    accuracy: np.ndarray,
    *,
    validation: np.ndarray | None = None,
    fates: Mapping[tuple[int, int], str] | None = None,
    reached: Mapping[float, np.ndarray] | None = None,
    looks: Sequence[int] = (),
    missing_from: int | None = None,
    missing: Sequence[tuple[int, int]] = (),
) -> Evidence:
    """Of test accuracies in per cent, shape (points, seeds), by point of the plan and seed.

    `validation`: the last validation accuracies likewise; `fates`: (point, seed) to failed, diverged or untrained;
    `reached`: validation accuracy in per cent to the steps at which each trial gets there, as is seen at the `looks`;
    `missing_from`: seeds from there on have no record yet, nor have those of `missing`, (point, seed).
    """
    found = Evidence(None, plan)  # type: ignore[arg-type]  # nothing is read
    rows = []
    for k, point in enumerate(plan.points):
        spec = Trial(TrialSpec.model_validate(point.spec), 0).spec.model_dump_json()
        for seed, folder in point.trials.items():
            if (missing_from is not None and seed >= missing_from) or (k, seed) in missing:
                rows.append(Planned(k, seed, folder, None))
                continue
            base, share = _base(spec, seed), accuracy[k, seed] / 100
            last = (share if validation is None else validation[k, seed] / 100,)
            times = {target: steps[k, seed] for target, steps in (reached or {}).items()}
            update = {
                "test": base.test and base.test.model_copy(update={"accuracy": share}),
                "evaluations": _evaluations(times, looks, float(last[0])),
            }
            update |= _fate((fates or {}).get((k, seed), ""))
            rows.append(Planned(k, seed, folder, base.model_copy(update=update)))
    found.__dict__["planned"] = rows
    return found


def _fate(fate: str) -> dict[str, object]:
    if fate == "untrained":
        return {"trained": False}
    if fate == "failed":
        failure = Failure(kind="Error", message="made up", traceback="")
        return {"status": "failed", "trained": None, "test": None, "evaluations": (), "failure": failure}
    if fate == "diverged":
        return {"status": "diverged", "trained": None, "test": None, "diverged_at_step": 9}
    return {}


def _evaluations(times: Mapping[float, float], looks: Sequence[int], last: float) -> tuple[Evaluation, ...]:
    """At each look the highest target that the training has reached by then; without looks one at its end."""
    if not looks:
        return (_evaluation(2532, last),)
    return tuple(
        _evaluation(step, max([GUESSING, *(t / 100 for t, at in times.items() if at <= step)])) for step in looks
    )


@cache
def _evaluation(step: int, accuracy: float) -> Evaluation:
    return Evaluation(
        step=step,
        examples=64 * step,
        epoch=step / 844,
        seconds=0.01 * step,
        train_loss=1.0,
        train_accuracy=accuracy,
        validation_loss=1.0,
        validation_accuracy=accuracy,
    )
