"""The ratio of two conditions' times: by hand, and by how often what it asserts is wrong, with the truth known."""

import math

import numpy as np
import pytest

from bnexp.stats.estimates import mean_interval
from bnexp.stats.survival import paired_log_rank, time_ratio

NAN = math.nan

LOG = np.array([*dict.fromkeys(round(2 ** (k / 4)) for k in range(53)), 8440.0])
"""Looks as from protocol 3 on: four per factor of two, and the end."""

TWO_SPEEDS = np.array([*range(85, 844, 85), *range(844, 8441, 844)], dtype=float)
"""As before it: ten in the first epoch, one after each later one."""


def made(rng, factor, n=10, median=900):
    """True times of two conditions, (n,) each: lognormal, with luck that a pair shares."""
    luck = rng.lognormal(math.log(median), 0.15, n)
    return luck * factor * rng.lognormal(0, 0.15, n), luck * rng.lognormal(0, 0.15, n)


def seen(times, looks):
    """At which look each is seen to be there; NaN where it is at none."""
    return np.append(looks, NAN)[np.searchsorted(looks, times)]


def ratio_of(a, b, looks):
    ends = [looks[-1]] * len(a)
    return time_ratio(seen(a, looks), ends, seen(b, looks), ends, looks=([looks] * len(a),) * 2)


def test_twice_as_fast_in_every_pair_is_half_the_time_to_half_a_per_cent():
    b = np.arange(10.0, 18.0)
    found = time_ratio(b / 2, [99] * 8, b, [99] * 8)
    assert found.ratio.mean == pytest.approx(0.5, rel=0.005)
    assert (found.ratio.low, found.ratio.high) == pytest.approx((0.5, 0.5), rel=0.01)
    assert found.ratio.low < 0.5 < found.ratio.high
    assert found.test == paired_log_rank(b / 2, [99] * 8, b, [99] * 8)


def test_the_other_way_round_it_is_the_reciprocal():
    a, b = made(np.random.default_rng(0), 0.7)
    ends = [1200] * 10
    one, other = time_ratio(a, ends, b, ends).ratio, time_ratio(b, ends, a, ends).ratio
    assert (one.mean, one.low, one.high) == pytest.approx((1 / other.mean, 1 / other.high, 1 / other.low))


@pytest.mark.parametrize(("n", "limited"), [(5, False), (6, True)])
def test_with_fewer_than_six_pairs_there_is_no_limit(n, limited):
    """As no p of theirs is below .05: the smallest of five is 2/32."""
    b = np.arange(10.0, 10.0 + n)
    found = time_ratio(b / 2, [99] * n, b, [99] * n).ratio
    assert found.mean == pytest.approx(0.5, rel=0.005)
    assert (found.low > 0, found.high < math.inf) == (limited, limited)


def test_where_one_never_gets_there_is_no_ratio_but_the_limit_that_its_budget_gives():
    """The other does so by 16, and it does not by 99: no less than 99/16 of its time, or hardly less."""
    b, ends = np.arange(10.0, 17.0), [99] * 7
    found = time_ratio([None] * 7, ends, b, ends)
    assert math.isnan(found.ratio.mean)
    assert 5 < found.ratio.low <= 99 / 10
    assert found.ratio.high == math.inf
    assert found.test.p == 2 / 2**7
    neither = time_ratio([NAN] * 7, ends, [NAN] * 7, ends)
    assert math.isnan(neither.ratio.mean)
    assert (neither.ratio.low, neither.ratio.high, neither.test.p) == (0, math.inf, 1)
    assert math.isnan(time_ratio([], [], [], [], looks=([], [])).ratio.low)


def test_a_pair_that_was_hardly_watched_sets_no_budget_for_the_others():
    a, b = made(np.random.default_rng(1), 0.5)
    without = time_ratio(a, [2000] * 10, b, [2000] * 10)
    found = time_ratio([*a, NAN], [*[2000] * 10, 50], [*b, NAN], [*[2000] * 10, 40])
    assert found.ratio[:3] == pytest.approx(without.ratio[:3])
    assert found.test.p == without.test.p


def test_pairs_need_both_sides_and_a_ratio_needs_times_above_0():
    with pytest.raises(ValueError, match="not 1 and 2"):
        time_ratio([1], [2], [1, 2], [2, 2])
    with pytest.raises(ValueError, match="above 0"):
        time_ratio([0], [2], [1], [2])


def test_the_same_looks_are_compared_as_they_are_at_a_ratio_of_1():
    """So that the interval leaves 1 out, or has it as its limit, exactly where the log-rank test of the looks does."""
    rng = np.random.default_rng(2)
    for factor in (0.8, 1.0, 1.2) * 20:
        a, b = made(rng, factor)
        found = ratio_of(a, b, LOG)
        ends = [LOG[-1]] * 10
        assert found.test == paired_log_rank(seen(a, LOG), ends, seen(b, LOG), ends)
        assert (found.test.p < 0.05) == (not found.ratio.low < 1 < found.ratio.high)


