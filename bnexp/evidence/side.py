"""One side of a comparison: the trials of one variant at one place of the grid."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bnexp.evidence.rule import too_many_diverged
from bnexp.records.plan import StoredPlan
from bnexp.records.record import TrialRecord


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
