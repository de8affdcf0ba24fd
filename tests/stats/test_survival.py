"""Times to a target with censored runs: by hand, against scipy and statsmodels, and by how often intervals cover."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.estimates import mean_interval
from bnexp.stats.survival import (
    first_reached,
    kaplan_meier,
    log_rank_scores,
    paired_log_rank,
    restricted,
    restricted_mean,
    time_ratio,
    time_to_target,
)

NAN = math.nan


def made(rng, n, scale, budget):
    """Times that are exponential, cut to whole numbers so that they tie, and censored at the budget."""
    times = np.ceil(rng.exponential(scale, n))
    return np.where(times <= budget, times, NAN), np.full(n, float(budget))


def sample(reached, watched):
    event = ~np.isnan(reached)
    return stats.CensoredData.right_censored(np.where(event, reached, watched), ~event)


STEPS = [10, 20, 30, 40, 50]


@pytest.mark.parametrize(
    ("values", "reached"),
    [
        ([0.1, 0.9, 0.9, 0.9, 0.9], 20),  # the first of the two
        ([0.1, 0.9, 0.1, 0.9, 0.9], 40),  # one above may be luck
        ([0.8, 0.8, 0.8, 0.8, 0.8], 10),  # at the target is enough
        ([0.1, 0.1, 0.1, 0.1, 0.9], None),  # nothing confirms the last
        ([0.9, 0.1, 0.9, 0.1, 0.9], None),
        ([0.9, NAN, 0.9, NAN, 0.9], None),
        ([0.9, 0.9, NAN, NAN, NAN], 10),
        ([0.1, 0.2, 0.3, 0.4, 0.5], None),
        ([0.9], None),
        ([], None),
    ],
)
def test_two_consecutive_evaluations_at_or_above(values, reached):
    found = first_reached(STEPS[: len(values)], values, 0.8)
    assert found == reached if reached else math.isnan(found)


def test_times_that_do_not_increase_or_are_of_another_number_than_the_values_are_refused():
    with pytest.raises(ValueError, match="must increase"):
        first_reached([1, 1], [0.5, 0.5], 0.8)
    with pytest.raises(ValueError, match=r"not \(5,\) and \(2,\)"):
        first_reached(STEPS, [0.5, 0.5], 0.8)


def test_censored_runs_pull_the_median_up():
    """10, 20, 30 and two that never got there: the middle one is 30, not 20."""
    found = time_to_target([20, NAN, 10, NAN, 30], [100] * 5)
    assert found.median == 30
    assert (found.reached, found.n, found.share, found.budget) == (3, 5, 0.6, 100)


@pytest.mark.parametrize("times", [[10, NAN, NAN], [10, 20, NAN, NAN], [NAN]])
def test_half_of_the_runs_not_there_put_the_median_beyond_the_budget(times):
    found = time_to_target(times, [100] * len(times))
    assert found.median == math.inf
    assert found.budget == 100


def test_without_censoring_it_is_the_plain_median():
    times = np.random.default_rng(0).uniform(1, 9, 7)
    found = time_to_target(times, [10] * 7)
    assert found.median == np.median(times)
    assert math.isnan(found.budget)
    none = time_to_target([], [])
    assert math.isnan(none.median)
    assert math.isnan(none.share)


def test_kaplan_meier_by_hand():
    """1, 2, 2+, 3, 4+: 4/5, then 3/4 of it (the censored run still waits at 2), then 1/2 of that."""
    found = kaplan_meier([1, 2, NAN, 3, NAN], [9, 9, 2, 9, 4])
    assert found.times.tolist() == [1, 2, 3]
    assert found.waiting == pytest.approx([0.8, 0.6, 0.3])
    expected = stats.ecdf(sample(np.array([1, 2, NAN, 3, NAN]), np.array([9, 9, 2, 9, 4]))).sf
    interval = expected.confidence_interval(0.95, method="log-log")
    assert found.low == pytest.approx(interval.low.evaluate(found.times))
    assert found.high == pytest.approx(interval.high.evaluate(found.times))
    nobody = kaplan_meier([NAN, NAN], [5, 5])
    assert all(part.size == 0 for part in nobody)


@pytest.mark.parametrize("seed", range(4))
def test_the_area_under_the_curve_is_the_mean_of_the_restricted_times(seed):
    reached, watched = made(np.random.default_rng(seed), 9, 8, 12)
    for budget in (3.0, 7.5, 12.0):
        assert restricted_mean(reached, watched, budget) == pytest.approx(restricted(reached, watched, budget).mean())


def test_restricted_mean_by_hand_with_a_run_lost_early():
    """1 at 4/5 ... as above, up to 5: 1·1 + 0.8·1 + 0.6·1 + 0.3·2."""
    assert restricted_mean([1, 2, NAN, 3, NAN], [9, 9, 2, 9, 5], 5) == pytest.approx(1 + 0.8 + 0.6 + 0.6)
    with pytest.raises(ValueError, match="watched for less than 5"):
        restricted([1, NAN], [9, 4], 5)


@pytest.mark.parametrize("seed", range(6))
def test_the_scores_sum_to_the_numerator_of_scipys_log_rank_statistic(seed):
    """Observed minus expected of the first condition, z √variance; here without ties: Σ p(1 − p), p = r_a/r."""
    rng = np.random.default_rng(seed)
    a, b = rng.exponential(6, 9), rng.exponential(9, 9)
    ends = np.full(9, 100.0)
    shares = [(a >= t).sum() / ((a >= t).sum() + (b >= t).sum()) for t in (*a, *b)]
    expected = stats.logrank(sample(a, ends), sample(b, ends)).statistic * math.sqrt(sum(p * (1 - p) for p in shares))
    assert log_rank_scores(a, ends, b, ends).sum() == pytest.approx(2 * expected)


def numerator(a, ends_a, b, ends_b):
    """Σ (d_a − d r_a/r), written out."""
    total = 0.0
    for t in sorted({x for x in (*a, *b) if not math.isnan(x)}):
        at_risk = [sum(np.fmin(np.asarray(side), ends) >= t) for side, ends in ((a, ends_a), (b, ends_b))]
        got = [sum(x == t for x in a), sum(x == t for x in b)]
        total += got[0] - sum(got) * at_risk[0] / sum(at_risk)
    return total


@pytest.mark.parametrize("seed", range(3))
def test_log_rank_for_pairs_counts_the_swaps_with_a_numerator_as_large(seed):
    rng = np.random.default_rng(seed)
    (a, ends), (b, _) = made(rng, 6, 5, 8), made(rng, 6, 9, 8)
    swaps = []
    for swap in itertools.product([False, True], repeat=6):
        c, d = np.where(swap, b, a), np.where(swap, a, b)
        swaps.append(abs(numerator(c, ends, d, ends)))
    expected = np.mean([value >= swaps[0] - 1e-9 for value in swaps])
    assert paired_log_rank(a, ends, b, ends).p == pytest.approx(expected)


def test_the_ratio_is_the_geometric_mean_over_the_pairs_where_all_got_there():
    """½, ½ and 2: the geometric mean is ∛½, whatever the size of the times."""
    found = time_ratio([10, 50, 4], [99] * 3, [20, 100, 2], [99] * 3)
    assert found.ratio.mean == pytest.approx(0.5 ** (1 / 3))
    expected = stats.ttest_1samp(np.log([0.5, 0.5, 2]), 0).confidence_interval()
    assert (found.ratio.low, found.ratio.high) == pytest.approx(tuple(np.exp(expected)))
    assert (found.censored, found.ratio.n) == (0, 3)
    assert math.isnan(found.budget)


def test_with_censored_runs_it_is_the_ratio_of_the_restricted_means():
    """10, 20 against 40 and never within 60: 15/50; the pairs' shares differ by ∓2/15, so log ± 12.706 · 2/15."""
    found = time_ratio([10, 20], [60, 60], [40, NAN], [60, 60])
    assert found == time_ratio([10, 20], [60, 60], [40, None], [60, 60])
    assert found.ratio.mean == pytest.approx(0.3)
    assert found.ratio.low == pytest.approx(0.3 * math.exp(-12.7062 * 2 / 15), rel=1e-5)
    assert found.ratio.high == pytest.approx(0.3 * math.exp(12.7062 * 2 / 15), rel=1e-5)
    assert (found.censored, found.budget) == (1, 60)


