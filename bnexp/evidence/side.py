"""The sides of a comparison, and which of their trials are pairs: the same seed, and proof that they started alike.

Two trials of one seed are a pair where their data, split, order of examples and shared initial weights have
the same fingerprints.  A fingerprint is not asked for where the two specs declare that it cannot agree: another
model, other data or another length of training.  The pair is then by seed only, and `declared` says why.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bnexp.errors import UserError
from bnexp.records.plan import StoredPlan
from bnexp.records.record import TrialRecord
from bnexp.specs.wording import ranges


@dataclass(frozen=True)
class Counts:
    """What became of the planned trials of one side."""

    ok: int
    diverged: int
    failed: int
    missing: int
    untrained: int = 0
    """Of those that are ok: at the end hardly above guessing."""

    @property
    def planned(self) -> int:
        return self.ok + self.diverged + self.failed + self.missing

    @property
    def known(self) -> int:
        """Trials that have a result."""
        return self.ok + self.diverged + self.failed

    @property
    def too_many_untrained(self) -> bool:
        """Whether more than a tenth did not train, so that the mean over the others would flatter."""
        return 10 * (self.failed + self.diverged + self.untrained) > self.known


@dataclass(frozen=True)
class Side:
    """One side of a comparison: its trials at one place of the grid."""

    name: str
    spec: dict[str, Any]
    """The resolved spec, every key explicit."""
    records: Mapping[int, TrialRecord | None]
    """Seed to record, of every planned trial; None where there is none yet."""
    coordinates: Mapping[str, Any] = field(default_factory=dict)
    point: int = 0
    """Index into `points` of its plan."""

    def __post_init__(self) -> None:
        """UserError where the trials were trained on different data, so that no mean is one of anything."""
        seeds: dict[str, list[int]] = {}
        for seed, record in self.of("ok", "diverged").items():
            if record.data_hash:
                seeds.setdefault(record.data_hash, []).append(seed)
        if len(seeds) > 1:
            told = "; ".join(
                f"{'seed' if len(found) == 1 else 'seeds'} {ranges(set(found))} on SHA-256 {digest[:12]}"
                for digest, found in seeds.items()
            )
            raise UserError(
                f"{self.name}: its trials were trained on different data, which {self.spec['data']['name']} loaded at "
                f"different times ({told}), and cannot be pooled; `bnexp run` with --force trains them all anew"
            )

    def of(self, *states: str) -> dict[int, TrialRecord]:
        """Seed to record, by seed, of the trials in one of these states."""
        known = sorted(self.records.items())
        return {seed: record for seed, record in known if record is not None and record.status in states}

    @property
    def counts(self) -> Counts:
        ok, diverged, failed = (self.of(state) for state in ("ok", "diverged", "failed"))
        known = len(ok) + len(diverged) + len(failed)
        untrained = sum(not trained(each) for each in ok.values())
        return Counts(len(ok), len(diverged), len(failed), len(self.records) - known, untrained)


def trained(record: TrialRecord) -> bool:
    """The outcome of a trial that has a record: failed and diverged ones did not train, nor did those that say so."""
    return record.status == "ok" and record.trained is not False  # None: of an older schema, or without validation


@dataclass(frozen=True)
class Pairs:
    """The trials of two sides, seed by seed; the second is held against the first."""

    planned: tuple[int, ...]
    """Seeds that both sides planned."""
    finished: Mapping[int, tuple[TrialRecord, TrialRecord]]
    """Seed to the two trials, by seed: those that finished on both sides, diverged ones included, and started alike."""
    outcomes: Mapping[int, tuple[bool, bool]]
    """Seed to whether each of the two trained; failed trials are among them."""
    declared: str
    """Why the pairs are by seed only; empty where fingerprints prove them."""
    mismatches: Mapping[int, str]
    """Seed to the fingerprints that disagree: pairs that are left out."""
    copies: tuple[int, ...]
    """Seeds of which both sides hold the very same record."""
    pending: int = 0
    """Planned pairs of which a trial has no result yet."""

    def without_copies(self) -> "Pairs":
        """Only what was trained on each side."""
        return replace(
            self,
            finished={seed: pair for seed, pair in self.finished.items() if seed not in self.copies},
            outcomes={seed: pair for seed, pair in self.outcomes.items() if seed not in self.copies},
        )


def pairs(one: Side, other: Side) -> Pairs:
    """The pairs of two sides, which may be of two results folders."""
    asked, declared = _asked(one.spec, other.spec)
    planned = tuple(sorted(one.records.keys() & other.records.keys()))
    found = finished(one, other)
    mismatches = {seed: ", ".join(text) for seed, both in found.items() if (text := _mismatch(*both, asked))}
    return Pairs(
        planned=planned,
        pending=sum(one.records[seed] is None or other.records[seed] is None for seed in planned),
        finished={seed: both for seed, both in found.items() if seed not in mismatches},
        outcomes={
            seed: (trained(mine), trained(twin))
            for seed in planned
            if seed not in mismatches and (mine := one.records[seed]) and (twin := other.records[seed])
        },
        declared=", ".join(declared) if planned else "",
        mismatches=mismatches,
        copies=tuple(seed for seed, (mine, twin) in found.items() if mine == twin),
    )


def finished(one: Side, other: Side) -> dict[int, tuple[TrialRecord, TrialRecord]]:
    """Seed to the two trials of the seeds that finished on both sides, diverged ones included."""
    mine, twin = (side.of("ok", "diverged") for side in (one, other))
    return {seed: (mine[seed], twin[seed]) for seed in mine if seed in twin}


def _asked(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[set[str], list[str]]:
    """The fingerprints that must agree between two specs, and what the specs declare different instead."""
    data, other_data = one["data"], other["data"]
    excused: dict[str, set[str]] = {}
    if any(data.get(key) != other_data.get(key) for key in ("name", "source")):
        excused["other data"] = {"data", "validation split", "order of the examples"}
    elif {**data, "train": None} != {**other_data, "train": None}:
        excused["another validation split"] = {"validation split", "order of the examples"}
    elif data != other_data:
        excused["another number of training examples"] = {"order of the examples"}
    if any(one["training"].get(key) != other["training"].get(key) for key in ("epochs", "steps")):
        excused["another length of training"] = {"order of the examples"}
    if one["training"].get("procedure") != other["training"].get("procedure"):
        excused["another procedure of training"] = {"order of the examples"}
    if one["model"] != other["model"]:
        excused["another model"] = {"initial weights"}
    every = {"data", "validation split", "order of the examples", "initial weights"}
    return every.difference(*excused.values()), list(excused)


def _mismatch(one: TrialRecord, other: TrialRecord, asked: set[str]) -> list[str]:
    """The fingerprints that are asked for and disagree, or are not there."""
    mine, twin = one.fingerprints, other.fingerprints
    digests = {
        "data": (one.data_hash, other.data_hash),
        "validation split": (mine and mine.validation, twin and twin.validation),
        "order of the examples": (mine and mine.order, twin and twin.order),
    }
    found = [
        what if first and second else f"{what} (not recorded)"
        for what, (first, second) in digests.items()
        if what in asked and (first is None or first != second)
    ]
    if "initial weights" not in asked:
        return found
    if mine is None or twin is None:
        return [*found, "initial weights (not recorded)"]
    # How a normalization layer starts belongs to the method; the weights around it do not.
    shared = mine.weights.keys() & twin.weights.keys() - {*mine.normalization, *twin.normalization}
    return found + [f"initial {path}" for path in sorted(shared) if mine.weights[path] != twin.weights[path]]


def place(coordinates: Mapping[str, Any]) -> str:
    """A place of the grid as a key."""
    return json.dumps(coordinates, sort_keys=True)


def ordered(found: Iterable[tuple[Mapping[str, Any], str]], variants: Sequence[str]) -> list[int]:
    """Indices of (coordinates, variant): place by place as they come, variants in their order within each."""
    places: dict[str, int] = {}
    at = [(places.setdefault(place(where), len(places)), variants.index(variant)) for where, variant in found]
    return sorted(range(len(at)), key=at.__getitem__)


def ordered_points(plan: StoredPlan) -> list[int]:
    """Of a plan: place by place as in the config, variants in their order within each."""
    return ordered(((point.coordinates, point.variant) for point in plan.points), plan.variants)
