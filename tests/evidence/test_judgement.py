"""The rule by which a difference is asserted, in the report and by `compare`."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from made_up_pairs import compared, families, reported

from bnexp.evidence.paired import corrected
from bnexp.evidence.rule import direction
from bnexp.stats.estimates import Interval, at_most
from bnexp.stats.paired import mcnemar

# t quantile .975 with 5 degrees of freedom: 2.5706; the mean is ∓0.3,
# √(4 · 0.01/5) = 0.0894 is their s, and 2.5706 · s/√6 = 0.0939 the half width.
BETTER = (0.2, 0.3, 0.4, 0.2, 0.3, 0.4)
WORSE = tuple(-x for x in BETTER)


def verdict(differences, **options):
    return compared(differences, **options).verdict


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (1, 2, 0.01, "higher"),
        (-2, -1, 0.01, "lower"),
        (1, 2, 0.05, "undecided"),
        (-1, 1, 0.01, "undecided"),
        (0, 1, 0.01, "undecided"),
        (1, 2, math.nan, "undecided"),
        (math.nan, math.nan, 0.01, "undecided"),
    ],
)
def test_a_direction_is_asserted_where_interval_and_corrected_test_agree(low, high, p, expected):
    interval = Interval((low + high) / 2, low, high, 6)
    assert direction(interval, p) == expected
    assert direction(Interval(*(x + 1 for x in interval[:3]), 6), p, null=1.0) == expected
    assert direction(interval, p, margin=3) == "undecided"


def test_a_regression_is_a_whole_interval_below_zero_and_a_test_that_agrees():
    found = compared(WORSE)
    assert (found.difference.mean, found.test.p, found.verdict) == (pytest.approx(-0.3), 0.03125, "regression")
    assert verdict((-0.5, -0.1, 0.3, -0.5, -0.1, 0.3)) == "not shown"


def test_five_pairs_are_no_regression_however_clear():
    """The interval alone, which decided before, rests on a normal distribution that five numbers cannot show."""
    found = compared(WORSE[:5])
    assert found.difference.high < 0
    assert found.verdict == "not shown"


@pytest.mark.parametrize("sign", [1, -1], ids=["accuracy", "loss"])
@pytest.mark.parametrize(("margin", "shown"), [(0.19, True), (0.21, False)])
def test_the_margin_must_be_passed_by_the_nearer_end_on_either_side(margin, shown, sign):
    """The nearer end of the interval lies at 0.206."""
    worse, better = (tuple(s * abs(x) for x in BETTER) for s in (-sign, sign))
    options = {"margin": margin, "higher_is_better": sign > 0}
    assert verdict(worse, **options) == ("regression" if shown else "not shown")
    assert verdict(better, **options) == ("improvement" if shown else "not shown")


def test_the_test_too_is_of_a_difference_beyond_the_margin():
    """Two of eight pairs lie within it: p = 2 · (1 + ...)/2^8 of the sums, which zero as the null would not give."""
    d = (0.9, 0.8, 1.0, 0.9, 0.8, 1.0, 0.85, 0.9)
    assert compared(d).test.p == compared(d, margin=0.5).test.p == 2 / 2**8
    assert compared(d, margin=0.85).test.p > 0.05
    assert compared(d, margin=2.0).test.p == 1


@pytest.mark.parametrize(("margin", "expected"), [(0.39, False), (0.40, True)])
def test_not_inferior_is_an_interval_wholly_above_minus_the_margin(margin, expected):
    worse = tuple(-x for x in BETTER)
    assert compared(worse, margin=margin).noninferior is expected
    assert compared(BETTER, higher_is_better=False, margin=margin).noninferior is expected


@pytest.mark.parametrize("of", [compared, reported])
def test_pairs_without_scatter_are_known_to_the_steps_in_which_they_come(of):
    """t .975 with 1 degree of freedom: 12.706; s = 0.01/√6, so that the half width is 0.0367."""
    found = of((-0.01, -0.01), resolution=0.01)
    assert found.by_resolution
    assert found.difference.half_width == pytest.approx(12.7062 * 0.01 / math.sqrt(6) / math.sqrt(2), rel=1e-4)
    assert of((0.0,) * 6, resolution=0.01).difference.half_width > 0
    assert not of((0.01, 0.02), resolution=0.01).by_resolution


@pytest.mark.parametrize(("d", "expected"), [(-0.01, "undecided"), (-0.012, "lower")])
def test_the_report_too_takes_pairs_without_scatter_for_no_more_than_the_resolution(d, expected):
    """t .975 with 5 degrees of freedom: 2.5706 · r/√36 = 0.428 r.  An interval without width asserted both."""
    assert reported((d,) * 6, resolution=0.025).verdict == expected


@pytest.mark.parametrize(("pairs", "expected"), [(5, "not shown"), (6, "regression")])
def test_without_scatter_and_resolution_the_sign_flip_test_decides(pairs, expected):
    assert verdict((-0.4,) * pairs) == expected


def test_pairs_that_are_the_same_are_neither_and_not_inferior():
    found = compared((0.0,) * 6, margin=0.1, resolution=0.01)
    assert (found.verdict, found.noninferior) == ("not shown", True)


def test_one_pair_has_no_interval_and_shows_nothing():
    found = compared((-5.0,), margin=10)
    assert (found.verdict, found.noninferior) == ("not shown", False)


def outcomes(first, second, n=10):
    """Whether each pair's trials trained: so many of each side, from the first on."""
    return [(k < first, k < second) for k in range(n)]


