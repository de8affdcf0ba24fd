"""Equivalence within a margin: against statsmodels, by hand, and by how often it is claimed wrongly."""

import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.estimates import mean_interval
from bnexp.stats.paired import tost


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("margin", [0.05, 0.1, 0.5])
def test_is_that_of_statsmodels(n, margin):
    weightstats = pytest.importorskip("statsmodels.stats.weightstats", reason="an oracle; not needed to use bnexp")
    a, b = np.random.default_rng(n).normal(99, 0.1, (2, n))
    expected, *_ = weightstats.ttost_paired(a, b, -margin, margin)
    assert tost(a - b, margin).p == pytest.approx(expected, abs=1e-12)


def test_by_hand():
    """−1, 0, 1 and a margin of 2: s 1, so t = 2√3 = 3.464 on 2 degrees of freedom, p 0.0371."""
    found = tost([-1, 0, 1], 2)
    assert found.p == pytest.approx(0.03709, abs=1e-5)
    assert (found.margin, found.n) == (2, 3)


def test_it_is_claimed_exactly_where_the_90_per_cent_interval_lies_within_the_margin():
    rng = np.random.default_rng(3)
    claimed = set()
    for d in rng.normal(0.03, 0.1, (300, 6)):
        interval = mean_interval(d, confidence=0.9)
        inside = interval.low > -0.1 and interval.high < 0.1
        assert (tost(d, 0.1).p < 0.05) is inside
        claimed.add(inside)
    assert claimed == {True, False}


@pytest.mark.parametrize("n", [5, 10])
def test_a_difference_as_large_as_the_margin_is_called_equivalent_in_5_of_100_experiments(n):
    """8,000 experiments; the share has a standard error of 0.0024; z for t, or a single test, would give more."""
    x = np.random.default_rng(n).normal(0.1, 0.05, (8000, n))
    share = np.mean([tost(d, 0.1).p < 0.05 for d in x])
    assert share == pytest.approx(0.05, abs=0.008)
    with_z = stats.norm.cdf((np.abs(x.mean(axis=1)) - 0.1) / (x.std(axis=1, ddof=1) / math.sqrt(n)))
    assert np.mean(with_z < 0.05) > 0.06


def test_few_scattered_seeds_never_show_equivalence_that_many_show():
    few, many = np.tile([-0.1, 0.1], 2), np.tile([-0.1, 0.1], 30)
    assert tost(few, 0.1).p > 0.05 > tost(many, 0.1).p


@pytest.mark.parametrize("d", [[], [0.01], [0.0, 0.0, 0.0]])
def test_without_scatter_to_go_by_nothing_is_tested(d):
    assert math.isnan(tost(d, 0.1).p)


@pytest.mark.parametrize("margin", [0, -0.1, math.inf, math.nan])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(ValueError, match="a margin is positive and finite"):
        tost([1, 2], margin)
