"""A results folder of made-up records, the same at every call: for tests of what reads results."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bnexp.records.plan import StoredPlan
from bnexp.records.record import (
    Brief,
    Evaluation,
    Failure,
    Fingerprints,
    OtherStatistics,
    Parameters,
    Seconds,
    Test,
    TrialRecord,
)
from bnexp.records.store import Store
from bnexp.specs.experiment import Experiment, Point, plan
from bnexp.specs.trial import PROTOCOL, Trial, TrialSpec

NORMS = {
    "none": {"name": "none"},
    "bn-pre": {"name": "batch", "place": "before-activation"},
    "bn-post": {"name": "batch", "place": "after-activation"},
    "ln": {"name": "layer"},
    "gn": {"name": "group", "groups": 8},
}
# Test accuracy in percent that a variant tends to, and the steps in which its error falls to a third.
ACCURACY = {"none": 98.90, "bn-pre": 99.10, "bn-post": 99.05, "ln": 98.95, "gn": 98.92}
SLOWNESS = {"none": 240, "bn-pre": 90, "bn-post": 110, "ln": 150, "gn": 190}

# (variant, batch size, seed) to what became of it: missing, failed, diverged, or other-weights (pairs with none).
FAULTS = {
    ("none", 16, 1): "diverged",
    ("bn-post", 16, 1): "failed",
    ("ln", 16, 3): "missing",
    ("ln", 16, 4): "missing",
    ("gn", 64, 4): "missing",
    ("gn", 16, 2): "other-weights",
}

EXAMPLES, VALIDATION, TEST = 54_000, 6_000, 10_000
PER_CLASS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
ENVIRONMENT = {"bnexp": "0.1.0", "python": "3.11.9", "cpu": "A made-up processor", "git_commit": "0" * 40}


def build(
    root: Path,
    *,
    name: str = "made-up",
    variants: Sequence[str] = tuple(NORMS),
    batch_sizes: Sequence[int] = (16, 64),
    seeds: int = 5,
    epochs: int = 3,
    faults: Mapping[tuple[str, int, int], str] = FAULTS,
    recalibrated: bool = False,
) -> tuple[Store, StoredPlan]:
    """Write an experiment under `root`; without `batch_sizes` it has no grid (batch size 64).

    `recalibrated`: batch normalization is seen under recalibrated statistics too.
    """
    experiment = Experiment(
        name=name,
        about="Made-up records.",
        variants=tuple(variants),
        baseline=variants[0],
        seeds=tuple(range(seeds)),
        points=tuple(
            Point(variant, (("training.batch_size", size),) if batch_sizes else (), _spec(variant, size, epochs))
            for size in batch_sizes or (64,)
            for variant in variants
        ),
    )
    store = Store(root)
    stored = store.keep_plan(experiment)
    for planned in plan(experiment):
        fate = faults.get(
            (planned.point.variant, planned.point.spec.training.batch_size, planned.trial.seed), "finished"
        )
        if fate != "missing":
            found = record(planned.trial, planned.point.variant, fate)
            seen = recalibrated and planned.point.variant.startswith("bn")
            store.write(planned.trial, with_recalibrated(found) if seen else found)
    return store, stored


def with_recalibrated(found: TrialRecord) -> TrialRecord:
    """The record with half the errors, and half the loss, under recalibrated statistics at each evaluation."""
    evaluations = tuple(
        each.model_copy(
            update={
                "recalibrated_loss": each.validation_loss / 2,
                "recalibrated_accuracy": (1 + each.validation_accuracy) / 2,
            }
        )
        for each in found.evaluations
    )
    return found.model_copy(update={"evaluations": evaluations})


def _spec(variant: str, batch_size: int, epochs: int) -> TrialSpec:
    training = {"batch_size": batch_size, "epochs": epochs}
    return TrialSpec.model_validate({"data": "mnist", "norm": NORMS[_method(variant)], "training": training})


def _method(variant: str) -> str:
    """`ln` of `ln~2`, another variant of the same."""
    return variant.partition("~")[0]


def renamed(plan: StoredPlan, names: Sequence[str], *, key: str = "", place: str = "", **changes: str) -> StoredPlan:
    """The plan with other people's names: of its variants, and with `key` of its grid and of each `place`."""
    known = dict(zip(plan.variants, names, strict=True))
    data = plan.model_dump() | {"variants": names, "baseline": names[0], **changes}
    for point in data["points"]:
        point["variant"] = known[point["variant"]]
        point["coordinates"] = {key: place.format(*point["coordinates"].values())} if key else {}
    return StoredPlan.model_validate(data)


