"""Kaplan-Meier curves of the steps to a validation accuracy: the share of runs that reached it, with its interval."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from bnexp.evidence.condition import Condition
from bnexp.reporting.drawing import figures
from bnexp.reporting.drawing.figures import Variant
from bnexp.reporting.drawing.palette import Look
from bnexp.stats.survival import kaplan_meier

BANDS = 3
"""So many intervals can be told apart in one panel; with more curves none is drawn."""


REACHED = "runs that reached it (%)"
WHEN = "reached at the first of two evaluations in a row at or above the accuracy"
UNREACHED = "|: runs whose training ended before"


@dataclass(frozen=True)
class TargetPanel:
    """One panel: what it shows, the accuracy in per cent, and the condition of each variant that is planned there."""

    title: str
    target: int
    conditions: Mapping[str, Condition]


def time_to_target(shown: Sequence[TargetPanel], variants: Sequence[Variant]) -> Figure:
    """Share of runs that reached the target (per cent) against steps, logarithmic: a line per variant.

    Runs that never reach it are in the share's denominator throughout.  A tick at the end of a line is the budget
    of runs that did not.  Up to two panels stand below each other in a column.
    """
    columns = 1 if len(shown) <= 2 else figures.columns_for(len(shown))
    drawn = [v for v in variants if any(v.name in panel.conditions for panel in shown)]
    with figures.style():
        figure, grid, width = figures.panels(len(shown), columns, head=0.95, row=1.5, sharex=columns == 1)
        for (axes, left, bottom), panel in zip(grid, shown, strict=True):
            _draw(axes, panel, drawn)
            _time_axis(axes, shown if columns == 1 else [panel])
            axes.set_title(figures.plain(panel.title, figures.TITLE))
            if bottom:
                axes.set_xlabel("training steps")
            if left:
                axes.set_ylabel(REACHED)
        for each in grid:  # after all of them, since panels below each other share their ticks
            figures.thinned(each.axes, 0.11 if columns == 1 else 0.2)

        def notes(n: str) -> Sequence[str]:
            return [
                f"Kaplan-Meier curves ({n}): {WHEN}",
                "shaded: pointwise 95 % interval" if len(drawn) <= BANDS else "",
                UNREACHED,
            ]

        figures.keyed(figure, variants, _counts(shown), notes, width)
    return figure


def times_apart(panel: TargetPanel, variants: Sequence[Variant], baseline: str) -> Figure:
    """A small panel for each of many variants, over the page's width: its curve, and the baseline's beside it."""
    drawn = [v for v in variants if v.name in panel.conditions]
    base = next((v for v in drawn if v.name == baseline), None)

    def draw(axes: Axes, variant: Variant) -> None:
        _draw(axes, panel, [variant] if base in (None, variant) else [base, variant])
        _time_axis(axes, [panel])

    def notes(n: str) -> Sequence[str]:
        title, beside = figures.plain(panel.title, figures.TITLE), figures.plain(baseline, 22)
        return [
            f"Kaplan-Meier curves {title} ({n}) against training steps: {WHEN}; beside each that of {beside}",
            f"shaded: pointwise 95 % interval; {UNREACHED}",
        ]

    return figures.panels_apart(drawn, _counts([panel]), draw, REACHED, notes)


def _draw(axes: Axes, panel: TargetPanel, variants: Sequence[Variant]) -> None:
    known = {
        v.name: panel.conditions[v.name].runs["steps"][panel.target] for v in variants if v.name in panel.conditions
    }
    start = min(_times([panel]), default=1.0) / 10  # left of every panel's axis
    for k, variant in enumerate(v for v in variants if v.name in known):
        runs = known[variant.name]
        if not runs.seeds:
            continue
        curve = kaplan_meier(runs.reached, runs.watched)
        waits = [end for t, end in zip(runs.reached, runs.watched, strict=True) if math.isnan(t)]
        # A little apart, so that lines at the same share do not hide each other.
        lift = 0.8 * (k - (len(known) - 1) / 2)
        x = np.array([start, *curve.times, max([*runs.watched, *curve.times])])
        y = 100 * (1 - np.array([1.0, *curve.waiting, curve.waiting[-1] if curve.waiting.size else 1.0]))
        _line(axes, x, y + lift, variant.look, ended=bool(waits))
        if len(variants) <= BANDS and curve.times.size:
            ends, look = np.repeat(x[1:], 2)[1:-1], variant.look
            low, high = (100 * (1 - np.repeat(end, 2)) for end in (curve.high, curve.low))
            axes.fill_between(ends, low, high, color=look.colour, alpha=0.13, linewidth=0)
    axes.set_ylim(-5, 105)
    axes.yaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))


def _time_axis(axes: Axes, shown: Sequence[TargetPanel]) -> None:
    times = _times(shown)
    axes.set_xscale("log")
    axes.set_xlim(min(times, default=1.0) / 1.3, max(times, default=10.0) * 1.05)
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


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, look: Look, *, ended: bool) -> None:
    axes.step(x, y, where="post", color=look.colour, linestyle=look.line)
    axes.plot(x[1:-1], y[1:-1], look.marker, color=look.colour, markersize=2.6)
    if ended:
        axes.plot(x[-1:], y[-1:], "|", color=look.colour, markersize=6)
