"""What so many seeds could have seen."""

import math
from functools import cache

from numpy.typing import ArrayLike
from scipy import integrate, optimize, special

from bnexp.stats.estimates import deviation, finite


def minimum_detectable_effect(d: ArrayLike, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """The true mean difference that n pairs, scattered like `d`, shape (n,), show with this power, in d's unit.

    δ = s/√n · λ, where the two-sided paired t test at level α rejects with probability `power` under noncentrality λ
    (Cohen 1988, Statistical Power Analysis, ch. 2).  The scatter s, with n−1, is itself an estimate from n values.
    NaN for n < 2.
    """
    x = finite(d)
    if x.size < 2:
        return math.nan
    return deviation(x) / math.sqrt(x.size) * _noncentrality(x.size - 1, power, alpha)


@cache
def _noncentrality(freedom: int, power: float, alpha: float) -> float:
    """The λ at which |t| exceeds its critical value with probability `power`."""
    critical = float(special.stdtrit(freedom, 1 - alpha / 2))
    upper = 2 * critical
    while _power(freedom, critical, upper) < power:
        upper *= 2
    return float(optimize.brentq(lambda x: _power(freedom, critical, x) - power, 0.0, upper, xtol=1e-9))


def _power(freedom: int, critical: float, noncentrality: float) -> float:
    """P(|t| > critical) for t = (z + λ)/v, as the mean over the quantiles u of v = √(χ²/freedom).

    Not by scipy's noncentral t, which is NaN for some λ from about 15 on (scipy 1.17).
    """

    def given(u: float) -> float:
        edge = critical * math.sqrt(special.chdtri(freedom, u) / freedom)
        return float(special.ndtr(noncentrality - edge) + special.ndtr(-noncentrality - edge))

    return float(integrate.quad(given, 0.0, 1.0)[0])
