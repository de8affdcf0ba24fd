"""Where a claim holds: its estimate at each place, with intervals that hold at all of them together."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bnexp.claims.contrast import TRIALS
from bnexp.claims.verdict import Judged, Tested, Verdict
from bnexp.evidence.rule import LEVEL
from bnexp.reporting.drawing import figures
from bnexp.specs.wording import place_label

ROW, LINE = 0.21, 0.11  # height of a row, and of each further line of its name, inches
NAME = 40  # characters of a line of a row's name
NARROW = 26  # characters of a row's name that leave room for the panel in one column

CENTRES = {"ratio": "geometric mean", "threshold-shift": "median", "time-ratio": "estimate"}
"""What an estimate of a rule is; of the others the mean."""

LOOKS: Mapping[Verdict, dict[str, Any]] = {
    "supported": {"color": "#0072B2", "marker": "o"},
    "refuted": {"color": "#D55E00", "marker": "s"},
    "no difference": {"color": "#009E73", "marker": "D"},
    "inconclusive": {"color": figures.GREY, "marker": "o", "markerfacecolor": "white"},
}
"""Of the verdict at a place."""


@figures.style()
def where(found: Judged, label: str, bounds: Sequence[float]) -> Figure:
    """A row for each place: the estimate, its interval over all places together, and the verdict there.

    `label`: what the estimate is, with its unit; `bounds`: the values that the rule holds it against.
    """
    rows = list(found.places)
    labels = _labels(found)
    row = ROW + LINE * max(label.count("\n") for label in labels)
    figure = Figure(figsize=(figures.PAGE if is_wide(found) else figures.COLUMN, 0.95 + row * len(rows)))
    axes = figure.subplots()
    (_shares if _of_shares(found) else _estimates)(axes, found, bounds)
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(label)
    figures.note_below(figure, _notes(found, bounds))
    return figure


def is_wide(found: Judged) -> bool:
    """Whether the names of the places take more than a column of a paper leaves them."""
    return max(len(line) for label in _labels(found) for line in label.splitlines()) > NARROW


def _of_shares(found: Judged) -> bool:
    return all(each.contrast.unit == TRIALS for each in found.places)


def _labels(found: Judged) -> list[str]:
    names = figures.brief([place_label(each.contrast.place) or "all" for each in found.places])
    lines = [figures.on_lines(figures.plain(name, 4 * NAME), NAME, 3) for name in names]
    return [f"{name} (n = {len(each.contrast.seeds)})" for name, each in zip(lines, found.places, strict=True)]


def _estimates(axes: Axes, found: Judged, bounds: Sequence[float]) -> None:
    """Means with intervals, on a logarithmic axis where they are factors."""
    factors = found.places[0].contrast.unit == "×"
    ends = [each.contrast.interval(1 - LEVEL / len(found.places)) for each in found.places]
    drawn = [value for each in ends for value in each[:3] if math.isfinite(value) and (value > 0 or not factors)]
    if factors:
        axes.set_xscale("log")
        logs = figures.limits([math.log10(value) for value in [*drawn, *bounds]])
        low, high = 10 ** logs[0], 10 ** logs[1]
        figures.logarithmic(axes.xaxis, [low, high])
    else:
        low, high = figures.limits([*drawn, *bounds])
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlim(low, high)
    for bound in bounds:
        axes.axvline(bound, color="#444444", linewidth=0.8, linestyle="--", zorder=1)
    for y, (each, (mean, left, right, _)) in enumerate(zip(found.places, ends, strict=True)):
        look = LOOKS[each.verdict]
        if not (math.isnan(left) or math.isnan(right)):
            shown = max(left, low), min(right, high)
            axes.plot(shown, [y, y], color=look["color"], linewidth=1.3, solid_capstyle="butt")
        if low <= mean <= high:
            axes.plot([mean], [y], markersize=4.2, linestyle="none", **look)
        elif not each.contrast.seeds and each.contrast.outcomes:
            n, (control, treatment) = len(each.contrast.outcomes), each.contrast.trained
            names = f"{found.claim.treatment} {treatment}/{n}, {found.claim.control} {control}/{n}"
            middle = axes.get_yaxis_transform()
            axes.text(0.5, y, f"trained: {names}", transform=middle, ha="center", va="center", fontsize=6.5)
        _verdict(axes, y, each)


def _shares(axes: Axes, found: Judged, _: Sequence[float]) -> None:
    """Of how many trials train on each side."""
    for y, each in enumerate(found.places):
        n = len(each.contrast.outcomes) or 1
        control, treatment = (100 * count / n for count in each.contrast.trained)
        colour = LOOKS[each.verdict]["color"]
        axes.plot([control, treatment], [y, y], color=colour, linewidth=1.0)
        axes.plot([control], [y], "o", color=colour, markersize=5.0, markerfacecolor="white")
        axes.plot([treatment], [y], "o", color=colour, markersize=3.2)
        _verdict(axes, y, each)
    axes.set_xlim(-4, 104)


def _verdict(axes: Axes, y: float, each: Tested) -> None:
    across = axes.get_yaxis_transform()
    axes.text(1.03, y, each.verdict, transform=across, va="center", fontsize=6.5, color=LOOKS[each.verdict]["color"])


def _notes(found: Judged, bounds: Sequence[float]) -> list[str]:
    claim = found.claim
    if _of_shares(found):
        return [f"filled: {claim.treatment}, hollow: {claim.control}"]
    several = f", all {len(found.places)} together" if len(found.places) > 1 else ""
    centre = CENTRES.get(claim.rule.name, "mean")
    notes = [f"{centre} with its 95 % interval{several}, {claim.treatment} against {claim.control}, paired by seed"]
    if any(math.isinf(end) or end == 0 for each in found.places for end in each.contrast.estimate[1:3]):
        notes.append("without an end: beyond what the grid can tell")
    return [*notes, "dashed: what the rule holds it against"] if bounds else notes
