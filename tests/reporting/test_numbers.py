"""Digits stop where the uncertainty begins."""

import math

import pytest

from bnexp.reporting.numbers import decimals, ends, fixed, interval, p_value, ratio, share, significant, steps
from bnexp.specs.wording import place_label, ranges
from bnexp.stats.estimates import Interval, mean_interval, wilson
from bnexp.stats.survival import time_to_target


@pytest.mark.parametrize(
    ("half_width", "expected"),
    [(0.14, 2), (0.062, 2), (0.029, 3), (0.0997, 2), (0.5, 1), (1.4, 1), (3, 0), (400, 0), (0, 2), (math.nan, 2)],
)
def test_a_number_has_the_digits_that_its_uncertainty_leaves(half_width, expected):
    assert decimals(half_width) == expected


@pytest.mark.parametrize(
    ("value", "places", "sign", "text"),
    [
        (-0.183, 2, True, "−0.18"),
        (0.183, 2, True, "+0.18"),
        (0.183, 2, False, "0.18"),
        (-0.001, 2, True, "0.00"),
        (0.0, 1, True, "0.0"),
        (10125, 0, False, "10,125"),
        (math.nan, 2, True, "—"),
        (math.inf, 2, False, "—"),
    ],
)
def test_signs_zeros_and_thousands(value, places, sign, text):
    assert fixed(value, places, sign=sign) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.1412, "0.14"), (0.0996, "0.10"), (99.6, "100"), (1234.0, "1,200"), (0.0, "0"), (2.0, "2.0")]
)
def test_significant_digits_without_powers_of_ten(value, text):
    assert significant(value, 2) == text


@pytest.mark.parametrize(
    ("estimate", "sign", "text"),
    [
        (Interval(99.2123, 99.1511, 99.2735, 5), False, "99.21 [99.15, 99.27]"),
        (Interval(-0.1825, -0.2553, -0.1097, 4), True, "−0.18 [−0.26, −0.11]"),
        (Interval(0.075, -0.2427, 0.3927, 2), True, "+0.1 [−0.2, +0.4]"),
        (Interval(0.054, 0.00016, 0.10784, 5), True, "+0.05 [+0.0002, +0.11]"),
        (Interval(0.054, -0.00016, 0.10816, 5), True, "+0.05 [0.00, +0.11]"),
        (mean_interval([98.5]), False, "98.50 [—]"),
        (mean_interval([]), False, "—"),
        (mean_interval([98.5, 98.5]), False, "98.50 [98.50, 98.50]"),
    ],
)
def test_intervals(estimate, sign, text):
    assert interval(estimate, sign=sign) == text


def test_an_end_that_is_not_zero_does_not_look_like_it_where_zero_is_left_out():
    assert ends(Interval(-0.3, -0.6, -0.004, 5), sign=True) == ("−0.6", "−0.004")


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.314, "0.31"), (0.0625, "0.062"), (0.0011, "0.001"), (0.0001, "<0.001"), (1, "1.00"), (math.nan, "—")],
)
def test_p_values(p, text):
    assert p_value(p) == text


def test_shares():
    assert share(wilson(4, 5)) == "0.80 [0.38, 0.96]"
    assert share(wilson(0, 0)) == "—"


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ([400, 844, 1200], "844 (3/3)"),
        ([400, math.nan, math.nan], "> 2,532 (1/3)"),
        ([400, 500, math.nan], "500 (2/3)"),
        ([], "—"),
    ],
)
def test_steps_to_a_target(times, text):
    assert steps(time_to_target(times, [2532] * len(times))) == text


@pytest.mark.parametrize(
    ("mean", "low", "high", "text"),
    [
        (math.inf, 18.0, math.inf, "∞ [18.00, —]"),
        (math.nan, math.nan, 0.4, "— [—, 0.40]"),
        (math.nan, math.nan, math.nan, "—"),
    ],
)
def test_of_a_ratio_without_an_end_the_end_that_is_known_is_told(mean, low, high, text):
    assert ratio(Interval(mean, low, high, 11)) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [([0], "0"), ([4, 3], "3, 4"), ([0, 1, 2, 3], "0–3"), ([9, 1, 2, 3, 5, 6], "1–3, 5, 6, 9"), ([], "none")],
)
def test_runs_of_seeds_are_joined(values, text):
    assert ranges(values, "–", 3) == text


@pytest.mark.parametrize(
    ("coordinates", "label"),
    [
        ({}, ""),
        ({"training.batch_size": 16}, "batch size 16"),
        ({"training.batch_size": 16, "training.epochs": 2}, "batch size 16, epochs 2"),
        ({"norm.name": "layer", "model.name": "cnn"}, "norm.name layer, model.name cnn"),
    ],
)
def test_a_place_of_the_grid_in_words(coordinates, label):
    assert place_label(coordinates) == label
