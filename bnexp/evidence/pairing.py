"""Which trials of two sides are pairs: the same seed, and proof that they started alike.

Two trials of one seed are a pair where their data, split, order of examples and shared initial weights have
the same fingerprints.  A fingerprint is not asked for where the two specs declare that it cannot agree: another
model, other data or another number of epochs.  The pair is then by seed only, and `declared` says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bnexp.evidence.side import Side
from bnexp.records.record import TrialRecord

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Pairs:
    """The trials of two sides, seed by seed; the second is held against the first."""

    one: Side
    other: Side
    planned: tuple[int, ...]
    """Seeds that both sides planned."""
    trained: Mapping[int, tuple[TrialRecord, TrialRecord]]
    """Seed to the two trials, by seed: those that finished on both sides, diverged ones included, and started alike."""
    declared: str
    """Why the pairs are by seed only; empty where fingerprints prove them."""
    mismatches: Mapping[int, str]
    """Seed to the fingerprints that disagree: pairs that are left out."""
    copies: tuple[int, ...]
    """Seeds of which both sides hold the very same record."""

    @property
    def diverged(self) -> tuple[int, int]:
        """Trials of each side that diverged, among those trained."""
        first, second = (sum(pair[k].status == "diverged" for pair in self.trained.values()) for k in (0, 1))
        return first, second

    def without_copies(self) -> "Pairs":
        """Only what was trained on each side."""
        return replace(self, trained={seed: pair for seed, pair in self.trained.items() if seed not in self.copies})


def pairs(one: Side, other: Side) -> Pairs:
    """The pairs of two sides, which may be of two results folders."""
    asked, declared = _asked(one.spec, other.spec)
    planned = tuple(sorted(one.records.keys() & other.records.keys()))
    found = trained(one, other)
    mismatches = {seed: ", ".join(text) for seed, both in found.items() if (text := _mismatch(*both, asked))}
    return Pairs(
        one=one,
        other=other,
        planned=planned,
        trained={seed: both for seed, both in found.items() if seed not in mismatches},
        declared=", ".join(declared) if planned else "",
        mismatches=mismatches,
        copies=tuple(seed for seed, (mine, twin) in found.items() if mine == twin),
    )


def trained(one: Side, other: Side) -> dict[int, tuple[TrialRecord, TrialRecord]]:
    """Seed to the two trials of the seeds that finished on both sides, diverged ones included."""
    mine, twin = (side.of("ok", "diverged") for side in (one, other))
    return {seed: (mine[seed], twin[seed]) for seed in mine if seed in twin}


def _asked(one: Spec, other: Spec) -> tuple[set[str], list[str]]:
    """The fingerprints that must agree between two specs, and what the specs declare different instead."""
    data, other_data = one["data"], other["data"]
    declared = []
    asked = {"data", "validation", "order", "weights"}
    if any(data.get(key) != other_data.get(key) for key in ("name", "source")):
        declared.append("other data")
        asked -= {"data", "validation", "order"}
    elif {**data, "train": None} != {**other_data, "train": None}:
        declared.append("another validation split")
        asked -= {"validation", "order"}
    elif data != other_data:
        declared.append("another number of training examples")
        asked -= {"order"}
    if one["training"]["epochs"] != other["training"]["epochs"]:
        declared.append("another number of epochs")
        asked -= {"order"}
    if one["model"] != other["model"]:
        declared.append("another model")
        asked -= {"weights"}
    return asked, declared


def _mismatch(one: TrialRecord, other: TrialRecord, asked: set[str]) -> list[str]:
    """The fingerprints that are asked for and disagree, or are not there."""
    mine, twin = one.fingerprints, other.fingerprints
    digests = {
        "data": ("data", one.data_hash, other.data_hash),
        "validation": ("validation split", mine and mine.validation, twin and twin.validation),
        "order": ("order of the examples", mine and mine.order, twin and twin.order),
    }
    found = [
        what if first and second else f"{what} (not recorded)"
        for key, (what, first, second) in digests.items()
        if key in asked and (first is None or first != second)
    ]
    if "weights" not in asked:
        return found
    if mine is None or twin is None:
        return [*found, "initial weights (not recorded)"]
    # How a normalization layer starts belongs to the method; the weights around it do not.
    shared = mine.weights.keys() & twin.weights.keys() - {*mine.normalization, *twin.normalization}
    return found + [f"initial {path}" for path in sorted(shared) if mine.weights[path] != twin.weights[path]]
