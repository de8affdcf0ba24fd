"""The rule by which a comparison is a regression, an improvement, or neither."""

import math

import numpy as np
import pytest

from bnexp.evidence.rule import direction, judge, side_of
from bnexp.stats.estimates import Interval, mean_interval
from bnexp.stats.paired import sign_flip_test

# t quantile .975 with 2 degrees of freedom: 4.3027; these have the mean ∓0.3, s = 0.1, half width 0.2484.
WORSE, BETTER = (-0.2, -0.3, -0.4), (0.2, 0.3, 0.4)


def judged(differences, *, higher_is_better=True, confidence=0.95, **options):
    interval, p = mean_interval(differences, confidence=confidence), sign_flip_test(differences).p
    return judge(differences, interval, p, higher_is_better=higher_is_better, confidence=confidence, **options)


def verdict(differences, **options):
    return judged(differences, **options).verdict


def test_a_regression_is_a_whole_interval_below_zero():
    found = judged(WORSE)
    assert (found.difference.low, found.difference.high) == pytest.approx((-0.5484, -0.0516), abs=1e-4)
    assert found.verdict == "regression"
    assert verdict((-0.5, -0.1, 0.3)) == "not shown"


@pytest.mark.parametrize("sign", [1, -1], ids=["accuracy", "loss"])
@pytest.mark.parametrize(("margin", "shown"), [(0.05, True), (0.06, False)])
def test_the_margin_must_be_passed_by_the_nearer_end_on_either_side(margin, shown, sign):
    better, worse = (BETTER, WORSE)[::sign]
    options = {"margin": margin, "higher_is_better": sign > 0}
    assert verdict(worse, **options) == ("regression" if shown else "not shown")
    assert verdict(better, **options) == ("improvement" if shown else "not shown")


@pytest.mark.parametrize(("margin", "expected"), [(0.54, False), (0.56, True)])
def test_not_inferior_is_an_interval_wholly_above_minus_the_margin(margin, expected):
    assert judged(WORSE, margin=margin).noninferior is expected
    assert judged(BETTER, higher_is_better=False, margin=margin).noninferior is expected


def test_two_pairs_that_are_one_image_worse_are_no_proof():
    """t .975 with 1 degree of freedom: 12.706; s = 0.01/√6, so that the half width is 0.0367."""
    found = judged((-0.01, -0.01), resolution=0.01)
    assert found.verdict == "not shown"
    assert found.by_resolution
    assert found.difference.half_width == pytest.approx(12.7062 * 0.01 / math.sqrt(6) / math.sqrt(2), rel=1e-4)


def test_four_pairs_that_are_forty_images_worse_are():
    assert verdict((-0.4,) * 4, resolution=0.01) == "regression"


@pytest.mark.parametrize(("pairs", "expected"), [(5, "not shown"), (6, "regression")])
def test_without_scatter_and_resolution_the_sign_flip_test_decides(pairs, expected):
    assert verdict((-0.4,) * pairs) == expected


def test_pairs_that_are_the_same_are_neither_and_not_inferior():
    found = judged((0.0, 0.0, 0.0), margin=0.1, resolution=0.01)
    assert (found.verdict, found.noninferior, found.by_resolution) == ("not shown", True, False)


def test_one_pair_has_no_interval_and_shows_nothing():
    found = judged((-5.0,), margin=10)
    assert (found.verdict, found.noninferior) == ("not shown", False)


def test_a_second_side_that_diverges_is_a_regression_whatever_the_mean_of_the_rest():
    found = judged(BETTER, diverged=(0, 2), trained=5)
    assert (found.verdict, found.by_divergence) == ("regression", True)


@pytest.mark.parametrize("diverged", [(2, 0), (1, 1)])
def test_a_first_side_that_diverges_leaves_no_verdict(diverged):
    """A mean over what is left of the first side flatters it, and its divergence is no merit of the second."""
    found = judged(BETTER, margin=9, diverged=diverged, trained=5)
    assert (found.verdict, found.noninferior, found.by_divergence) == ("not shown", False, True)


def test_a_tenth_that_diverged_is_tolerated():
    found = judged((*BETTER, *BETTER, *BETTER), diverged=(0, 1), trained=10)
    assert (found.verdict, found.by_divergence) == ("improvement", False)


@pytest.mark.parametrize(("pairs", "scatter"), [(3, 0.005), (3, 0.05), (5, 0.005), (5, 0.05)])
def test_where_nothing_is_worse_a_fortieth_is_called_a_regression_at_most(pairs, scatter):
    """Accuracies in per cent, counted in images of 0.01, scattered by half of one and by five; 1,000 comparisons."""
    random = np.random.default_rng([pairs, round(1000 * scatter)])
    accuracies = np.round(99 + random.normal(0, scatter, (1000, 2, pairs)), 2)
    differences = np.round(accuracies[:, 1] - accuracies[:, 0], 9)
    regressions = sum(verdict(row.tolist(), resolution=0.01) == "regression" for row in differences)
    assert regressions <= 25 + 3 * 5  # the expected number and three standard deviations


@pytest.mark.parametrize(
    ("interval", "test", "expected"),
    [(1, 1, "higher"), (-1, -1, "lower"), (1, 0, "signs"), (0, -1, "signs"), (0, 0, "undecided"), (1, -1, "undecided")],
)
def test_a_direction_is_asserted_where_interval_and_test_agree(interval, test, expected):
    assert direction(interval, test) == expected


@pytest.mark.parametrize(
    ("low", "high", "side"), [(1, 2, 1), (-2, -1, -1), (-1, 1, 0), (0, 1, 0), (math.nan, math.nan, 0)]
)
def test_an_interval_lies_on_a_side_where_it_leaves_the_null_out(low, high, side):
    assert side_of(Interval(0.0, low, high, 3)) == side
