"""Differences between pairs: by hand, against scipy, and by their error rates."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.paired import difference, improvement, mean_difference, sign_flip_test


def test_difference_is_first_minus_second():
    assert list(difference([3, 5], [1, 9])) == [2, -4]


def test_sides_of_different_length_are_refused():
    with pytest.raises(ValueError, match="as many values on both sides, not 2 and 1"):
        difference([1, 2], [1])


def test_mean_difference_is_scipys_paired_t():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 8))
    expected = stats.ttest_rel(a, b).confidence_interval()
    assert mean_difference(difference(a, b))[1:3] == pytest.approx(tuple(expected))


def test_pairing_removes_what_the_two_sides_share():
    rng = np.random.default_rng(4)
    luck, noise = rng.normal(0, 10, 30), rng.normal(0, 0.1, 30)
    assert mean_difference(difference(luck + 1 + noise, luck)).half_width < 0.1


def test_sign_flip_by_hand():
    """1, 2, 3: of the 8 sums ±1±2±3, only 6 and −6 are as far from 0 as 6."""
    found = sign_flip_test([1, 2, 3])
    assert found.p == 2 / 8
    assert found.smallest == 2 / 8
    assert found.exact


def test_sign_flip_counts_ties_in():
    """1, 1, −1: the sum is 1, and every one of the 8 sums (±1 or ±3) is as far from 0."""
    assert sign_flip_test([1, 1, -1]).p == 1


def test_ties_survive_rounding():
    """0.1, 0.2, −0.3 and the like: |Σ| is 0 on paper and 5e-17 in floating point."""
    assert sign_flip_test([0.1, 0.2, -0.3]).p == 1
    assert sign_flip_test([0.3, 0.1, 0.2]).p == sign_flip_test([3, 1, 2]).p


@pytest.mark.parametrize("n", [1, 2, 5, 9, 12])
def test_sign_flip_is_the_count_over_all_patterns(n):
    d = np.random.default_rng(n).normal(0.5, 1, n)
    sums = [abs(np.dot(signs, d)) for signs in itertools.product([-1, 1], repeat=n)]
    assert sign_flip_test(d).p == np.mean([s >= abs(d.sum()) - 1e-12 for s in sums])


@pytest.mark.parametrize("n", [5, 8, 10])
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


def test_five_pairs_cannot_reach_5_percent_and_six_can():
    assert sign_flip_test([1.0] * 5).smallest > 0.05
    assert sign_flip_test([1.0] * 6).smallest < 0.05


def test_many_pairs_are_estimated_the_same_at_every_call_and_near_the_exact():
    d = np.random.default_rng(0).normal(0.35, 1, 20)
    exact, estimate = sign_flip_test(d), sign_flip_test(np.append(d, 0.0))  # a 0 changes no sum
    assert exact.exact
    assert not estimate.exact
    assert estimate == sign_flip_test(np.append(d, 0.0))
    assert estimate.p == pytest.approx(exact.p, abs=5 * math.sqrt(exact.p / 100_000))


def test_an_estimated_p_is_never_zero():
    assert sign_flip_test(np.ones(40), draws=1000).p == 1 / 1001


def test_no_difference_at_all_is_no_evidence():
    assert sign_flip_test([0.0, 0.0, 0.0]).p == 1


def test_no_pair_has_no_p():
    assert math.isnan(sign_flip_test([]).p)


def test_false_alarms_stay_at_the_stated_rate():
    """3,000 samples of 8 without a difference, of skewless but wild noise: p ≤ .05 in at most 5 of 100."""
    noise = np.random.default_rng(6).standard_t(2, (3000, 8))
    rate = np.mean([sign_flip_test(d).p <= 0.05 for d in noise])
    assert 0.035 <= rate <= 0.055  # exactly 12/256 = 0.047 of the patterns; standard error 0.004


def test_improvement_counts_ties_half():
    found = improvement([1, 2, 0, -1])
    assert found.share == 2.5 / 4
    assert found.n == 4


def test_improvement_without_pairs_is_unknown():
    assert math.isnan(improvement([]).share)


def test_pairs_that_do_not_differ_make_the_smallest_p_larger():
    """Three of seven ties: of the 2^7 flips 2^3 each give one sum, so that no p lies below 2/2^4."""
    found = sign_flip_test([0, 0, 0, 0.1, 0.1, 0.2, 0.1])
    assert (found.n, found.ties, found.smallest, found.p) == (7, 3, 0.125, 0.125)
    assert sign_flip_test([0, 0, 0])[:3] == (1.0, 3, 1.0)
