"""Holm's correction over any set, and estimates in any metric."""

import math
from dataclasses import dataclass, replace

import pytest
from folders import trial_record

from bnexp.evidence.metric import metric
from bnexp.evidence.paired import estimate
from bnexp.evidence.rule import in_family
from bnexp.evidence.side import Side, pairs


@dataclass(frozen=True)
class WithP:
    p: float
    other: float = 1.0
    p_holm: float = math.nan
    other_holm: float = math.nan
    family: int = 0


def test_a_family_is_whatever_is_corrected_together_each_test_by_itself():
    found = in_family([WithP(0.01, 0.2), WithP(0.02, 0.1)], p_holm=lambda x: x.p, other_holm=lambda x: x.other)
    assert [(each.p_holm, each.other_holm, each.family) for each in found] == [(0.02, 0.2, 2), (0.02, 0.2, 2)]
    assert in_family([], p_holm=lambda each: each.p) == []


def test_what_was_not_tested_does_not_count():
    found = in_family([WithP(0.01), WithP(math.nan)], p_holm=lambda each: each.p)
    assert (found[0].p_holm, found[0].family, math.isnan(found[1].p_holm)) == (0.01, 1, True)


def side(name, *losses):
    records = {seed: trial_record(name, seed) for seed in range(len(losses))}
    tests = {seed: each.test.model_copy(update={"loss": losses[seed]}) for seed, each in records.items()}
    changed = {seed: each.model_copy(update={"test": tests[seed]}) for seed, each in records.items()}
    return Side(name, records[0].spec, changed)


NONE, LN = side("none", 0.04, 0.05, 0.03), side("ln", 0.05, 0.04, 0.05)


def test_an_estimate_is_second_minus_first_in_the_unit_of_the_metric():
    found = estimate(pairs(NONE, LN), metric("test-loss"))
    assert found.values == ((0.04, 0.05), (0.05, 0.04), (0.03, 0.05))
    assert found.differences == (0.01, -0.01, 0.02)
    assert found.difference.mean == pytest.approx(0.02 / 3)
    assert (found.planned, found.seeds, found.family, found.p_holm) == (3, (0, 1, 2), 1, found.test.p)


def test_pairs_without_a_value_are_in_no_estimate():
    other = side("ln", 0.05, None, 0.05)
    assert estimate(pairs(NONE, other), metric("test-loss")).seeds == (0, 2)
    other = replace(other, records={**other.records, 0: trial_record("ln", 0, "diverged")})
    found = estimate(pairs(NONE, other), metric("test-loss"))
    assert (found.seeds, found.planned, math.isnan(found.difference.low)) == ((2,), 3, True)


def test_more_confidence_is_a_wider_interval_and_detects_less():
    narrow, wide = (estimate(pairs(NONE, LN), metric("test-loss"), confidence=c) for c in (0.95, 0.99))
    assert narrow.difference.half_width < wide.difference.half_width
    assert narrow.detectable < wide.detectable
