"""Many comparisons at once: p-values corrected for their number."""

import numpy as np
from numpy.typing import ArrayLike


def holm(p: ArrayLike) -> np.ndarray:
    """Holm's adjusted p-values, shape (m,), in the order given: p̃_(k) = max over j ≤ k of min(1, (m−j+1) p_(j)).

    Those ≤ α are the rejections that keep the chance of even one false rejection in the family below α, whatever
    the dependence (Holm 1979, https://www.jstor.org/stable/4615733).  NaN (a comparison without data) stays NaN
    and does not count to m.
    """
    values = np.asarray(p, dtype=float).reshape(-1)
    adjusted = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, factors * values[order]))
    return adjusted
