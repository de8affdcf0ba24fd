"""Contrasts of made-up differences, and whole experiments with claims whose truth is known."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from made_up_reports import experiment

from bnexp.claims.contrast import Contrast
from bnexp.records.plan import StoredClaim, StoredPlan
from bnexp.specs.claims import Claim, Condition
from bnexp.stats.estimates import Interval
from bnexp.stats.paired import mcnemar


def claim(rule: Any = "superiority", **others: Any) -> Claim:
    """Of `batch` against `none`."""
    return Claim.model_validate({"text": "it helps", "treatment": "batch", "control": "none", "rule": rule, **others})


def contrast(d: Sequence[float] | np.ndarray, *, trained: Any = None, **others: Any) -> Contrast:
    """Of differences in percentage points; `trained`, (n, 2), of all pairs, control first: by default all of them."""
    values = tuple(map(float, d))
    outcomes = tuple((bool(a), bool(b)) for a, b in ([(1, 1)] * len(values) if trained is None else trained))
    given: dict[str, Any] = {
        "condition": Condition(()),
        "planned": len(outcomes),
        "pending": 0,
        "seeds": tuple(range(len(values))),
        "differences": values,
        "outcomes": outcomes,
        "trained_test": mcnemar(outcomes),
        "estimate": Interval(math.nan, math.nan, math.nan, len(values)),
        "unit": "pp",
        "mismatches": {},
    }
    return Contrast(**(given | others))


def plan(
    claims: dict[str, Claim],
    seeds: int = 10,
    *,
    rates: tuple[float, ...] = (),
    edited: Sequence[str] = (),
    variants: int = 2,
) -> StoredPlan:
    """An experiment that claims this, registered before its first trial but for those `edited`."""
    stored = {name: StoredClaim(claim=each, hash=f"hash of {name}") for name, each in claims.items()}
    registered = {name: "another" if name in edited else each.hash for name, each in stored.items()}
    return experiment(variants, seeds, rates).model_copy(update={"claims": stored, "registered": registered})
