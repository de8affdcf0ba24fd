"""Whether two conditions differ by less than a margin: what a large p-value of a test of difference never shows."""

import math
from typing import NamedTuple

from numpy.typing import ArrayLike
from scipy import special

from bnexp.stats.estimates import deviation, finite


class Equivalence(NamedTuple):
    """The result of two one-sided tests."""

    p: float
    """The larger of the two; NaN where nothing can be tested."""
    margin: float
    """In the unit of the differences."""
    n: int


def tost(d: ArrayLike, margin: float) -> Equivalence:
    """Two one-sided paired t tests (TOST) of: the mean of `d`, shape (n,), lies beyond ±`margin` (same unit).

    p = max(P(T ≥ (d̄+δ)/(s/√n)), P(T ≤ (d̄−δ)/(s/√n))), T with n−1 degrees of freedom.  p < α means that the mean
    lies within ±δ, and is the same as: the 1−2α t interval does (Schuirmann 1987,
    https://doi.org/10.1007/BF01068419).  n < 2 tests nothing; nor do differences without scatter (p is NaN), because
    the t method takes its only measure of error from it.  Raises ValueError unless 0 < margin < ∞.
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"a margin is positive and finite, not {margin:g}")
    x = finite(d)
    n = x.size
    error = deviation(x) / math.sqrt(n) if n > 1 else 0.0
    if error == 0:
        return Equivalence(math.nan, margin, n)
    nearest = (margin - abs(math.fsum(x) / n)) / error
    return Equivalence(float(special.stdtr(n - 1, -nearest)), margin, n)
