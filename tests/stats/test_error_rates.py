"""What the whole procedure of a report promises, by simulation: how often it errs, and that shortcuts err more often.

Each experiment is a family of paired comparisons, as a report has it; standard errors of the shares are in the tests.
"""

import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import mean_difference, sign_flip_test, tost

EXPERIMENTS, SEEDS, FAMILY = 3000, 10, 4


def accuracies(rng, difference=0.0):
    """(1 + FAMILY, SEEDS): the baseline and its variants; the luck of a seed is shared, as pairing wants it."""
    luck = rng.normal(99, 0.2, SEEDS)
    found = luck + rng.normal(0, 0.05, (1 + FAMILY, SEEDS))
    found[1:] += difference
    return found


def families(difference=0.0):
    rng = np.random.default_rng(11)
    return [accuracies(rng, difference) for _ in range(EXPERIMENTS)]


@pytest.fixture(scope="module")
def p_values():
    """(FAMILY,) for each of the experiments in which no variant differs from the baseline."""
    return [np.array([sign_flip_test(variant - scores[0]).p for variant in scores[1:]]) for scores in families()]


def test_a_report_finds_a_difference_that_is_not_there_in_at_most_5_of_100_experiments(p_values):
    """At most 0.05, and three standard errors of 0.004 above it; without Holm in twice as many."""
    assert np.mean([(holm(p) < 0.05).any() for p in p_values]) < 0.062
    assert np.mean([(p < 0.05).any() for p in p_values]) > 0.1


def test_a_single_comparison_is_wrong_in_about_5_of_100_experiments(p_values):
    """Standard error 0.002 where comparisons are independent, and 0.004 where they go together."""
    assert abs(np.mean([p < 0.05 for p in p_values]) - 0.05) < 0.012


def test_a_paired_interval_covers_the_true_difference_about_95_times_of_100():
    """12,000 intervals of 5 seeds, standard error at most 0.004; with z for t it is 0.88."""
    inside, with_z = [], []
    for scores in families(0.1):
        for variant in scores[1:]:
            d = (variant - scores[0])[:5]
            interval = mean_difference(d)
            inside.append(interval.low <= 0.1 <= interval.high)
            with_z.append(abs(d.mean() - 0.1) < stats.norm.ppf(0.975) * d.std(ddof=1) / math.sqrt(5))
    assert abs(np.mean(inside) - 0.95) < 0.012
    assert np.mean(with_z) < 0.91


def test_without_holm_a_report_also_calls_too_many_variants_equivalent():
    """Variants whose true difference is the margin: one or more is called equivalent in more than 5 of 100."""
    found = [np.array([tost(variant - scores[0], 0.1).p for variant in scores[1:]]) for scores in families(0.1)]
    assert np.mean([(holm(p) < 0.05).any() for p in found]) < 0.062
    assert np.mean([(p < 0.05).any() for p in found]) > 0.08
