"""The minimum detectable effect: against statsmodels, and by how often it is detected."""

import math

import numpy as np
import pytest
from scipy import stats

from bnexp.stats.paired import minimum_detectable_effect


@pytest.mark.parametrize("n", [3, 5, 10, 50, 500])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_is_that_of_statsmodels(n, power):
    oracle = pytest.importorskip("statsmodels.stats.power", reason="an oracle; not needed to use bnexp")
    d = np.random.default_rng(n).normal(1, 3, n)
    effect = oracle.TTestPower().solve_power(nobs=n, alpha=0.05, power=power) * d.std(ddof=1)
    assert minimum_detectable_effect(d, power=power) == pytest.approx(effect, rel=1e-4)  # its solver stops early


@pytest.mark.parametrize(("n", "power"), [(3, 0.5), (3, 0.8), (10, 0.8), (500, 0.5)])
def test_under_the_noncentral_t_it_has_exactly_the_stated_power(n, power):
    d = np.random.default_rng(n).normal(size=n)
    noncentrality = minimum_detectable_effect(d, power=power) / d.std(ddof=1) * math.sqrt(n)
    critical = stats.t.ppf(0.975, n - 1)
    seen = stats.nct.sf(critical, n - 1, noncentrality) + stats.nct.cdf(-critical, n - 1, noncentrality)
    assert seen == pytest.approx(power, abs=1e-9)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_a_true_difference_of_this_size_is_seen_in_80_of_100_experiments(n):
    """4,000 experiments; the share has a standard error of 0.0063."""
    rng = np.random.default_rng(n)
    scatter = np.array([-1.0, 1.0] * (n // 2) + [0.0] * (n % 2))
    scatter *= 1 / scatter.std(ddof=1)  # so that s is the true deviation, 1
    x = rng.normal(minimum_detectable_effect(scatter), 1, (4000, n))
    assert np.mean(stats.ttest_1samp(x, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.02)


def test_more_seeds_see_less():
    d = np.random.default_rng(0).normal(size=40)
    effects = [minimum_detectable_effect(np.tile([-1.0, 1.0], n)) for n in (1, 2, 4, 8, 16)]
    assert effects == sorted(effects, reverse=True)
    assert minimum_detectable_effect(10 * d) == pytest.approx(10 * minimum_detectable_effect(d))


@pytest.mark.parametrize("d", [[], [1.0]])
def test_without_scatter_to_go_by_it_is_unknown(d):
    assert math.isnan(minimum_detectable_effect(d))
