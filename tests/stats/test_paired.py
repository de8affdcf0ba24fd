"""Differences between pairs: by hand, against scipy and statsmodels, and by their error rates."""

import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.estimates import mean_interval
from bnexp.stats.paired import (
    difference,
    improvement,
    mcnemar,
    mean_difference,
    minimum_detectable_effect,
    sign_flip_test,
    tost,
)


def test_difference_is_first_minus_second_of_as_many():
    assert list(difference([3, 5], [1, 9])) == [2, -4]
    with pytest.raises(ValueError, match="as many values on both sides, not 2 and 1"):
        difference([1, 2], [1])


def test_mean_difference_is_scipys_paired_t():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 8))
    expected = stats.ttest_rel(a, b).confidence_interval()
    assert mean_difference(difference(a, b))[1:3] == pytest.approx(tuple(expected))


@pytest.mark.parametrize(
    ("d", "p"),
    [
        ([1, 2, 3], 2 / 8),  # of the 8 sums ±1±2±3, only 6 and −6 are as far from 0 as 6
        ([1, 1, -1], 1),  # every one of the 8 sums (±1 or ±3) is as far from 0 as 1
        ([0.1, 0.2, -0.3], 1),  # |Σ| is 0 on paper and 5e-17 in floating point
        ([0.3, 0.1, 0.2], 2 / 8),
    ],
)
def test_sign_flip_by_hand(d, p):
    assert sign_flip_test(d)[:4] == (p, 3, 2 / 8, True)


@pytest.mark.parametrize("n", [2, 5, 8, 10, 12])
def test_sign_flip_is_scipys_exact_permutation_test(n):
    d = np.random.default_rng(n).normal(0.3, 1, n)
    oracle = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert sign_flip_test(d).p == pytest.approx(oracle.pvalue, abs=1e-12)


@pytest.mark.parametrize("n", range(1, 8))
def test_no_pairs_give_less_than_the_smallest_p(n):
    """All differences alike is the strongest result there is."""
    found = sign_flip_test([1.0] * n)
    assert found.p == found.smallest == min(1, 2 / 2**n)


def test_many_pairs_are_estimated_the_same_at_every_call_and_near_the_exact():
    d = np.random.default_rng(0).normal(0.35, 1, 20)
    exact, estimate = sign_flip_test(d), sign_flip_test(np.append(d, 0.0))  # a 0 changes no sum
    assert exact.exact
    assert not estimate.exact
    assert estimate == sign_flip_test(np.append(d, 0.0))
    assert estimate.p == pytest.approx(exact.p, abs=5 * math.sqrt(exact.p / 100_000))


def test_an_estimated_p_is_never_zero():
    assert sign_flip_test(np.ones(40), draws=1000).p == 1 / 1001


def test_without_pairs_nothing_is_known():
    assert math.isnan(sign_flip_test([]).p)
    assert math.isnan(improvement([]).share)


def test_false_alarms_stay_at_the_stated_rate():
    """3,000 samples of 8 without a difference, of skewless but wild noise: p ≤ .05 in at most 5 of 100."""
    noise = np.random.default_rng(6).standard_t(2, (3000, 8))
    rate = np.mean([sign_flip_test(d).p <= 0.05 for d in noise])
    assert 0.035 <= rate <= 0.055  # exactly 12/256 = 0.047 of the patterns; standard error 0.004


def test_improvement_counts_ties_half():
    assert improvement([1, 2, 0, -1])[::3] == (2.5 / 4, 4)


def test_pairs_that_do_not_differ_make_the_smallest_p_larger():
    """Three of seven ties: of the 2^7 flips 2^3 each give one sum, so that no p lies below 2/2^4."""
    found = sign_flip_test([0, 0, 0, 0.1, 0.1, 0.2, 0.1])
    assert (found.n, found.ties, found.smallest, found.p) == (7, 3, 0.125, 0.125)
    assert sign_flip_test([0, 0, 0])[:3] == (1.0, 3, 1.0)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("margin", [0.05, 0.1, 0.5])
def test_equivalence_is_that_of_statsmodels(n, margin):
    weightstats = pytest.importorskip("statsmodels.stats.weightstats", reason="an oracle; not needed to use bnexp")
    a, b = np.random.default_rng(n).normal(99, 0.1, (2, n))
    expected, *_ = weightstats.ttost_paired(a, b, -margin, margin)
    assert tost(a - b, margin).p == pytest.approx(expected, abs=1e-12)