TEN = (0.2, 0.3, 0.4, 0.2, 0.3, 0.4, 0.2, 0.3, 0.4, 0.3)


@pytest.mark.parametrize(
    ("first", "second", "trains", "verdict"),
    [
        (10, 3, "lower", "regression"),
        (10, 4, "lower", "regression"),
        (10, 5, "undecided", "not shown"),
        (3, 10, "higher", "improvement"),
        (8, 7, "undecided", "improvement"),
    ],
)
def test_the_share_that_trained_is_an_outcome_of_its_own(first, second, trains, verdict):
    """Six unlike pairs, all one way, have p = 2/2^6 = .031; the last is 2 against 3 of 10, once a regression."""
    found = compared(TEN, trained=outcomes(first, second))
    assert (found.trained, found.trains, found.verdict) == ((first, second), trains, verdict)
    assert len(found.values) == min(first, second)


@pytest.mark.parametrize(("second", "shown"), [(10, True), (9, True), (8, False), (3, False)])
def test_nothing_is_equivalent_or_not_inferior_with_less_than_nine_tenths_of_the_pairs(second, shown):
    """With 3 of 10 pairs both were, before: the seven others had vanished."""
    d, trained = [x - 0.3 for x in TEN], outcomes(10, second)
    assert compared(d, margin=0.5, trained=trained).noninferior is shown
    assert (reported(d, margin=0.5, trained=trained).verdict == "equivalent") is shown
    assert reported(d, margin=0.5, planned=12).verdict == "undecided"


@pytest.mark.parametrize(("reached", "expected"), [((10, 10), True), ((10, 0), False), ((0, 0), False)])
def test_a_side_that_never_reaches_the_target_is_not_shown_to_be_not_inferior(reached, expected):
    times = [SimpleNamespace(reached=each) for each in reached]
    found = compared((0.0, 0.01) * 5, higher_is_better=False, margin=1.0, times=times)
    assert found.noninferior is expected


def test_sides_that_fail_equally_often_raise_an_alarm_in_25_of_1000_at_most():
    """A tenth of the trials diverges on both sides; by counts, more than a tenth and more of B's, it was 21 of 100."""
    random = np.random.default_rng(0)
    for n in (10, 100):
        both = random.random((1000, n, 2)) > 0.1
        less = both[:, :, 1].sum(axis=1) < both[:, :, 0].sum(axis=1)
        alarms = less & [mcnemar(each).p < 0.05 for each in both]
        assert np.mean(alarms) <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 1000)
        missed = (~both).sum(axis=1)
        before = (missed.max(axis=1) > 0.1 * n) & (missed[:, 1] > missed[:, 0])
        assert before.mean() > 0.15