@pytest.mark.parametrize("looks", [LOG, TWO_SPEEDS], ids=["log", "two speeds"])
def test_a_factor_outside_is_rejected_wherever_the_times_lie_between_two_looks(looks):
    """By the log-rank test of a against b times the factor, both at the looks of a, for any true b."""
    rng = np.random.default_rng(3)
    a, b = (seen(each, looks) for each in made(rng, 0.5))
    found = time_ratio(a, [8440] * 10, b, [8440] * 10, looks=([looks] * 10,) * 2).ratio
    before = np.append(0, looks)[np.searchsorted(looks, b)]
    for factor in (found.low / 1.01, found.low / 1.3, found.high * 1.01, found.high * 1.3):
        for _ in range(50):
            true = before + rng.uniform(size=10) * (b - before)
            moved = seen(factor * true, looks)
            assert paired_log_rank(a, [8440] * 10, moved, [8440] * 10).p < 0.05


def taken_for_times(a, b, end):
    """The interval that was printed before: t, of the logarithms, or of restricted means where some are censored."""
    never = np.isnan(a).any() or np.isnan(b).any()
    a, b = np.nan_to_num(a, nan=end), np.nan_to_num(b, nan=end)
    shape = mean_interval(a / a.mean() - b / b.mean() if never else np.log(a) - np.log(b))
    middle = math.log(a.mean() / b.mean()) if never else shape.mean
    return np.exp([middle - shape.half_width, middle + shape.half_width])


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0])
@pytest.mark.parametrize(
    ("looks", "before"),
    [
        # The share that the interval covers which was printed before, for 0.5, 0.8 and 1; standard error 0.03 at most.
        (LOG, (0.95, 0.95, 0.95)),
        (TWO_SPEEDS, (0.55, 0.83, 0.96)),
        (LOG[LOG < 900], (0.30, 0.31, 0.88)),
        (TWO_SPEEDS[:10], (0.13, 0.26, 0.95)),
    ],
    ids=["log", "two speeds", "log, 29 to 59 % censored", "two speeds, 31 to 62 % censored"],
)
def test_the_interval_covers_the_true_factor_in_at_least_93_of_100_experiments(looks, before, factor):
    """In 97 to 100 of 100, since it must hold wherever the times lie between two looks; its limits are not in it."""
    rng, covered, as_before = np.random.default_rng(5), [], []
    for _ in range(300):
        a, b = made(rng, factor)
        low, high = ratio_of(a, b, looks).ratio[1:3]
        covered.append(low < factor < high)
        low, high = taken_for_times(seen(a, looks), seen(b, looks), looks[-1])
        as_before.append(low < factor < high)
    assert np.mean(covered) >= 0.96
    assert np.mean(as_before) == pytest.approx(before[[0.5, 0.8, 1.0].index(factor)], abs=0.09)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0])
def test_of_exact_times_it_covers_in_95_of_100_with_censored_runs_too(factor):
    """400 experiments, standard error 0.011; between a tenth and a sixth of the runs are not there by 1,100."""
    rng, covered = np.random.default_rng(6), []
    for _ in range(400):
        a, b = (np.where(times < 1100, times, NAN) for times in made(rng, factor))
        found = time_ratio(a, [1100] * 10, b, [1100] * 10).ratio
        covered.append(found.low < factor < found.high)
    assert 0.93 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize("looks", [LOG, TWO_SPEEDS, LOG[LOG < 900], TWO_SPEEDS[:10]], ids=len)
def test_of_two_that_are_alike_one_is_the_sooner_in_at_most_5_of_100_experiments(looks):
    """2,000 experiments, standard error 0.005."""
    rng, ends = np.random.default_rng(7), [looks[-1]] * 10
    found = [
        paired_log_rank(seen(a, looks), ends, seen(b, looks), ends).p for a, b in (made(rng, 1) for _ in range(2000))
    ]
    assert np.mean(np.array(found) < 0.05) < 0.06


def test_the_ratio_is_interpolated_between_the_looks_and_so_hardly_biased():
    """The geometric mean of 200, to its standard error of 0.006."""
    rng = np.random.default_rng(8)
    found = [ratio_of(*made(rng, 0.5), LOG).ratio.mean for _ in range(200)]
    assert np.exp(np.mean(np.log(found))) == pytest.approx(0.5, rel=0.02)


def test_in_seconds_every_run_has_its_own_looks():
    """At a pace that differs from run to run by a tenth, the interval covers 0.7 in more than 93 of 100 experiments."""
    rng, covered = np.random.default_rng(9), []
    for _ in range(150):
        sides = []
        for times in made(rng, 0.7):
            pace = rng.lognormal(0, 0.1, 10)
            sides.append((seen(times / pace, LOG) * pace, 8440 * pace, [LOG * each for each in pace]))
        (a, end_a, looks_a), (b, end_b, looks_b) = sides
        found = time_ratio(a, end_a, b, end_b, looks=(looks_a, looks_b)).ratio
        covered.append(found.low < 0.7 < found.high)
    assert np.mean(covered) > 0.93
