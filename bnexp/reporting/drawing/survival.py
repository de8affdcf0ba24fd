"""Kaplan-Meier curves of the steps to a validation accuracy: the share of runs that reached it, with its interval."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from bnexp.evidence.condition import Condition
from bnexp.reporting.drawing import figures
from bnexp.reporting.drawing.figures import Variant
from bnexp.stats.survival import kaplan_meier

BANDS = 3  # so many intervals can be told apart in one panel; with more curves none is drawn

REACHED = "runs that reached it (%)"
WHEN = "reached at the first of two evaluations in a row at or above the accuracy, or since the one before"
UNREACHED = "|: runs whose training ended before"


class TargetPanel(NamedTuple):
    """One panel: what it shows, the accuracy in per cent, and the condition of each variant that is planned there."""

    title: str
    target: int
    conditions: Mapping[str, Condition]


@figures.style()
def time_to_target(shown: Sequence[TargetPanel], variants: Sequence[Variant]) -> Figure:
    """Share of runs that reached the target (per cent) against steps, logarithmic: a line per variant.

    Runs that never reach it are in the share's denominator throughout.  A tick at the end of a line is the budget
    of runs that did not.  Up to two panels stand below each other in a column.
    """
    columns = figures.columns_for(len(shown), stacked=2)
    drawn = [v for v in variants if any(v.name in panel.conditions for panel in shown)]

    def draw(axes: Axes, panel: TargetPanel) -> None:
        _draw(axes, panel, drawn)
        _time_axis(axes, shown if columns == 1 else [panel])

    panels, labels, alike = [(panel.title, panel) for panel in shown], ("training steps", REACHED), columns == 1
    figure = figures.multiples(
        panels, draw, columns=columns, head=0.95, row=1.5, labels=labels, sharex=alike, of_places=True
    )
    for axes in figure.axes:  # after all of them, since panels below each other share their ticks
        figures.thinned(axes, 0.11 if alike else 0.2)
    behind, n = figures.counted(_counts(shown))
    shaded = "shaded: pointwise 95 % interval" if len(drawn) <= BANDS else ""
    figures.keyed(figure, variants, behind, [f"Kaplan-Meier curves ({n}): {WHEN}", shaded, UNREACHED])
    return figure


def times_apart(panel: TargetPanel, variants: Sequence[Variant], baseline: str) -> Figure:
    """A small panel for each of many variants, over the page's width: its curve, and the baseline's beside it."""
    drawn = [v for v in variants if v.name in panel.conditions]

    def draw(axes: Axes, variant: Variant) -> None:
        _draw(axes, panel, [v for v in drawn if v.name == baseline and v != variant] + [variant])
        _time_axis(axes, [panel])

    behind, n = figures.counted(_counts([panel]))
    title, beside = figures.plain(panel.title, figures.TITLE), figures.plain(baseline, 22)
    notes = [
        f"Kaplan-Meier curves {title} ({n}) against training steps: {WHEN}; beside each that of {beside}",
        f"shaded: pointwise 95 % interval; {UNREACHED}",
    ]
    return figures.panels_apart(drawn, behind, draw, REACHED, notes)


def _draw(axes: Axes, panel: TargetPanel, variants: Sequence[Variant]) -> None:
    known = [variant for variant in variants if variant.name in panel.conditions]
    start = min(_times([panel])) / 10  # left of every panel's axis
    for k, variant in enumerate(known):
        runs = panel.conditions[variant.name].runs["steps"][panel.target]
        if not runs.seeds:
            continue
        curve = kaplan_meier(runs.reached, runs.watched)
        # A little apart, so that lines at the same share do not hide each other.
        lift = 0.8 * (k - (len(known) - 1) / 2)
        x = np.array([start, *curve.times, max([*runs.watched, *curve.times])])
        y = 100 * (1 - np.array([1.0, *curve.waiting, *(curve.waiting if curve.waiting.size else [1.0])[-1:]]))
        axes.step(x, y + lift, where="post", color=variant.colour, linestyle=variant.line)
        axes.plot(x[1:-1], y[1:-1] + lift, variant.marker, color=variant.colour, markersize=2.6)
        if any(map(math.isnan, runs.reached)):
            axes.plot(x[-1:], y[-1:] + lift, "|", color=variant.colour, markersize=6)
        if len(variants) <= BANDS and curve.times.size:
            ends = np.repeat(x[1:], 2)[1:-1]
            low, high = (100 * (1 - np.repeat(end, 2)) for end in (curve.high, curve.low))
            axes.fill_between(ends, low, high, color=variant.colour, alpha=0.13, linewidth=0)
    axes.set_ylim(-5, 105)
    axes.yaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))


def _time_axis(axes: Axes, shown: Sequence[TargetPanel]) -> None:
    times = _times(shown)
    axes.set_xscale("log")
    axes.set_xlim(min(times) / 1.3, max(times) * 1.05)
    figures.logarithmic(axes.xaxis, times)


def _times(shown: Sequence[TargetPanel]) -> list[float]:
    """Every time that a panel shows: of getting there, and of the end of training."""
    runs = [condition.runs["steps"][panel.target] for panel in shown for condition in panel.conditions.values()]
    return [t for each in runs for t in (*each.reached, *each.watched) if math.isfinite(t)]


def _counts(shown: Sequence[TargetPanel]) -> Iterator[tuple[str, int, int]]:
    """(variant, finished, planned) at every place of the grid, diverged runs among the finished."""
    target = min(panel.target for panel in shown)  # all targets are of the same runs
    for panel in shown:
        for name, condition in panel.conditions.items() if panel.target == target else ():
            yield name, len(condition.runs["steps"][target].seeds), condition.counts.planned