def test_where_half_of_a_side_fails_nothing_is_equivalent():
    """Those that train do not differ.  When failures vanished, over a quarter of 300 comparisons were equivalent."""
    random = np.random.default_rng(4)
    now, before = [], []
    for _ in range(300):
        trained = np.stack([np.ones(10, bool), random.random(10) > 0.5], axis=1)
        found = reported(random.normal(0, 0.05, 10), trained=trained)
        now.append(found.verdict == "equivalent")
        before.append(found.difference.n >= 3 and found.equivalence_p < 0.05)
    assert np.mean(now) <= 0.05
    assert np.mean(before) > 0.25


def test_with_rare_failures_equivalence_is_false_in_5_of_100_at_most_and_says_how_rare_they_are():
    """A twentieth fails to train, and of those that do the true difference is the margin: 600 comparisons.

    The bound that is printed with it holds in 95 of 100.
    """
    random = np.random.default_rng(3)
    equivalent, held = [], []
    for _ in range(600):
        trained = np.stack([np.ones(10, bool), random.random(10) > 0.05], axis=1)
        found = reported(np.where(trained[:, 1], random.normal(0.1, 0.05, 10), -89.0), trained=trained)
        equivalent.append(found.verdict == "equivalent")
        held.append(at_most(10 - found.trained[1], 10) >= 0.05)
    assert np.mean(equivalent) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)
    assert np.mean(held) >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 600)


COMPARED = {"higher": "improvement", "lower": "regression"}


@pytest.mark.parametrize("size", [1, 8])
def test_where_no_variant_differs_a_report_and_a_comparison_assert_a_difference_in_5_of_100_at_most(size):
    """300 families of ten seeds, the luck of the baseline shared; `compare` by intervals alone did so in 25 of 100."""
    random = np.random.default_rng(size)
    wrong, before = [], []
    for _ in range(300):
        found, again = families(random.normal(0, 0.1, (size, 10)) - random.normal(0, 0.1, 10))
        verdicts = [each.verdict for each in found]
        wrong.append(bool(COMPARED.keys() & set(verdicts)))
        # The same pairs, the same verdict.
        assert [COMPARED.get(each, "not shown") for each in verdicts] == [each.verdict for each in again]
        before.append(any(not each.difference.contains_zero for each in again))
    assert np.mean(wrong) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    assert size == 1 or np.mean(before) > 0.15


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_a_difference_as_large_as_the_margin_is_no_regression_in_975_of_1000(margin):
    """1,000 comparisons at the margin itself; two standard errors are 0.01."""
    d = np.random.default_rng(5).normal(-margin, 0.02, (1000, 8))
    assert np.mean([verdict(row, margin=margin) == "regression" for row in d]) <= 0.025 + 0.015


@pytest.mark.parametrize("size", [1, 4, 8, 24])
def test_the_printed_difference_is_asserted_in_80_of_100_experiments(size):
    """800 comparisons of ten seeds with the true difference that is printed, beside others that differ in nothing.

    The power of one t test, which was printed before, has here 80, 51, 36 and 18 of 100.
    """
    random = np.random.default_rng(size)
    d = random.normal(0, 1.0, (800, 10))
    (printed,) = {each.detectable for each in corrected([compared((d[0] - d[0].mean()) / d[0].std(ddof=1))] * size)}
    others = [compared(row) for row in random.normal(0, 1, (size - 1, 10))]
    power = {}
    for name, difference in (("printed", printed), ("before", 0.996)):
        found = [corrected([compared(row + difference), *others])[0].verdict for row in d]
        power[name] = np.mean([each == "improvement" for each in found])
    assert power["printed"] == pytest.approx(0.8, abs=0.05)
    assert size == 1 or power["before"] < 0.6


def test_the_margin_is_part_of_the_printed_difference():
    d = np.random.default_rng(1).normal(0, 0.1, (500, 10))
    printed = 0.2 + 0.1 * compared((d[0] - d[0].mean()) / d[0].std(ddof=1)).detectable
    assert compared(d[0], margin=0.2).detectable == pytest.approx(0.2 + compared(d[0]).detectable)
    assert np.mean([verdict(row - printed, margin=0.2) == "regression" for row in d]) == pytest.approx(0.8, abs=0.05)
