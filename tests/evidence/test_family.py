"""Holm's correction over any set, and estimates in any metric."""

import math
from dataclasses import dataclass, replace

import pytest
from folders import trial_record

from bnexp.evidence.metric import metric
from bnexp.evidence.paired import estimate
from bnexp.evidence.rule import in_family
from bnexp.evidence.side import Side, pairs
from bnexp.stats.paired import SignFlip


@dataclass(frozen=True)
class WithP:
    test: SignFlip
    other: float = 1.0
    p_holm: float = math.nan
    other_holm: float = math.nan
    family: int = 0
    least: float = math.nan


def with_p(p, other=1.0, n=10):
    return WithP(SignFlip(p, n, 2.0 ** (1 - n), True), other)


def test_a_family_is_whatever_is_corrected_together_each_test_by_itself():
    two = [with_p(0.01, 0.2), with_p(0.02, 0.1)]
    found = in_family(two, apart={"other_holm": lambda each: each.other})
    assert [(each.p_holm, each.other_holm, each.family) for each in found] == [(0.02, 0.2, 2), (0.02, 0.2, 2)]
    found = in_family(two, also={"other_holm": lambda each: each.other})
    assert [(each.p_holm, each.other_holm, each.family) for each in found] == [(0.04, 0.2, 4), (0.06, 0.2, 4)]
    assert in_family([]) == []


def test_what_was_not_tested_does_not_count():
    found = in_family([with_p(0.01), with_p(math.nan)])
    assert (found[0].p_holm, found[0].family, math.isnan(found[1].p_holm)) == (0.01, 1, True)


def test_the_smallest_p_that_could_have_been_is_corrected_by_the_step_it_would_have_had():
    """Of eight comparisons with ten pairs seven have a smaller p than six pairs can: their step is the last.

    The sentence that the test cannot go below .05 with six pairs would be false there: 8 · 0.031 is not what counts.
    """
    found = in_family([with_p(0.002)] * 7 + [with_p(1.0, n=6)])
    assert (found[0].least, found[7].least) == (8 * 2**-9, 2**-5)
    assert in_family([with_p(0.5)] * 7 + [with_p(1.0, n=6)])[7].least == 8 * 2**-5


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
    one, other = side("none", *[0.04, 0.05, 0.03] * 3), side("ln", *[0.05, 0.04, 0.05] * 3)
    narrow, wide, beyond = (
        estimate(pairs(one, other), metric("test-loss"), **options)
        for options in ({}, {"confidence": 0.99}, {"margin": 0.5})
    )
    assert narrow.difference.half_width < wide.difference.half_width
    assert narrow.detectable < wide.detectable
    assert beyond.detectable == pytest.approx(0.5 + narrow.detectable)
