"""Tests and intervals that hold at every look, held against their definition and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.sequential import (
    POINTS,
    anytime_equivalence,
    anytime_interval,
    anytime_p,
    anytime_test,
    decided_after,
    e_values,
)

PATHS, PAIRS = 1000, 40


def test_e_values_are_the_mean_over_lambda_of_products():
    d, theta = (0.1, -0.2, 0.3), 0.05
    by_hand = [
        np.mean([np.prod([2 / (1 + math.exp(-2 * rate * (x - theta))) for x in d[:n]]) for rate in POINTS])
        for n in (1, 2, 3)
    ]
    assert e_values(d, theta) == pytest.approx(by_hand)


def test_a_p_remembers_the_best_moment():
    assert anytime_p((0.5,) * 8 + (-0.5,) * 8) == anytime_p((0.5,) * 8)


@pytest.mark.parametrize("scatter", [0.02, 0.1, 1.0])
@pytest.mark.parametrize(
    "distribution", [stats.norm, stats.t(3), stats.uniform(-1, 2)], ids=["normal", "t3", "uniform"]
)
def test_read_after_every_pair_it_errs_in_5_of_100_at_most(distribution, scatter):
    """The standard error is 0.7 %."""
    d = scatter * distribution.rvs(size=(PATHS, PAIRS), random_state=1)
    assert np.mean([anytime_test(each).p < 0.05 for each in d]) < 0.07
    margin = 0.1
    assert np.mean([anytime_equivalence(margin + each, margin).p < 0.05 for each in d]) < 0.07


def test_a_t_test_that_is_read_as_often_errs_three_times_as_often():
    d = np.random.default_rng(2).normal(0, 0.1, (PATHS, PAIRS))
    p = np.array([stats.ttest_1samp(d[:, :n], 0, axis=1).pvalue for n in range(6, PAIRS + 1)])
    assert (p.min(axis=0) < 0.05).mean() > 0.17


def test_how_soon_it_decides():
    """With a scatter of 0.1 and a true 0.1 it decides in some 43 % by 10 pairs and 84 % by 20."""
    d = np.random.default_rng(3).normal(0.1, 0.1, (PATHS, 20))
    shown = [np.mean([anytime_test(each[:n]).p < 0.05 for each in d]) for n in (10, 20)]
    assert shown == pytest.approx([0.43, 0.84], abs=0.05)


@pytest.mark.parametrize("n", [6, 10, 30])
def test_the_interval_is_what_the_test_does_not_reject(n):
    d = np.random.default_rng(n).normal(0.2, 0.1, n)
    found = anytime_interval(d)
    for end, inwards in ((found.low, 1), (found.high, -1)):
        assert anytime_test(d - end - 1e-6 * inwards).p > 0.05
        assert anytime_test(d - end + 1e-6 * inwards).p < 0.05


def test_five_pairs_exclude_nothing_however_clear():
    found = anytime_interval((9.0,) * 5)
    assert (found.mean, math.isnan(found.low), math.isnan(found.high)) == (9.0, True, True)
    assert anytime_test((9.0,) * 6).p == pytest.approx(2.0**-5, rel=0.01)
    assert anytime_test(()).n == 0


def test_a_larger_difference_takes_fewer_pairs_and_none_at_all_is_decided_too():
    none, small, large = (decided_after(true, 0.1, margin=0.1) for true in (0.0, 0.1, 0.3))
    assert np.median(large) < np.median(small)
    assert np.isfinite(none).mean() > 0.8
    assert np.median(decided_after(0.1, 0.1, margin=0.1, comparisons=8)) > np.median(small)
