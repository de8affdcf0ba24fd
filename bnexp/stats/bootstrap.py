"""Two sources of chance in a paired difference of test accuracy, apart: the seeds, and the finite test set.

Everything takes the differences x, shape (n, N): one row per seed, one column per test image, each value the score of
the first condition minus that of the second (1 − 0, 0 − 1 or no difference).  Their mean is the paired difference.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from bnexp.stats.estimates import Interval


class Sources(NamedTuple):
    """Standard errors of a mean difference, in the unit of the differences, and the interval that both make."""

    seeds: float
    """Of other seeds on the same test images: s/√n over the rows, which the paired t interval rests on."""
    images: float
    """Of other test images for the same trained networks: s/√N over the columns."""
    both: float
    """Of other seeds on other test images."""
    interval: Interval
    """The mean with its 95 % interval over both; n counts the seeds."""
    n_images: int


def image_differences(missed_a: Sequence[ArrayLike], missed_b: Sequence[ArrayLike], images: int) -> np.ndarray:
    """x from the indices of the misclassified images: x_ij = (b missed j) − (a missed j) with seed i, int8.

    `missed_a` and `missed_b` hold one array of indices 0..images−1 per seed, in the same order of seeds.  Raises
    ValueError where there are not as many on both sides, or an index lies beyond the images.
    """
    if len(missed_a) != len(missed_b):
        raise ValueError(f"pairs need as many seeds on both sides, not {len(missed_a)} and {len(missed_b)}")
    x = np.zeros((len(missed_a), images), np.int8)
    for sign, missed in ((-1, missed_a), (1, missed_b)):
        for row, indices in zip(x, missed, strict=True):
            index = np.asarray(indices, dtype=int)
            if index.size and not 0 <= index.min() <= index.max() < images:
                raise ValueError(f"an index lies beyond the {images} images")
            row[index] += sign
    return x


def sources(x: ArrayLike, *, confidence: float = 0.95) -> Sources:
    """Standard errors of the mean of x, shape (n, N), over seeds, over images and over both, in closed form.

    For x_ij = μ + a_i + b_j + e_ij with independent seeds a, images b and their interplay e:

        S = s²_rows/n     estimates  σ_a²/n + σ_e²/(nN)      s²_rows: variance of the n row means, with n−1
        I = s²_columns/N  estimates  σ_b²/N + σ_e²/(nN)      s²_columns: of the N column means, with N−1
        E = MS_e/(nN)     estimates  σ_e²/(nN)               MS_e: mean square of the residuals, (n−1)(N−1)

    so that S + (I − E) is unbiased for the variance over both (Searle, Casella & McCulloch 1992, Variance Components,
    ch. 4); what is reported is S + max(I − E, 0), at least I.  The interval is the paired t interval of the seeds,
    widened by the images: mean ± √(t²_(n−1) S + z² max(I − E, 0)), at least z √I.  A bootstrap that draws rows and
    columns (Owen 2007, https://doi.org/10.1214/07-AOAS122) says the same, but counts E three times instead of once and
    takes no account of few seeds.  NaN for n < 2 or N < 2.
    """
    values = np.asarray(x, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"one row per seed and one column per image, not an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("values that are not finite; leave their seeds or images out")
    n, images = values.shape
    mean = float(values.mean()) if values.size else math.nan
    if min(n, images) < 2:
        return Sources(math.nan, math.nan, math.nan, Interval(mean, math.nan, math.nan, n), images)
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    residual = values - rows[:, None] - columns + mean
    s, i = float(rows.var(ddof=1)) / n, float(columns.var(ddof=1)) / images
    e = float((residual**2).sum()) / ((n - 1) * (images - 1) * n * images)
    own = max(i - e, 0.0)
    t, z = float(special.stdtrit(n - 1, (1 + confidence) / 2)), float(special.ndtri((1 + confidence) / 2))
    half = math.sqrt(max(t**2 * s + z**2 * own, z**2 * i))
    both = math.sqrt(max(s + own, i))
    return Sources(math.sqrt(s), math.sqrt(i), both, Interval(mean, mean - half, mean + half, n), images)