def test_runs_with_different_budgets_are_compared_over_the_smaller_one():
    found = time_ratio([10, 80], [100, 100], [40, NAN], [60, 60])
    assert (found.ratio.mean, found.budget) == (pytest.approx((10 + 60) / (40 + 60)), 60)


@pytest.mark.parametrize(("n", "least"), [(5, 0.92), (10, 0.93)])
def test_the_interval_of_the_ratio_covers_the_truth_where_some_are_censored(n, least):
    """2,000 experiments against the ratio of the true restricted means; the share has a standard error of 0.005."""
    rng, budget = np.random.default_rng(n), 30.0

    def times(size):
        luck = rng.lognormal(0, 0.3, size)
        return [luck * scale * rng.lognormal(0, 0.3, size) for scale in (10, 22)]

    truth = np.divide(*(np.minimum(part, budget).mean() for part in times(2_000_000)))
    covered = []
    for _ in range(2000):
        a, b = (np.where(part < budget, part, NAN) for part in times(n))
        found = time_ratio(a, [budget] * n, b, [budget] * n).ratio
        covered.append(found.low <= truth <= found.high)
    assert least < np.mean(covered) < 0.97


def test_neither_there_has_no_ratio_and_one_pair_no_interval():
    found = time_ratio([NAN, NAN], [9, 9], [NAN, NAN], [9, 9])
    assert math.isnan(found.ratio.mean)
    assert (found.censored, found.budget) == (4, 9)
    found = time_ratio([10], [50], [20], [50])
    assert found.ratio.mean == pytest.approx(0.5)
    assert math.isnan(found.ratio.low)


def test_pairs_need_both_sides_and_a_ratio_needs_times_above_0():
    with pytest.raises(ValueError, match="not 1 and 2"):
        time_ratio([1], [2], [1, 2], [2, 2])
    with pytest.raises(ValueError, match="above 0"):
        time_ratio([0], [2], [1], [2])


def test_the_logarithms_are_those_of_the_paired_ratios_or_what_their_interval_rests_on():
    a, b, ends = [3.0, 5.0, 8.0, 4.0], [6.0, 7.0, 20.0, 9.0], [50.0] * 4
    assert time_ratio(a, ends, b, ends).logarithms == pytest.approx(np.log(a) - np.log(b))
    found = time_ratio([math.nan, *a[1:]], ends, b, ends)
    shape = mean_interval(found.logarithms)
    assert math.log(found.ratio.high / found.ratio.mean) == pytest.approx(shape.half_width)
