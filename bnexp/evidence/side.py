"""One side of a comparison: the trials of one variant at one place of the grid."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bnexp.errors import UserError
from bnexp.evidence.rule import too_many_diverged
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

    @property
    def planned(self) -> int:
        return self.ok + self.diverged + self.failed + self.missing

    @property
    def too_many_diverged(self) -> bool:
        """Whether the mean over the others would flatter."""
        return too_many_diverged(self.diverged, self.ok + self.diverged)


@dataclass(frozen=True)
class Side:
    """One side of a comparison: its trials at one place of the grid."""

    name: str
    spec: dict[str, Any]
    """The resolved spec, every key explicit."""
    records: Mapping[int, TrialRecord | None]
    """Seed to record, of every planned trial; None where there is none yet."""

    def __post_init__(self) -> None:
        """UserError where the trials were trained on different data, so that no mean is one of anything."""
        seeds: dict[str, list[int]] = {}
        for seed, record in self.of("ok", "diverged").items():
            if record.data_hash:
                seeds.setdefault(record.data_hash, []).append(seed)
        if len(seeds) > 1:
            told = "; ".join(f"seeds {ranges(set(found))} on SHA-256 {digest[:12]}" for digest, found in seeds.items())
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
        ok, diverged, failed = (len(self.of(state)) for state in ("ok", "diverged", "failed"))
        return Counts(ok, diverged, failed, len(self.records) - ok - diverged - failed)


def place(coordinates: Mapping[str, Any]) -> str:
    """A place of the grid as a key."""
    return json.dumps(coordinates, sort_keys=True)


def ordered(found: Iterable[tuple[Mapping[str, Any], str]], variants: Sequence[str]) -> list[int]:
    """Indices of (coordinates, variant): place by place as they come, variants in their order within each."""
    each = [(place(coordinates), variants.index(variant)) for coordinates, variant in found]
    places = list(dict.fromkeys(where for where, _ in each))
    return sorted(range(len(each)), key=lambda k: (places.index(each[k][0]), each[k][1]))


def ordered_points(plan: StoredPlan) -> list[int]:
    """Of a plan: place by place as in the config, variants in their order within each."""
    return ordered(((point.coordinates, point.variant) for point in plan.points), plan.variants)
