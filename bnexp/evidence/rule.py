"""The rule, of the report as of `compare`: Holm's correction over a family, and what may be asserted.  Pure numbers.

A difference is asserted where its whole t interval lies beyond zero, or a margin, and the sign-flip test agrees after
Holm's correction over the declared family (`direction`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol, TypeVar

from scipy import special

from bnexp.stats.estimates import Interval, mean_interval
from bnexp.stats.multiplicity import holm
from bnexp.stats.paired import SignFlip


class Tested(Protocol):
    """What has a test."""

    @property
    def test(self) -> SignFlip: ...


T = TypeVar("T", bound=Tested)

FEWEST = 3
"""So many pairs at least for any verdict: two have next to no measure of their scatter."""

LEVEL = 0.05
"""Of every test, after Holm's correction."""

Direction = Literal["higher", "lower", "undecided"]
"""higher, lower: interval and corrected test both see the difference; undecided: not both of them."""

Verdict = Literal["higher", "lower", "equivalent", "undecided", "nothing", "pending", "exploratory"]
"""A `Direction`, or else: equivalent: no difference is seen, and the corrected test of equivalence shows it to lie
within the margin; undecided: nor that; nothing: too few pairs to speak of a mean; pending: not all planned pairs have a
result yet; exploratory: not of the primary metric, in which alone something is asserted."""


def direction(interval: Interval, p: float, *, null: float = 0.0, margin: float = 0.0) -> Direction:
    """Where a difference is asserted to lie: its whole interval beyond `null` ± `margin`, its corrected p below .05."""
    if not p < LEVEL:
        return "undecided"
    return "higher" if interval.low > null + margin else "lower" if interval.high < null - margin else "undecided"


def ratio_direction(ratio: Interval, p: float) -> Direction:
    """Where a ratio of times is asserted to lie, by the test that its interval inverts: the limits are not in it."""
    if not p < LEVEL:
        return "undecided"
    return "higher" if ratio.low >= 1 else "lower" if ratio.high <= 1 else "undecided"


def enough(n: int, planned: int) -> bool:
    """Whether so many pairs may show that a difference does not matter: nine tenths of those planned.

    The others did not train, or are not there, and a mean over the rest would be shown for them as well.
    """
    return n >= FEWEST and 10 * n >= 9 * planned


def t_interval(differences: Sequence[float], *, confidence: float = 0.95, resolution: float = 0.0) -> Interval:
    """Of the mean of `differences`, shape (n,); without any scatter that of the steps in which the values come.

    An interval without width would make a proof of two pairs that are both one image worse.  Values in steps of r
    are known to ±r/2, so that s is taken as that of such rounding on both sides, r/√6.
    """
    found = mean_interval(differences, confidence=confidence)
    if len(set(differences)) > 1 or found.n < 2:
        return found
    half = float(special.stdtrit(found.n - 1, (1 + confidence) / 2)) * resolution / math.sqrt(6 * found.n)
    return found._replace(low=found.mean - half, high=found.mean + half)


def in_family(
    found: Sequence[T],
    p: Callable[[T], float] = lambda each: each.test.p,
    *,
    also: Mapping[str, Callable[[T], float]] | None = None,
    apart: Mapping[str, Callable[[T], float]] | None = None,
) -> list[T]:
    """`found` as one family of Holm's: each with its corrected `p` in `p_holm`, and in `family` its size.

    `also` holds the names of further fields and what they correct, as members of the same family; `apart` of those that
    are each a family of their own.  `least` is the smallest p that the pairs could have had, corrected, beside the p of
    the others.  NaN, which is no test, stays so and does not count.
    """
    together = {name: [get(each) for each in found] for name, get in {"p_holm": p, **(also or {})}.items()}
    raw = [value for column in together.values() for value in column]
    adjusted = holm(raw).reshape(-1, len(found)).tolist() if found else []
    corrected = dict(zip(together, adjusted, strict=True)) if found else {}
    corrected |= {name: holm([get(each) for each in found]).tolist() for name, get in (apart or {}).items()}
    family = sum(not math.isnan(value) for value in raw)
    least = [each.test.smallest * (family - sum(value < each.test.smallest for value in raw)) for each in found]
    rows = zip(*corrected.values(), strict=True)
    return [
        replace(each, family=family, least=min(1.0, smallest), **dict(zip(corrected, row, strict=True)))  # type: ignore[type-var]
        for each, smallest, row in zip(found, least, rows, strict=True)
    ]
