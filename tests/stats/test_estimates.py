"""Means and shares with intervals: by hand, and against scipy and statsmodels."""

import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.estimates import at_most, deviation, interquartile_mean, mean_interval, prediction_interval, wilson


def test_interval_by_hand():
    """1, 2, 3: mean 2, s 1, t(0.975, 2) = 4.303, so ± 4.303/√3 = 2.484."""
    found = mean_interval([1, 2, 3])
    assert found == pytest.approx((2, 2 - 2.4841, 2 + 2.4841, 3), abs=1e-4)
    assert found.half_width == pytest.approx(2.4841, abs=1e-4)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_interval_is_scipys(n, confidence):
    x = np.random.default_rng(n).normal(99, 0.1, n)
    expected = stats.ttest_1samp(x, 0).confidence_interval(confidence)
    assert mean_interval(x, confidence=confidence)[1:3] == pytest.approx(tuple(expected), rel=1e-12)


def test_a_prediction_interval_holds_one_more_value():
    """1, 2, 3: ± 4.303 · √(4/3) = 4.968; and 95 of 100 further values, standard error 0.003."""
    assert prediction_interval([1, 2, 3]) == pytest.approx((2, 2 - 4.9683, 2 + 4.9683, 3), abs=1e-4)
    drawn = np.random.default_rng(0).normal(99, 0.1, (4000, 6))
    inside = [low <= one <= high for *known, one in drawn for _, low, high, _ in [prediction_interval(known)]]
    assert abs(np.mean(inside) - 0.95) < 0.012
    assert math.isnan(prediction_interval([7.0]).low)


def test_one_value_has_no_interval_and_none_has_no_mean():
    one = mean_interval([7.0])
    assert one == pytest.approx((7.0, math.nan, math.nan, 1), nan_ok=True)
    assert not one.contains_zero
    assert mean_interval([]) == pytest.approx((math.nan, math.nan, math.nan, 0), nan_ok=True)


def test_values_that_are_all_the_same_have_an_interval_of_no_width():
    """0.1 + 0.1 + 0.1 is not 0.3 in floating point; that must not show."""
    found = mean_interval([0.1] * 3)
    assert found[:3] == (0.1, 0.1, 0.1)
    assert deviation(np.array([0.1] * 3)) == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="1 of 3 values are not finite; leave them out"):
        mean_interval([1, bad, 2])


@pytest.mark.parametrize(
    ("low", "high", "contains"), [(-1, 1, True), (0, 1, True), (-1, 0, True), (1, 2, False), (-2, -1, False)]
)
def test_zero_counts_as_inside_up_to_the_ends(low, high, contains):
    assert mean_interval([0])._replace(low=low, high=high).contains_zero is contains


def test_wilson_by_hand():
    """5 of 5: low end 1/(1 + z²/5) = 5/(5 + 3.8415) = 0.5655, high end 1."""
    found = wilson(5, 5)
    assert (found.share, found.high, found.n) == (1.0, 1.0, 5)
    assert found.low == pytest.approx(5 / (5 + 3.841459), abs=1e-7)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (0, 7), (3, 10), (4.5, 9), (10, 10), (37, 400)])
def test_wilson_is_that_of_statsmodels(successes, n):
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="an oracle; not needed to use bnexp")
    expected = proportion.proportion_confint(successes, n, method="wilson")
    assert wilson(successes, n)[1:3] == pytest.approx(expected, abs=1e-12)


def test_wilson_stays_within_0_and_1_and_around_the_share():
    for n in range(1, 60):
        for successes in range(n + 1):
            found = wilson(successes, n)
            assert 0 <= found.low <= found.share <= found.high <= 1


def test_no_trial_has_no_share_and_more_successes_than_trials_are_refused():
    assert all(math.isnan(value) for value in wilson(0, 0)[:3])
    with pytest.raises(ValueError, match="3 successes among 2"):
        wilson(3, 2)


def test_interquartile_mean_leaves_a_quarter_out_at_each_end():
    assert interquartile_mean([-1000, 2, 4, 1000]) == 3
    assert interquartile_mean([1, 2, 3, 4, 5, 600, -600, 7]) == (2 + 3 + 4 + 5) / 4
    assert math.isnan(interquartile_mean([1, 2, 3]))


@pytest.mark.parametrize(("successes", "n", "bound"), [(0, 10, 0.2589), (1, 10, 0.3942), (10, 10, 1.0), (0, 1, 0.95)])
def test_the_upper_bound_of_a_share_is_scipys_exact_one(successes, n, bound):
    """0 of 10: 1 - .05^(1/10) = 26 %."""
    expected = stats.binomtest(successes, n, alternative="less").proportion_ci(0.95, "exact").high
    assert at_most(successes, n) == pytest.approx(expected)
    assert at_most(successes, n) == pytest.approx(bound, abs=1e-4)
    assert math.isnan(at_most(0, 0))