def test_equivalence_by_hand():
    """−1, 0, 1 and a margin of 2: s 1, so t = 2√3 = 3.464 on 2 degrees of freedom, p 0.0371."""
    found = tost([-1, 0, 1], 2)
    assert found.p == pytest.approx(0.03709, abs=1e-5)
    assert (found.margin, found.n) == (2, 3)


def test_equivalence_is_claimed_exactly_where_the_90_per_cent_interval_lies_within_the_margin():
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
def test_without_scatter_to_go_by_no_equivalence_is_tested(d):
    assert math.isnan(tost(d, 0.1).p)


@pytest.mark.parametrize("margin", [0, -0.1, math.inf, math.nan])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(ValueError, match="a margin is positive and finite"):
        tost([1, 2], margin)


@pytest.mark.parametrize("n", [15, 50, 2000])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_of_one_comparison_the_detectable_difference_is_that_of_statsmodels(n, power):
    """By 4,000 samples; with so many pairs the sign-flip test of one comparison asks for no more than the t test."""
    oracle = pytest.importorskip("statsmodels.stats.power", reason="an oracle; not needed to use bnexp")
    d = np.random.default_rng(n).normal(1, 3, n)
    effect = oracle.TTestPower().solve_power(nobs=n, alpha=0.05, power=power) * d.std(ddof=1)
    assert minimum_detectable_effect(d, power=power) == pytest.approx(effect, rel=0.03)


@pytest.mark.parametrize(("n", "m"), [(6, 1), (10, 1), (10, 8), (10, 24), (13, 24), (16, 24)])
def test_the_detectable_difference_has_the_stated_power_in_both_tests(n, m):
    """1,000 other samples: standard error 1.3 points.  A t test alone, at .05, has 17 points at n=10 and m=24."""
    rng = np.random.default_rng([n, m])
    x = rng.normal(size=n)
    standard = minimum_detectable_effect(x, level=0.05 / m) / x.std(ddof=1)
    passed = [sign_flip_test(d).p < 0.05 / m and mean_difference(d).low > 0 for d in rng.normal(standard, 1, (1000, n))]
    assert np.mean(passed) == pytest.approx(0.8, abs=0.045)


@pytest.mark.parametrize(("n", "m", "possible"), [(5, 1, False), (6, 1, True), (9, 24, False), (10, 24, True)])
def test_where_no_p_is_below_the_level_nothing_is_detectable(n, m, possible):
    assert math.isfinite(minimum_detectable_effect(np.arange(n), level=0.05 / m)) is possible


def test_more_seeds_see_less_and_a_margin_adds_to_it():
    d = np.random.default_rng(0).normal(size=40)
    effects = [minimum_detectable_effect(np.tile([-1.0, 1.0], n)) for n in (3, 4, 8, 16)]
    assert effects == sorted(effects, reverse=True)
    assert minimum_detectable_effect(10 * d) == pytest.approx(10 * minimum_detectable_effect(d))
    assert minimum_detectable_effect(d, margin=2) == pytest.approx(2 + minimum_detectable_effect(d))


@pytest.mark.parametrize("d", [[], [1.0], [1.0] * 9])
def test_without_scatter_to_go_by_the_detectable_difference_is_unknown(d):
    assert math.isnan(minimum_detectable_effect(d))


@pytest.mark.parametrize(
    ("both", "first", "second", "neither"), [(3, 0, 7, 0), (10, 0, 6, 1), (2, 4, 9, 0), (5, 2, 2, 3), (4, 0, 0, 2)]
)
def test_mcnemar_is_scipys_binomial_test_of_the_unlike_pairs(both, first, second, neither):
    outcomes = [(1, 1)] * both + [(1, 0)] * first + [(0, 1)] * second + [(0, 0)] * neither
    found = mcnemar(outcomes)
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1
    assert (found.p, found.n, found.ties) == (pytest.approx(expected), len(outcomes), both + neither)
    assert found.p >= found.smallest == min(1, 2 ** (1 - first - second))
    # It is the sign-flip test of the differences.
    assert found.p == pytest.approx(sign_flip_test(np.diff(outcomes)[:, 0]).p)


def test_mcnemar_without_pairs_is_unknown():
    assert math.isnan(mcnemar([]).p)


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_a_level_that_was_not_simulated_is_refused(level):
    with pytest.raises(ValueError, match=r"at \.05 at most"):
        minimum_detectable_effect([1.0, 2.0, 4.0], level=level)
