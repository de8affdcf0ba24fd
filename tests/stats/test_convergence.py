"""Time to a target: two evaluations in a row, and runs that never get there stay in."""

import math

import numpy as np
import pytest

from bnexp.stats.survival import first_reached, time_to_target

STEPS = [10, 20, 30, 40, 50]


@pytest.mark.parametrize(
    ("values", "reached"),
    [
        ([0.1, 0.9, 0.9, 0.9, 0.9], 20),  # the first of the two
        ([0.1, 0.9, 0.1, 0.9, 0.9], 40),  # one above may be luck
        ([0.8, 0.8, 0.8, 0.8, 0.8], 10),  # at the target is enough
        ([0.1, 0.1, 0.1, 0.1, 0.9], None),  # nothing confirms the last
        ([0.9, 0.1, 0.9, 0.1, 0.9], None),
        ([0.9, math.nan, 0.9, math.nan, 0.9], None),
        ([0.9, 0.9, math.nan, math.nan, math.nan], 10),
        ([0.1, 0.2, 0.3, 0.4, 0.5], None),
    ],
)
def test_two_consecutive_evaluations_at_or_above(values, reached):
    found = first_reached(STEPS, values, 0.8)
    assert found == reached if reached else math.isnan(found)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_evaluations_reach_nothing(n):
    assert math.isnan(first_reached(STEPS[:n], [0.9] * n, 0.8))


def test_times_that_do_not_increase_are_refused():
    with pytest.raises(ValueError, match="must increase"):
        first_reached([1, 1], [0.5, 0.5], 0.8)


def test_times_and_values_of_different_number_are_refused():
    with pytest.raises(ValueError, match=r"not \(5,\) and \(2,\)"):
        first_reached(STEPS, [0.5, 0.5], 0.8)


def test_censored_runs_pull_the_median_up():
    """10, 20, 30 and two that never got there: the middle one is 30, not 20."""
    found = time_to_target([20, math.nan, 10, math.nan, 30], [100] * 5)
    assert found.median == 30
    assert (found.reached, found.n, found.share, found.budget) == (3, 5, 0.6, 100)


@pytest.mark.parametrize("times", [[10, math.nan, math.nan], [10, 20, math.nan, math.nan], [math.nan]])
def test_half_of_the_runs_not_there_put_the_median_beyond_the_budget(times):
    found = time_to_target(times, [100] * len(times))
    assert found.median == math.inf
    assert found.budget == 100


def test_without_censoring_it_is_the_plain_median():
    times = np.random.default_rng(0).uniform(1, 9, 7)
    found = time_to_target(times, [10] * 7)
    assert found.median == np.median(times)
    assert math.isnan(found.budget)


def test_no_run_has_no_median():
    found = time_to_target([], [])
    assert math.isnan(found.median)
    assert math.isnan(found.share)
