"""Trials trained now begin as the stored ones of `smoke/results` and end near them: one of each kind of norm and model.

The stored ones are of protocol 2: their identities are others, they looked at the validation images at other steps,
and they were trained by another core.  What a protocol must keep is the start of a trial (data, split, order, initial
weights, counts), and where it leads: losses and accuracies are near, since sums are taken in another order.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from raw_results import GOLDEN, ROOT, but_for_the_looks, read_json

import bnexp
from bnexp.records.record import migrated
from bnexp.specs.trial import PROTOCOL, TrialSpec
from bnexp.specs.values import canonical

pytestmark = pytest.mark.slow

SMOKE = GOLDEN / "smoke"

Record = dict[str, Any]


def by_variant(results: Path) -> dict[str, Record]:
    """`experiment/variant` to the record with seed 0."""
    return {
        f"{experiment}/{point['variant']}": migrated(read_json(results / "trials" / folder / "record.json"))
        for experiment in ("kinds", "mnist-smoke")
        for point in read_json(results / f"experiments/{experiment}.json")["points"]
        for seed, folder in point["trials"].items()
        if seed == "0"
    }


STORED = by_variant(SMOKE / "results")

ENDED = [name for name, record in STORED.items() if record["status"] != "failed"]
"""One was ended by a limit of time, which it has not here."""

FIRST_STEPS, FIRST_LOSS, LOSS, SHARE = 4, 0.01, 0.5, 0.06
"""How far a loss up to 4 steps, a later loss (nats) and an accuracy (share) may lie away where roundings
differ.  Without oneDNN, with AVX2 alone and with two threads they lay 0.003, 0.2 (batch-renorm; of others 0.009) and
0.03 away: Adam divides a gradient by its own size, so that one that is zero but for rounding moves its weight by a
whole learning rate.  Another method, order or start moves the first loss by more."""


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """The trials with seed 0, trained now."""
    results = tmp_path_factory.mktemp("again")
    configs = [bnexp.load(SMOKE / "kinds.yaml"), bnexp.load(ROOT / "configs/mnist.yaml", smoke=True)]
    bnexp.run(configs, results=results, seeds=[0], jobs=2, device="cpu")
    return by_variant(results)


def test_the_same_trials_are_trained(again: dict[str, Record]) -> None:
    assert sorted(again) == sorted(STORED)


@pytest.mark.parametrize("name", STORED)
def test_a_trial_is_the_same_but_for_its_protocol_and_its_looks(again: dict[str, Record], name: str) -> None:
    found, stored = again[name], STORED[name]
    assert (found["protocol"], stored["protocol"]) == (PROTOCOL, 2)
    assert found["identity"] != stored["identity"]
    assert content(found["spec"]) == content(stored["spec"])


def content(spec: Record) -> Any:
    """Without keys at their default, of which there are more now."""
    return canonical(TrialSpec.model_validate(but_for_the_looks(spec)))


@pytest.mark.parametrize("name", ENDED)
def test_a_trial_starts_as_it_did(again: dict[str, Record], name: str) -> None:
    found, stored = again[name], STORED[name]
    for key in ("status", "data_hash", "train_examples", "validation_examples", "parameters", "fingerprints"):
        assert found[key] == stored[key], key
    if stored["status"] == "diverged":
        return  # at which step it stops hangs on roundings
    assert moments(found["evaluations"][-1]) == moments(stored["evaluations"][-1])
    assert (found["other_statistics"] is None) == (stored["other_statistics"] is None)
    assert found["test"]["examples_per_class"] == stored["test"]["examples_per_class"]


def moments(evaluation: Record) -> list[float]:
    return [evaluation[key] for key in ("step", "examples", "epoch")]


@pytest.mark.parametrize("name", [name for name in ENDED if STORED[name]["status"] == "ok"])
def test_a_trial_learns_nearly_the_same(again: dict[str, Record], name: str) -> None:
    apart = [(what, *values) for what, *values in figures(again[name], STORED[name]) if not near(*values)]
    assert apart == []


def figures(found: Record, stored: Record) -> Iterator[tuple[str, float | None, float | None, float]]:
    """Name, both values and the largest difference allowed, of every loss and accuracy at steps that both looked at."""
    before = {each["step"]: each for each in stored["evaluations"]}
    for one in found["evaluations"]:
        step = one["step"]
        if (other := before.get(step)) is None:
            continue
        loss = FIRST_LOSS if step <= FIRST_STEPS else LOSS
        for key, most in (("loss", loss), ("accuracy", SHARE)):
            yield f"validation {key} at step {step}", one[f"validation_{key}"], other[f"validation_{key}"], most
            yield (
                f"training {key} up to step {step}",
                *(up_to(step, f"train_{key}", of) for of in (found, stored)),
                most,
            )
    tests = [{"test": record["test"], **(record["other_statistics"] or {})} for record in (found, stored)]
    # Recalibrated by its own averages, as it was then, batch renormalization had other statistics.
    of_renorm = found["spec"]["norm"]["name"] == "batch-renorm"
    for name in ("test", "batch", "recalibrated"):
        mine, twin = (each.get(name) for each in tests)
        if mine and twin and not (name == "recalibrated" and of_renorm):
            yield f"loss, {name}", mine["loss"], twin["loss"], LOSS
            yield f"accuracy, {name}", mine["accuracy"], twin["accuracy"], SHARE


def up_to(step: int, key: str, record: Record) -> float:
    """A training figure's mean over all images up to a step; an evaluation has that of those since the one before."""
    known = [each for each in record["evaluations"] if each["step"] <= step]
    images = [each["examples"] for each in known]
    new = [b - a for a, b in pairwise([0, *images])]
    return sum(each[key] * count for each, count in zip(known, new, strict=True)) / images[-1]


def near(one: float | None, other: float | None, most: float) -> bool:
    return one is other is None or (one is not None and other is not None and abs(one - other) <= most)
