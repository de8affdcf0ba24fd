"""A made-up results folder with everything that a report can meet, as raw JSON of schema version 1; always the same.

    methods    5 variants x 2 batch sizes x 6 seeds: diverged, failed and missing trials, a pair with other weights,
               batch-dependent methods with three statistics, runs that reach no target, half of the seeds elsewhere
    rates      3 variants x 3 learning rates x 4 seeds, the highest rate too high for some
    equal      2 variants x 8 seeds, one as good as the other, with a margin of 0.5 points
    many       2 variants x 22 seeds: too many for an exact test
    models     a variant with another model, paired by seed only; 3 seeds, no validation images; its records alone say
               what missed images were taken for

and in the folder `later/` in it `equal` as another version of bnexp trained it, for `bnexp compare FOLDER FOLDER`.
"""

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from raw_results import NOTHING, write_plan, write_record

NORMED = {"use_bias": True, "place": "before-activation", "layers": "all", "epsilon": 0.001}
BATCH = NORMED | {"momentum": 0.99, "name": "batch"}
NORMS: dict[str, dict[str, Any]] = {
    "none": {"use_bias": True, "name": "none"},
    "bn-pre": BATCH,
    "bn-post": BATCH | {"place": "after-activation"},
    "ln": NORMED | {"name": "layer"},
    "gn": NORMED | {"name": "group", "groups": 8},
}
REST = {"activation": "relu", "dropout": 0.0, "initializer": "glorot_uniform", "initial_scale": 1.0}
FILTERS = {"filters": [32, 64, 64], "kernel_size": 3, "padding": "valid", "pools": 2, "dense": [64]}
CNN: dict[str, Any] = {"name": "cnn", **FILTERS, **REST}
MLP: dict[str, Any] = {"name": "mlp", "widths": [256, 128], **REST}
ACCURACY = {"none": 0.9860, "bn-pre": 0.9905, "bn-post": 0.9890, "ln": 0.9868, "gn": 0.9862, "mlp": 0.9700}
"""Share of the test images that a variant tends to."""
SLOWNESS = {"none": 85, "bn-pre": 32, "bn-post": 40, "ln": 53, "gn": 67, "mlp": 110}
"""Steps in which the distance to it falls to a third."""

