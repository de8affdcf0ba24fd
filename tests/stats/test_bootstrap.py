"""Seeds and test images as two sources of chance: by hand, against the bootstrap, and by how often they cover."""

import math

import numpy as np
import pytest

from bnexp.stats.bootstrap import image_differences, sources
from bnexp.stats.estimates import mean_interval


def crossed(rng, n, images, *, seeds, tests, noise):
    """x_ij = a_i + b_j + e_ij with these deviations, and a mean of 0."""
    return rng.normal(0, seeds, (n, 1)) + rng.normal(0, tests, (1, images)) + rng.normal(0, noise, (n, images))


def accuracies(rng, n=10, images=10_000):
    """Like two networks on MNIST: hard images that either may miss, and seeds of which some are better."""
    hard = rng.beta(0.05, 5, images)
    worse = np.exp(rng.normal(0, 0.1, (n, 1)))
    missed = [rng.random((n, images)) < np.minimum(hard * worse * factor, 1) for factor in (1.0, 1.3)]
    return missed[1].astype(np.int8) - missed[0]


def test_differences_are_taken_image_by_image():
    found = image_differences([[0, 2], []], [[2, 3], [1]], 4)
    assert found.tolist() == [[-1, 0, 0, 1], [0, 1, 0, 0]]
    assert found.mean() == pytest.approx(((2 / 4 - 2 / 4) + (4 / 4 - 3 / 4)) / 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: image_differences([[4]], [[0]], 4), "beyond the 4 images"),
        (lambda: image_differences([[0], [1]], [[0]], 4), "not 2 and 1"),
        (lambda: sources([1, 2]), "one row per seed"),
    ],
)
def test_what_is_no_table_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_by_hand():
    """Two seeds, two images, (1 0 / 0 0): row means ½ 0, so is each column; residuals ±¼, MS 1/4."""
    found = sources([[1, 0], [0, 0]])
    assert found.interval.mean == 0.25
    assert found.seeds**2 == pytest.approx(0.125 / 2)
    assert found.images**2 == pytest.approx(0.125 / 2)
    assert found.both**2 == pytest.approx(0.0625 + 0.0625 - 0.25 / 4)
    never = sources(np.zeros((3, 10)))
    assert (never.both, never.interval.low, never.interval.high) == (0, 0, 0)


def test_it_is_unbiased_for_the_variance_over_both():
    """3,000 tables; the mean of their variances has a standard error of about 1 %."""
    rng = np.random.default_rng(1)
    found = [sources(crossed(rng, 6, 40, seeds=0.3, tests=1.0, noise=2.0)) for _ in range(3000)]
    expected = 0.3**2 / 6 + 1.0**2 / 40 + 2.0**2 / 240
    assert np.mean([each.both**2 for each in found]) == pytest.approx(expected, rel=0.04)
    assert np.mean([each.seeds**2 for each in found]) == pytest.approx(0.3**2 / 6 + 2.0**2 / 240, rel=0.05)
    assert np.mean([each.images**2 for each in found]) == pytest.approx(1.0**2 / 40 + 2.0**2 / 240, rel=0.05)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_the_interval_over_both_is_never_narrower_than_that_over_either(n):
    for seed in range(50):
        x = accuracies(np.random.default_rng(seed), n=n, images=400)
        found, over_seeds = sources(x), mean_interval(x.mean(axis=1))
        assert found.interval.half_width >= max(over_seeds.half_width, 1.9599 * found.images) - 1e-12
        assert found.both >= max(found.seeds, found.images)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_interval_over_both_covers_about_95_times_of_100_and_that_over_seeds_alone_does_not(n):
    """2,000 tables in which the images weigh twice the seeds; the share has a standard error of 0.005."""
    rng = np.random.default_rng(n)
    tables = [crossed(rng, n, 200, seeds=0.1, tests=math.sqrt(200 / n) * 0.2, noise=0.5) for _ in range(2000)]
    assert 0.935 < np.mean([sources(x).interval.contains_zero for x in tables]) < 0.985
    assert np.mean([mean_interval(x.mean(axis=1)).contains_zero for x in tables]) < 0.9


@pytest.mark.slow
def test_drawing_says_the_same_as_the_closed_form():
    """2,000 draws of seeds, of images, and of both; a deviation has a standard error of 1.6 %.

    A bootstrap of the rows is too small by (n−1)/n, one of both counts the interplay of rows and columns three times.
    """
    x, rng = accuracies(np.random.default_rng(2)), np.random.default_rng(3)
    n, images = x.shape
    rows, columns = (rng.multinomial(size, np.full(size, 1 / size), 2000) / size for size in (n, images))
    both = ((rows @ x) * columns).sum(axis=1)
    exact = sources(x)
    assert (rows @ x.mean(axis=1)).std() == pytest.approx(exact.seeds * math.sqrt((n - 1) / n), rel=0.06)
    assert (columns @ x.mean(axis=0)).std() == pytest.approx(exact.images, rel=0.06)
    once = exact.seeds**2 + exact.images**2 - exact.both**2
    expected = exact.seeds**2 * (n - 1) / n + exact.images**2 + once * (n - 1) / n
    assert both.var() == pytest.approx(expected, rel=0.12)
    assert both.mean() == pytest.approx(x.mean(), abs=5 * both.std() / math.sqrt(2000))
