"""Times to a target with censored runs: by hand, and against scipy."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.survival import first_reached, kaplan_meier, log_rank_scores, paired_log_rank, time_to_target

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
    assert (found.reached, found.n, found.budget) == (3, 5, 100)


@pytest.mark.parametrize("times", [[10, NAN, NAN], [10, 20, NAN, NAN], [NAN]])
def test_half_of_the_runs_not_there_put_the_median_beyond_the_budget(times):
    found = time_to_target(times, [100] * len(times))
    assert found.median == math.inf
    assert found.budget == 100


def test_the_median_lies_after_that_of_the_looks_before():
    """Seen at 20 (after 10), at 10 (the first), at 40 (after 20) and never: the median lies in (15, 30]."""
    looks = [[10, 20, 40]] * 4
    found = time_to_target([20, 10, 40, NAN], [50] * 4, looks=looks)
    assert (found.after, found.median) == (15, 30)
    assert math.isnan(time_to_target([20, 10], [50] * 2).after)


def test_without_censoring_it_is_the_plain_median():
    times = np.random.default_rng(0).uniform(1, 9, 7)
    found = time_to_target(times, [10] * 7)
    assert found.median == np.median(times)
    assert math.isnan(found.budget)
    none = time_to_target([], [])
    assert math.isnan(none.median)


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


def test_a_pair_counts_until_the_earlier_end_of_its_runs_and_no_other_pair_does():
    """Nobody of the second pair can be seen to be there: it is a tie, and the first is what it was alone."""
    alone = log_rank_scores([10], [99], [20], [99])
    assert log_rank_scores([10, 8], [99, 5], [20, 4], [99, 3]).tolist() == [*alone, 0]