TRAIN, TEST = 10_000, 2_000
PER_CLASS = (196, 227, 206, 202, 197, 178, 192, 206, 195, 201)
LATER_EVALUATIONS = 3
HERE = {"python": "3.11.9", "cpu": "A made-up processor", "cores": 8, "memory_bytes": 16 * 2**30, "platform": "Linux"}
ELSEWHERE = HERE | {"cpu": "Another made-up processor", "cores": 64}
LIBRARIES = {"bnexp": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"}
EXECUTION: dict[str, Any] = {"device": "cpu", "device_name": "CPU", "threads": 1, "jobs": 2}
EXECUTION |= {"deterministic": True, "precision": "float32", "step": "graph"}
COMMIT = {"git_commit": "0123456789abcdef0123456789abcdef01234567", "git_dirty": False}


@dataclass(frozen=True)
class MadeUp:
    """One experiment of the folder."""

    name: str
    variants: tuple[str, ...]
    seeds: int
    grid: dict[str, Sequence[Any]] = field(default_factory=dict)
    validation: int = 2_000
    epochs: int = 3
    margin: float = 0.1
    fates: dict[tuple[Any, ...], str] = field(default_factory=dict)
    """(variant, value in the grid or None, seed) to missing, failed, diverged, other-weights or elsewhere."""
    spread: float = 0.0006
    """Standard deviation of a test accuracy that the variants of a seed do not share."""
    initializer: str = "glorot_uniform"
    """Of its own for each experiment, so that no two share a trial."""
    environment: dict[str, Any] = field(default_factory=lambda: LIBRARIES | COMMIT)
    predicted: bool = False
    """Whether its records say what missed images were taken for."""


EXPERIMENTS = (
    MadeUp(
        "methods",
        ("none", "bn-pre", "bn-post", "ln", "gn"),
        6,
        {"training.batch_size": (16, 64)},
        fates={
            ("none", 16, 1): "diverged",
            ("bn-post", 16, 1): "failed",
            ("bn-post", 64, 0): "failed",
            ("ln", 16, 3): "missing",
            ("ln", 16, 4): "missing",
            ("gn", 64, 4): "missing",
            ("gn", 16, 2): "other-weights",
            ("ln", 64, 2): "diverged",
            **{(variant, size, 5): "elsewhere" for variant in ("none", "bn-pre", "gn") for size in (16, 64)},
        },
    ),
    MadeUp(
        "rates",
        ("none", "bn-pre", "ln"),
        4,
        {"training.optimizer.learning_rate": (0.0001, 0.001, 0.01)},
        fates={("none", 0.01, seed): "diverged" for seed in (0, 2, 3)} | {("ln", 0.01, 1): "diverged"},
        initializer="glorot_normal",
    ),
    MadeUp("equal", ("none", "gn"), 8, margin=0.5, spread=0.0002, initializer="he_uniform"),
    MadeUp("many", ("none", "bn-pre"), 22, epochs=1, initializer="he_normal"),
    MadeUp("models", ("none", "mlp"), 3, validation=0, initializer="orthogonal", predicted=True),
)
LATER = replace(EXPERIMENTS[2], spread=0.0003, environment=LIBRARIES | {"bnexp": "0.2.0"})
"""`equal` again, by another version of bnexp."""


def build(results: Path) -> None:
    """Write all of it to `results` and `results/later`."""
    for made_up in EXPERIMENTS:
        _write(results, made_up)
    _write(results / "later", LATER)


def _write(results: Path, made_up: MadeUp) -> None:
    points = []
    for values in product(*made_up.grid.values()):
        coordinates = dict(zip(made_up.grid, values, strict=True))
        for variant in made_up.variants:
            spec = _spec(variant, coordinates, made_up)
            trials = {seed: _identity(spec, seed) for seed in range(made_up.seeds)}
            folders = {str(seed): f"made-up-s{seed}-{identity[:16]}" for seed, identity in trials.items()}
            points.append({"variant": variant, "coordinates": coordinates, "spec": spec, "trials": folders})
            for seed, identity in trials.items():
                fate = made_up.fates.get((variant, *(values or (None,)), seed), "ok")
                if fate != "missing":
                    record = _record(spec, seed, variant, fate, made_up)
                    write_record(results, folders[str(seed)], {**record, "identity": identity})
    plan = {
        "schema_version": 1,
        "name": made_up.name,
        "about": "Made-up records.",
        "variants": list(made_up.variants),
        "baseline": made_up.variants[0],
        "seeds": list(range(made_up.seeds)),
        "points": points,
        "margin": made_up.margin,
    }
    write_plan(results, plan)


def _spec(variant: str, coordinates: dict[str, Any], made_up: MadeUp) -> dict[str, Any]:
    rate = coordinates.get("training.optimizer.learning_rate", 0.001)
    return {
        "data": {"name": "mnist", "validation": made_up.validation, "train": TRAIN, "source": None},
        "model": (MLP if variant == "mlp" else CNN) | {"initializer": made_up.initializer},
        "norm": NORMS["none" if variant == "mlp" else variant],
        "training": {
            "optimizer": {"name": "adam", "learning_rate": rate, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
            "batch_size": coordinates.get("training.batch_size", 64),
            "epochs": made_up.epochs,
            "evaluations": {"first_epoch": 10, "later_epochs": LATER_EVALUATIONS},
            "last_batch": "keep",
        },
    }


def _identity(spec: dict[str, Any], seed: int) -> str:
    return hashlib.sha256(json.dumps([spec, seed], sort_keys=True).encode()).hexdigest()


def _record(spec: dict[str, Any], seed: int, variant: str, fate: str, made_up: MadeUp) -> dict[str, Any]:
    machine = ELSEWHERE if fate == "elsewhere" or seed in (3, 4) else HERE
    record = NOTHING | {
        "spec": spec,
        "seed": seed,
        "status": fate if fate in ("failed", "diverged") else "ok",
        "started": f"2026-01-01T00:00:{seed:02}+00:00",
        "execution": EXECUTION,
        "environment": machine | made_up.environment,
    }
    if fate == "failed":
        failure = {"kind": "MemoryError", "message": "made up", "traceback": "Traceback: made up"}
        return record | {"failure": failure}
    accuracy, wrong = _accuracy(spec, seed, variant, made_up)
    looks = list(_evaluations(spec, seed, variant, accuracy, made_up, slow=2.0 if machine is HERE else 1.0))
    if fate == "diverged":
        record["diverged_at_step"] = looks[3]["step"]
        looks = [*looks[:2], looks[2] | {"train_loss": None}]
    else:
        record |= {
            "test": _test(spec, seed, wrong, predicted=made_up.predicted),
            "other_statistics": _other_statistics(spec, accuracy),
        }
    train = looks[-1]["seconds"]
    normalized = spec["norm"]["name"] != "none"
    return record | {
        "evaluations": looks,
        "train_examples": TRAIN,
        "validation_examples": made_up.validation,
        "parameters": {
            "trainable": 235_146 if variant == "mlp" else 93_322 + 448 * normalized,
            "non_trainable": 448 * (spec["norm"]["name"] == "batch"),
            "normalization": 448 * normalized,
        },
        "fingerprints": {
            "weights": {
                "conv1/kernel": _digest(seed, "conv1", variant == "mlp" or fate == "other-weights"),
                "conv1/bias": _digest("zeros"),
                **({"conv1_norm/gamma": _digest("ones")} if normalized else {}),
            },
            "order": _digest(seed, "order", made_up.epochs),
            "validation": _digest(seed, "validation", made_up.validation),
        },
        "data_hash": _digest("made-up data"),
        "seconds": {"data": 0.5, "compile": 2.5, "train": train, "evaluate": 1.25, "total": train + 4.25},
        "peak_memory_bytes": 600_000_000 + 1000 * seed,
    }


class _Chance(random.Random):
    """Only of `random()` does Python promise the same numbers in every version."""

    def __init__(self, *parts: object) -> None:
        super().__init__(int(_digest(*parts), 16))

    def normal(self, deviation: float) -> float:
        """Nearly normal: a sum of twelve uniform numbers."""
        return deviation * (sum(self.random() for _ in range(12)) - 6)


def _accuracy(spec: dict[str, Any], seed: int, variant: str, made_up: MadeUp) -> tuple[float, int]:
    """Test accuracy and the number of missed images; the variants of a seed share what pairing removes."""
    size, rate = spec["training"]["batch_size"], spec["training"]["optimizer"]["learning_rate"]
    tends = ACCURACY[variant] - (0.004 if size == 16 and variant.startswith("bn") else 0.0)
    tends -= 0.003 * abs(math.log10(rate) + (2.5 if variant == "bn-pre" else 3.1))
    own = _Chance(variant, seed, size, rate, made_up.environment["bnexp"])
    noise = _Chance(seed).normal(0.0008) + own.normal(made_up.spread)
    wrong = round(TEST * (1 - tends + noise))
    return (TEST - wrong) / TEST, wrong


def _evaluations(
    spec: dict[str, Any], seed: int, variant: str, accuracy: float, made_up: MadeUp, *, slow: float
) -> Iterator[dict[str, Any]]:
    training = spec["training"]
    per_epoch = -(-TRAIN // training["batch_size"])
    chance = _Chance("evaluations", variant, seed, training)
    steps = [-(-k * per_epoch // 10) for k in range(1, 11)] + [
        epoch * per_epoch + -(-k * per_epoch // LATER_EVALUATIONS)
        for epoch in range(1, made_up.epochs)
        for k in range(1, LATER_EVALUATIONS + 1)
    ]
    for step in steps:
        known = accuracy - 0.6 * math.exp(-step / SLOWNESS[variant]) + chance.normal(0.0005)
        known = round(min(max(known, 0.0), 1.0), 6)
        examples = (step // per_epoch) * TRAIN + (step % per_epoch) * training["batch_size"]
        seconds = step * 0.004 * slow * (1.2 if variant == "none" else 1.6) * (1 + 0.02 * chance.random())
        yield {
            "step": step,
            "examples": examples,
            "epoch": examples / TRAIN,
            "seconds": round(seconds, 6),
            "train_loss": 3.2 * (1 - known),
            "train_accuracy": known - 0.002,
            "validation_loss": 3.5 * (1 - known) if made_up.validation else None,
            "validation_accuracy": known if made_up.validation else None,
        }


def _test(spec: dict[str, Any], seed: int, wrong: int, *, predicted: bool) -> dict[str, Any]:
    # Hard images are missed by most: those of low numbers.
    chance = _Chance("test", seed, spec)
    missed = sorted(sorted(range(TEST), key=lambda image: (1 + image) * -math.log(1 - chance.random()))[:wrong])
    classes = [k for k, images in enumerate(PER_CLASS) for _ in range(images)]
    labels = [classes[image] for image in missed]
    taken = [(label + 1 + image % 9) % 10 for image, label in zip(missed, labels, strict=True)]
    wrong_per_class = Counter(labels)
    return {
        "examples": TEST,
        "loss": 0.03 + wrong / TEST,
        "accuracy": (TEST - wrong) / TEST,
        "examples_per_class": list(PER_CLASS),
        "correct_per_class": [images - wrong_per_class[k] for k, images in enumerate(PER_CLASS)],
        "missed": missed,
        **({"labels": labels, "predicted": taken} if predicted else {}),
    }


def _other_statistics(spec: dict[str, Any], accuracy: float) -> dict[str, Any] | None:
    """Recalibration undoes what the made-up moving averages lose at batch size 16, and hardly matters elsewhere."""
    if spec["norm"]["name"] != "batch":
        return None
    more = round(TEST * accuracy) % 3
    recalibrated = accuracy + (0.004 if spec["training"]["batch_size"] == 16 else 0.0005) + 0.0005 * more
    return {
        "batch": {"loss": 0.03, "accuracy": recalibrated - 0.001},
        "recalibrated": {"loss": 0.03, "accuracy": recalibrated},
        "recalibration_examples": 10_000,
    }


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
