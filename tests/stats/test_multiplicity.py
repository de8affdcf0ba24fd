"""Holm's correction: by hand, against statsmodels, and by the false alarms of a whole family."""

import numpy as np
import pytest

from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import sign_flip_test


def test_holm_by_hand():
    """Sorted .01, .02, .04 times 3, 2, 1: .03, .04, .04; in the order given."""
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


def test_a_larger_p_never_becomes_the_smaller_one():
    assert holm([0.020, 0.021, 0.9]) == pytest.approx([0.06, 0.06, 0.9])


def test_no_p_exceeds_1():
    assert list(holm([0.6, 0.7])) == [1, 1]


def test_a_comparison_without_data_stays_so_and_does_not_count():
    found = holm([0.01, np.nan, 0.04])
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(found[1])


def test_an_empty_family_is_empty():
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("m", [1, 2, 7, 30])
def test_holm_is_that_of_statsmodels(m):
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="an oracle; not needed to use bnexp")
    p = np.random.default_rng(m).uniform(size=m).round(1)  # rounded, for ties
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])


def test_a_family_without_any_difference_raises_a_false_alarm_in_5_of_100_at_most():
    """600 families of 6 comparisons with one baseline; uncorrected, about 20 of 100 families raise one."""
    rng = np.random.default_rng(8)
    p = np.array(
        [
            [sign_flip_test(variant - baseline).p for variant in rng.normal(size=(6, 10))]
            for baseline in rng.normal(size=(600, 10))
        ]
    )
    assert np.mean((p <= 0.05).any(axis=1)) > 0.12
    assert np.mean([(holm(family) <= 0.05).any() for family in p]) <= 0.05 + 0.018  # two standard errors
