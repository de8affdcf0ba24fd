"""Trials trained now say what the stored ones of `smoke/results` said: one of each kind of norm and model.

Wherever it is trained, a trial has the same identity, data, order, initial weights and counts.  Losses and accuracies
are the same to the last bit on a processor of the same make and instructions with the same versions of TensorFlow,
Keras and NumPy; elsewhere they are near, since sums are taken in another order.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from raw_results import GOLDEN, ROOT, read_json

import bnexp
from bnexp.records.record import migrated

SMOKE = GOLDEN / "smoke"
STORED = {path.parent.name: migrated(read_json(path)) for path in sorted(SMOKE.glob("results/trials/*/record.json"))}

Record = dict[str, Any]

FAILED = {folder for folder, record in STORED.items() if record["status"] == "failed"}
"""Ended by a limit of time, which it has not here."""

TRAINED = sorted(
    folder
    for experiment in ("kinds", "mnist-smoke")
    for point in read_json(SMOKE / f"results/experiments/{experiment}.json")["points"]
    for seed, folder in point["trials"].items()
    if seed == "0"
)

FIRST_LOSS, LOSS, SHARE = 0.01, 0.5, 0.06
"""How far a loss at the first evaluation, after 3 or 4 steps, a later loss (nats) and an accuracy (share) may lie away
where roundings differ.  Without oneDNN, with AVX2 alone and with two threads they lay 0.003, 0.2 (batch-renorm; of
others 0.009) and 0.03 away: Adam divides a gradient by its own size, so that one that is zero but for rounding moves
its weight by a whole learning rate.  Another method, order or start moves the first loss by more."""


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """Folder to record of the trials with seed 0, trained now."""
    results = tmp_path_factory.mktemp("again")
    configs = [bnexp.load(SMOKE / "kinds.yaml"), bnexp.load(ROOT / "configs/mnist.yaml", smoke=True)]
    bnexp.run(configs, results=results, seeds=[0], jobs=2, device="cpu")
    return {path.parent.name: read_json(path) for path in results.glob("trials/*/record.json")}


def test_the_same_trials_are_trained(again: dict[str, Record]) -> None:
    assert sorted(again) == TRAINED


@pytest.mark.parametrize("folder", TRAINED)
def test_a_trial_is_the_same_trial_on_any_machine(again: dict[str, Record], folder: str) -> None:
    found, stored = again[folder], STORED[folder]
    for key in ("protocol", "identity", "spec", "seed"):
        assert found[key] == stored[key], key
    if folder in FAILED:
        return
    for key in ("status", "data_hash", "train_examples", "validation_examples", "parameters", "fingerprints"):
        assert found[key] == stored[key], key
    if stored["status"] == "diverged":
        return  # at which step it stops hangs on roundings
    assert [moments(each) for each in found["evaluations"]] == [moments(each) for each in stored["evaluations"]]
    assert (found["test"] is None) == (stored["test"] is None)
    assert (found["other_statistics"] is None) == (stored["other_statistics"] is None)
    if stored["test"]:
        assert found["test"]["examples_per_class"] == stored["test"]["examples_per_class"]


def moments(evaluation: Record) -> list[float]:
    return [evaluation[key] for key in ("step", "examples", "epoch")]


@pytest.mark.parametrize("folder", [folder for folder in TRAINED if folder not in FAILED])
def test_a_trial_learns_the_same(again: dict[str, Record], folder: str) -> None:
    found, stored = again[folder], STORED[folder]
    if alike(found, stored):
        for key in ("diverged_at_step", "test", "other_statistics"):
            assert found[key] == stored[key], key
        assert [learned(each) for each in found["evaluations"]] == [learned(each) for each in stored["evaluations"]]
    else:
        assert [what for what, one, other, most in figures(found, stored) if not near(one, other, most)] == []


def learned(evaluation: Record) -> Record:
    """An evaluation without its seconds, which no machine repeats."""
    return {key: value for key, value in evaluation.items() if key != "seconds"}


def alike(found: Record, stored: Record) -> bool:
    """Whether two trainings round alike: what `environment` tells, and the instructions of the processor."""
    one, other = found["environment"], stored["environment"]
    same = all(one[key] == other[key] for key in ("cpu", "tensorflow", "keras", "numpy"))
    return same and instructions() == set((SMOKE / "instructions.txt").read_text().split())


def instructions() -> set[str]:
    """Vector instructions of this processor; none where the system does not list them."""
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return set()
    return {word for word in words if word.startswith(("avx", "amx")) or word == "fma"}


def figures(found: Record, stored: Record) -> Iterator[tuple[str, float | None, float | None, float]]:
    """Name, both values and the largest difference allowed, of every loss and accuracy of a training that ended."""
    if stored["status"] == "diverged":  # the step, and what was right before it, hang on roundings alone
        return
    loss = FIRST_LOSS
    for one, other in zip(found["evaluations"], stored["evaluations"], strict=True):
        for side in ("train", "validation"):
            step = f"{side} at step {other['step']}"
            yield f"loss, {step}", one[f"{side}_loss"], other[f"{side}_loss"], loss
            yield f"accuracy, {step}", one[f"{side}_accuracy"], other[f"{side}_accuracy"], SHARE
        loss = LOSS
    tests = [{"test": record["test"], **(record["other_statistics"] or {})} for record in (found, stored)]
    for name in ("test", "batch", "recalibrated"):
        mine, twin = (each.get(name) for each in tests)
        if mine and twin:
            yield f"loss, {name}", mine["loss"], twin["loss"], LOSS
            yield f"accuracy, {name}", mine["accuracy"], twin["accuracy"], SHARE


def near(one: float | None, other: float | None, most: float) -> bool:
    return one is other is None or (one is not None and other is not None and abs(one - other) <= most)
