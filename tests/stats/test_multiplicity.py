"""Holm's correction: by hand, against statsmodels, and by the false alarms of a whole family."""

import numpy as np
import pytest

from bnexp.stats.multiplicity import holm


def test_holm_by_hand():
    """Sorted .01, .02, .04 times 3, 2, 1: .03, .04, .04; in the order given."""
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


def test_a_larger_p_never_becomes_the_smaller_one():
    assert holm([0.020, 0.021, 0.9]) == pytest.approx([0.06, 0.06, 0.9])


def test_no_p_exceeds_1_and_an_empty_family_is_empty():
    assert list(holm([0.6, 0.7])) == [1, 1]
    assert holm([]).shape == (0,)


def test_a_comparison_without_data_stays_so_and_does_not_count():
    found = holm([0.01, np.nan, 0.04])
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(found[1])


@pytest.mark.parametrize("m", [1, 2, 7, 30])
def test_holm_is_that_of_statsmodels(m):
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="an oracle; not needed to use bnexp")
    p = np.random.default_rng(m).uniform(size=m).round(1)  # rounded, for ties
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])