def record(trial: Trial, variant: str, fate: str = "finished") -> TrialRecord:
    """One trial's record; `fate` is finished, diverged, failed or other-weights."""
    common = {
        "protocol": PROTOCOL,
        "identity": trial.identity,
        "spec": trial.spec.model_dump(mode="json"),
        "seed": trial.seed,
        "started": "2026-01-01T00:00:00Z",
        "environment": ENVIRONMENT,
        "execution": {"device": "cpu", "threads": 1, "jobs": 2},
    }
    if fate == "failed":
        failure = Failure(kind="MemoryError", message="made up", traceback="Traceback: made up")
        return TrialRecord(**common, status="failed", failure=failure)
    variant, size = _method(variant), trial.spec.training.batch_size
    luck = np.random.default_rng([trial.seed, 1])  # shared by the variants of a seed: this is what pairing removes
    own = np.random.default_rng([trial.seed, size, sorted(NORMS).index(variant)])
    final = (ACCURACY[variant] - (0.4 if size == 16 and variant.startswith("bn") else 0.0)) / 100
    wrong = round(TEST * (1 - final + luck.normal(0, 0.0008) + own.normal(0, 0.0005)))
    missed = np.sort(own.choice(TEST, size=wrong, replace=False))
    labels = np.repeat(np.arange(10), PER_CLASS)
    test = Test(
        examples=TEST,
        loss=0.03 + wrong / TEST,
        accuracy=(TEST - wrong) / TEST,
        examples_per_class=PER_CLASS,
        correct_per_class=(PER_CLASS - np.bincount(labels[missed], minlength=10)).tolist(),
        missed=missed.tolist(),
        labels=labels[missed].tolist(),
        predicted=((labels[missed] + 1 + missed % 9) % 10).tolist(),
    )
    looks = _evaluations(trial, variant, 1 - wrong / TEST, own)
    diverged = fate == "diverged"
    normalization = 0 if variant == "none" else 448
    return TrialRecord(
        **common,
        status="diverged" if diverged else "ok",
        diverged_at_step=looks[3].step if diverged else None,
        evaluations=(*looks[:2], looks[2].model_copy(update={"train_loss": None})) if diverged else looks,
        trained=not diverged,
        test=None if diverged else test,
        other_statistics=_other_statistics(size, test.accuracy) if variant.startswith("bn") and not diverged else None,
        train_examples=EXAMPLES,
        validation_examples=VALIDATION,
        parameters=Parameters(
            trainable=93_322 + normalization,
            non_trainable=normalization if variant.startswith("bn") else 0,
            normalization=normalization,
        ),
        fingerprints=Fingerprints(
            weights={
                "conv1/kernel": _digest(trial.seed, "conv1", fate == "other-weights"),
                "conv1/bias": _digest("zeros"),
                **({} if variant == "none" else {"conv1_norm/gamma": _digest("ones")}),
            },
            normalization=() if variant == "none" else ("conv1_norm/gamma",),
            order=_digest(trial.seed, "order"),
            validation=_digest(trial.seed, "validation"),
        ),
        data_hash=_digest("made-up data"),
        seconds=Seconds(data=0.5, compile=2.5, train=looks[-1].seconds, evaluate=1.25, total=looks[-1].seconds + 4.25),
        peak_memory_bytes=600_000_000 + 1000 * trial.seed,
    )


def _evaluations(trial: Trial, variant: str, final: float, rng: np.random.Generator) -> tuple[Evaluation, ...]:
    training = trial.spec.training
    steps = training.evaluation_steps(EXAMPLES)
    per_epoch = training.steps_per_epoch(EXAMPLES)
    second_per_step = 0.008 * (1.2 if variant == "none" else 1.6)
    found = []
    for step in steps:
        accuracy = float(np.clip(final - 0.6 * np.exp(-step / SLOWNESS[variant]) + rng.normal(0, 0.0005), 0, 1))
        examples = (step // per_epoch) * EXAMPLES + (step % per_epoch) * training.batch_size
        found.append(
            Evaluation(
                step=step,
                examples=examples,
                epoch=examples / EXAMPLES,
                seconds=step * second_per_step,
                train_loss=3.2 * (1 - accuracy),
                train_accuracy=accuracy - 0.002,
                validation_loss=3.5 * (1 - accuracy),
                validation_accuracy=accuracy,
            )
        )
    return tuple(found)


def _other_statistics(size: int, accuracy: float) -> OtherStatistics:
    """Recalibration undoes what the made-up moving averages lose at batch size 16, and hardly matters elsewhere."""
    recalibrated = accuracy + (0.004 if size == 16 else 0.0001)
    return OtherStatistics(
        batch=Brief(loss=0.03, accuracy=recalibrated - 0.0002),
        recalibrated=Brief(loss=0.03, accuracy=recalibrated),
        recalibration_examples=10_000,
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
