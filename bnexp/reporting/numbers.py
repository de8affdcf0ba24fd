"""Numbers as people read them: digits stop where the uncertainty begins, a minus is a minus, nothing is NaN."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

from bnexp.specs.wording import key_label
from bnexp.stats.estimates import Interval, Share
from bnexp.stats.survival import TimeToTarget

ABSENT = "—"  # what cannot be known: no value, or no interval around it


class Number(str):
    """A number as it is shown, which keeps its value: tables are sorted by that, not by the text."""

    value: float  # NaN: it comes after all others

    def __new__(cls, text: str, value: float) -> Self:
        found = super().__new__(cls, text)
        found.value = float(value)
        return found


def decimals(half_width: float, *, otherwise: int = 2) -> int:
    """Decimals of a number known to ± `half_width`: those of its first digit, and one more where that is 1 or 2.

    `otherwise` where there is no uncertainty to go by (NaN, or 0: all values the same).
    """
    if not math.isfinite(half_width) or half_width <= 0:
        return otherwise
    mantissa, exponent = f"{half_width:.1e}".split("e")
    return max(0, -int(exponent) + (1 if float(mantissa) < 3 else 0))


def fixed(value: float, places: int, *, sign: bool = False) -> Number:
    """`value` with so many decimals, grouped by thousands; `sign` shows a plus too, and none before a zero."""
    text = f"{abs(value):,.{places}f}"
    if not math.isfinite(value):
        text = ABSENT
    elif any(digit in "123456789" for digit in text):
        text = ("−" if value < 0 else "+" if sign else "") + text
    return Number(text, value)


def significant(value: float, digits: int) -> Number:
    """`value` to so many significant digits, never in powers of ten."""
    if not math.isfinite(value) or value == 0:
        return fixed(value, 0)
    places = digits - 1 - int(f"{value:.{digits - 1}e}".split("e")[1])
    return Number(fixed(round(value, places), max(0, places)), value)


def interval(estimate: Interval, *, sign: bool = False) -> Number:
    """`99.21 [99.15, 99.27]`; without an interval `99.21 [—]`."""
    middle = fixed(estimate.mean, decimals(estimate.half_width), sign=sign)
    span = ABSENT if math.isnan(estimate.low) else ", ".join(ends(estimate, sign=sign))
    return Number(f"{middle} [{span}]" if estimate.n else ABSENT, estimate.mean)


def ends(estimate: Interval, *, sign: bool = False) -> tuple[str, str]:
    """Both ends of an interval; one that is not 0 does not look like 0 where the interval leaves 0 out."""

    def end(value: float) -> str:
        places = decimals(estimate.half_width)
        if not estimate.contains_zero and value != 0 and round(value, places) == 0:
            places = -math.floor(math.log10(abs(value)))
        return fixed(value, places, sign=sign)

    return end(estimate.low), end(estimate.high)


def share(estimate: Share) -> Number:
    """`0.80 [0.38, 0.96]`."""
    text = f"{estimate.share:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
    return Number(text if estimate.n else ABSENT, estimate.share)


def p_value(p: float) -> Number:
    """`0.31`, `0.062`, `<0.001`."""
    text = "<0.001" if p < 0.001 else f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"
    return Number(ABSENT if math.isnan(p) else text, p)


def ratio(estimate: Interval) -> Number:
    """`0.42 [0.36, 0.49]`; `0.42 [—, 0.49]` without a lower limit, `∞ [18.0, —]` where most ratios have no end."""
    # Two decimals at least, because 1 is what a ratio is read against.
    places = max(2, decimals(estimate.half_width))
    middle, low, high = (fixed(value or math.nan, places) for value in estimate[:3])
    if math.isinf(estimate.mean):
        middle = Number("∞", math.inf)
    span = ABSENT if low == high == ABSENT else f"{low}, {high}"
    return Number(ABSENT if middle == span == ABSENT else f"{middle} [{span}]", estimate.mean)


def time(known: TimeToTarget) -> Number:
    """`790–844`, `11.5–12.3`: between two evaluations; `> 2,532` where half of the runs or more did not reach it."""
    if math.isinf(known.median):
        return Number(f"> {duration(known.budget)}", known.median)
    since = "" if math.isnan(known.after) else f"{duration(known.after)}–"
    return Number(f"{since}{duration(known.median)}", known.median)


def duration(value: float) -> str:
    """Steps, examples or seconds: to three digits, and whole numbers in full."""
    return fixed(value, 0) if value >= 100 or value.is_integer() else significant(value, 3)


def steps(known: TimeToTarget) -> str:
    """`844 (5/5)`; `> 2,532 (1/5)` where half of the runs or more did not reach it."""
    return f"{time(known)} ({known.reached}/{known.n})" if known.n else ABSENT


def headings(coordinates: Mapping[str, Any]) -> dict[str, str]:
    """A place of the grid as cells of a table, by their headings: `{"batch size": "16"}`."""
    labels = Counter(map(key_label, coordinates))
    return {(key_label(key) if labels[key_label(key)] == 1 else key): cell(value) for key, value in coordinates.items()}


def cell(value: Any) -> str:
    """Anything as it stands in a config."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Number(str(value), value) if number else str(value)
