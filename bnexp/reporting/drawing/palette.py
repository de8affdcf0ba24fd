"""One look per variant: a colour, a line style and a marker, the same in every figure of a report."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe & Ito 2008, https://jfly.uni-koeln.de/color/, without the yellow, which is too pale for a line on white."""

Line = Literal["solid"] | tuple[float, tuple[float, ...]]
"""As matplotlib has it: solid, or an offset with the lengths of dashes and gaps in points."""

LINES: tuple[Line, ...] = (
    "solid",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (4, 1, 1, 1)),
    (0, (6, 1, 1, 1, 1, 1)),
)

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""Nine, five and seven have no common factor: 315 variants before a look repeats."""


class Look(NamedTuple):
    """How a variant is drawn."""

    colour: str
    line: Line
    marker: str


def looks(variants: Iterable[str]) -> dict[str, Look]:
    """A look for each variant, by its first place in `variants`; names may occur again and keep theirs."""
    return {
        variant: Look(COLOURS[k % len(COLOURS)], LINES[k % len(LINES)], MARKERS[k % len(MARKERS)])
        for k, variant in enumerate(dict.fromkeys(variants))
    }
