"""Numbers as people read them: digits stop where the uncertainty begins, a minus is a minus, nothing is NaN."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from operator import attrgetter
from typing import Any, ParamSpec, Self

from bnexp.specs.wording import key_label
from bnexp.stats.convergence import TimeToTarget
from bnexp.stats.estimates import Interval, Share

P = ParamSpec("P")

ABSENT = "—"
"""What cannot be known: no value, or no interval around it."""


class Number(str):
    """A number as it is shown, which keeps its value: tables are sorted by that, not by the text."""

    value: float
    """NaN: it comes after all others."""

    def __new__(cls, text: str, value: float) -> Self:
        found = super().__new__(cls, text)
        found.value = float(value)
        return found


def keeps(value: Callable[[Any], float]) -> Callable[[Callable[P, str]], Callable[P, Number]]:
    """Have a function return its text as a `Number` of the `value` of its first argument."""

    def decorated(shown: Callable[P, str]) -> Callable[P, Number]:
        @wraps(shown)
        def number(*given: P.args, **named: P.kwargs) -> Number:
            return Number(shown(*given, **named), value(given[0]))

        return number

    return decorated


def decimals(half_width: float, *, otherwise: int = 2) -> int:
    """Decimals of a number known to ± `half_width`: those of its first digit, and one more where that is 1 or 2.

    `otherwise` where there is no uncertainty to go by (NaN, or 0: all values the same).
    """
    if not math.isfinite(half_width) or half_width <= 0:
        return otherwise
    mantissa, exponent = f"{half_width:.1e}".split("e")
    return max(0, -int(exponent) + (1 if float(mantissa) < 3 else 0))


@keeps(float)
def fixed(value: float, places: int, *, sign: bool = False) -> str:
    """`value` with so many decimals, grouped by thousands; `sign` shows a plus too, and none before a zero."""
    if not math.isfinite(value):
        return ABSENT
    text = f"{abs(value):,.{places}f}"
    if not any(digit in "123456789" for digit in text):
        return text
    return ("−" if value < 0 else "+" if sign else "") + text


@keeps(float)
def significant(value: float, digits: int) -> str:
    """`value` to so many significant digits, never in powers of ten."""
    if not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])
    return fixed(round(value, digits - 1 - exponent), max(0, digits - 1 - exponent))


@keeps(attrgetter("mean"))
def interval(estimate: Interval, *, sign: bool = False) -> str:
    """`99.21 [99.15, 99.27]`; without an interval `99.21 [—]`."""
    if estimate.n == 0:
        return ABSENT
    places = decimals(estimate.half_width)
    middle = fixed(estimate.mean, places, sign=sign)
    if math.isnan(estimate.low):
        return f"{middle} [{ABSENT}]"
    low, high = ends(estimate, sign=sign)
    return f"{middle} [{low}, {high}]"


def ends(estimate: Interval, *, sign: bool = False) -> tuple[str, str]:
    """Both ends of an interval; one that is not 0 does not look like 0 where the interval leaves 0 out."""

    def end(value: float) -> str:
        places = decimals(estimate.half_width)
        if not estimate.contains_zero and value != 0 and round(value, places) == 0:
            places = -math.floor(math.log10(abs(value)))
        return fixed(value, places, sign=sign)

    return end(estimate.low), end(estimate.high)


@keeps(attrgetter("share"))
def share(estimate: Share) -> str:
    """`0.80 [0.38, 0.96]`."""
    if estimate.n == 0:
        return ABSENT
    return f"{estimate.share:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


@keeps(float)
def p_value(p: float) -> str:
    """`0.31`, `0.062`, `<0.001`."""
    if math.isnan(p):
        return ABSENT
    if p < 0.001:
        return "<0.001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"


@keeps(attrgetter("mean"))
def ratio(estimate: Interval) -> str:
    """`0.42 [0.36, 0.49]`."""
    if math.isnan(estimate.mean):
        return ABSENT
    middle, low, high = (fixed(value, ratio_decimals(estimate)) for value in estimate[:3])
    return f"{middle} [{ABSENT}]" if low == ABSENT else f"{middle} [{low}, {high}]"


def ratio_decimals(estimate: Interval) -> int:
    """Two at least, because 1 is what a ratio is read against."""
    return max(2, decimals(estimate.half_width))


@keeps(attrgetter("median"))
def time(known: TimeToTarget) -> str:
    """`844`, `12.3`; `> 2,532` where half of the runs or more did not reach it."""
    if known.n == 0 or math.isnan(known.median):
        return ABSENT
    if math.isinf(known.median):
        return f"> {duration(known.budget)}"
    return duration(known.median)


def duration(value: float) -> str:
    """Steps, examples or seconds: to three digits, and whole numbers in full."""
    return fixed(value, 0) if value == int(value) or value >= 100 else significant(value, 3)


def steps(known: TimeToTarget) -> str:
    """`844 (5/5)`; `> 2,532 (1/5)` where half of the runs or more did not reach it."""
    return f"{time(known)} ({known.reached}/{known.n})" if known.n else ABSENT


def whole_numbers(values: Iterable[int]) -> str:
    """`0–4, 7`: runs of three or more are joined."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    parts = []
    for first, last in runs:
        parts += [f"{first}–{last}"] if last - first >= 2 else [str(value) for value in range(first, last + 1)]
    return ", ".join(parts)


def headings(coordinates: Mapping[str, Any]) -> dict[str, str]:
    """A place of the grid as cells of a table, by their headings: `{"batch size": "16"}`."""
    labels = [key_label(key) for key in coordinates]
    return {
        (label if labels.count(label) == 1 else key): cell(value)
        for (key, value), label in zip(coordinates.items(), labels, strict=True)
    }


def cell(value: Any) -> str:
    """Anything as it stands in a config."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Number(str(value), value) if number else str(value)
