"""Final test accuracy: per variant, as paired differences from the baseline, and along an axis of the grid."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from bnexp.evidence.condition import Condition
from bnexp.evidence.paired import Comparison
from bnexp.reporting.drawing import figures
from bnexp.reporting.drawing.figures import Variant
from bnexp.reporting.drawing.palette import Look
from bnexp.reporting.numbers import ABSENT, interval
from bnexp.reporting.phrases import places
from bnexp.specs.wording import key_label, place_label
from bnexp.stats.estimates import Interval

ROW = 0.21
"""Height of a row, inches."""


def final_accuracy(conditions: Sequence[Condition], trials: pd.DataFrame, variants: Sequence[Variant]) -> Figure:
    """Test accuracy of every seed, with mean and interval: a row per variant, a panel per place of the grid."""
    shown = places(conditions)
    with figures.style():
        height = 0.45 + ROW * 1.15 * len(variants)
        figure, grid, width = figures.panels(len(shown), figures.columns_for(len(shown)), head=0.65, row=height)
        for (axes, left, bottom), (title, mine) in zip(grid, shown.items(), strict=True):
            axes.set_title(figures.plain(title, figures.TITLE))
            _accuracy_rows(axes, mine, trials, variants)
            if not left:
                axes.tick_params(labelleft=False)
            if bottom:
                axes.set_xlabel("test accuracy (%)")
        planned = max((condition.counts.planned for condition in conditions), default=0)
        seeds = f"{planned} seeds"
        if any(condition.counts.ok < condition.counts.planned for condition in conditions):
            seeds += ", where not all are finished: finished/planned at the right"
        notes = ["filled: mean with its 95 % interval, open: a seed", seeds, "accuracy axes zoomed to the data"]
        figures.note_below(figure, notes, width)
    return figure


def _accuracy_rows(
    axes: Axes, mine: Mapping[str, Condition], trials: pd.DataFrame, variants: Sequence[Variant]
) -> None:
    labels, drawn = [], [math.nan]
    for row, variant in enumerate(variants):
        condition = mine.get(variant.name)
        if condition is None:
            labels.append(variant.short)
            axes.text(0.5, row, "not planned", transform=axes.get_yaxis_transform(), ha="center", va="center")
            continue
        values = _accuracies(trials, condition.point)
        labels.append(variant.short)
        if (counts := condition.counts).ok < counts.planned:
            across = axes.get_yaxis_transform()
            text = f"{counts.ok}/{counts.planned}"
            axes.text(1.01, row, text, transform=across, va="center", fontsize=6.5, color=figures.GREY)
        # Seeds stand above their mean, staggered by their order, so that equal values stay apart.
        heights = row - 0.16 - 0.05 * (np.arange(values.size) % 4)
        look, mean = variant.look, condition.accuracy
        axes.plot(values, heights, "o", markersize=2.4, markeredgewidth=0.6, color=look.colour, markerfacecolor="none")
        _whisker(axes, mean, row + 0.14, look)
        drawn += [*values, mean.low, mean.high]
    axes.set_yticks(range(len(variants)), labels)
    axes.set_ylim(len(variants) - 0.5, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    low, high = figures.limits(drawn)
    axes.set_xlim(low, min(high, 100.2))  # an interval of few seeds may go beyond what there is
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.ticklabel_format(axis="x", useOffset=False)


def _whisker(axes: Axes, estimate: Interval, y: float, look: Look) -> None:
    axes.plot([estimate.low, estimate.high], [y, y], color=look.colour, linewidth=1.3, solid_capstyle="butt")
    axes.plot([estimate.mean], [y], look.marker, color=look.colour, markersize=4.2)


def forest(comparisons: Sequence[Comparison], variants: Sequence[Variant]) -> Figure:
    """Paired differences from the baseline in percentage points, with intervals, numbers and counts of pairs.

    A row per comparison, place by place of the grid; every pair is a small open point.
    """
    known = {variant.name: variant for variant in variants}
    rows: list[Comparison | str] = []
    for comparison in comparisons:
        place = place_label(comparison.coordinates)
        if place and place not in rows:
            rows.append(place)
        rows.append(comparison)
    with figures.style():
        figure = Figure(figsize=(figures.COLUMN, 0.95 + ROW * max(len(rows), 1)))
        axes = figure.subplots()
        labels, drawn = [], [0.0]
        for y, row in enumerate(rows):
            if isinstance(row, str):
                labels.append("")
                _heading(axes, y, row)
                continue
            labels.append(f"{figures.plain(row.variant, 16)} ({row.difference.n}/{row.planned})")
            estimate = row.difference
            axes.plot(
                row.differences,
                np.full(len(row.differences), y - 0.27),
                "o",
                markersize=1.8,
                markeredgewidth=0.5,
                color=known[row.variant].look.colour,
                markerfacecolor="none",
            )
            _whisker(axes, estimate, y, known[row.variant].look)
            text = interval(estimate, sign=True) if estimate.n else ABSENT
            axes.text(1.03, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)
            drawn += [*row.differences, estimate.low, estimate.high]
        axes.axvline(0, color="#444444", linewidth=0.8, zorder=1)
        axes.set_yticks(range(len(rows)), labels)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlim(*figures.limits(drawn))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.set_xlabel("difference in test accuracy\n(percentage points)")
        baseline = figures.plain(comparisons[0].baseline, 22) if comparisons else ""
        note = f"variant minus {baseline}, paired by seed: mean with its 95 % interval, each pair a small circle"
        figures.note_below(figure, [note, "behind a name: pairs/planned", "axis zoomed to the data"], figures.COLUMN)
    return figure


def _heading(axes: Axes, y: float, text: str) -> None:
    """A place of the grid over its rows; it may run into the free column of numbers, and so narrows no panel."""
    axes.axhspan(y - 0.5, y + 0.5, color="#f4f4f4", linewidth=0, zorder=1.5)  # over the line at zero
    heading = axes.text(
        0.02,
        y,
        figures.plain(text, figures.TITLE),
        transform=axes.get_yaxis_transform(),
        va="center",
        fontweight="bold",
        zorder=4,
    )
    heading.set_in_layout(False)


def accuracy_along(
    key: str, conditions: Sequence[Condition], trials: pd.DataFrame, variants: Sequence[Variant]
) -> Figure:
    """Test accuracy against the grid axis `key`: a line per variant, every seed a point.

    Numbers that span a factor of four or more stand on a logarithmic axis.  With further grid axes there is a panel
    for each of their places.
    """
    others: dict[str, list[Condition]] = {}
    for condition in conditions:
        rest = {other: value for other, value in condition.coordinates.items() if other != key}
        others.setdefault(place_label(rest), []).append(condition)
    recalibrated = any(condition.recalibrated.n for condition in conditions)
    with figures.style():
        figure, grid, width = figures.panels(len(others), figures.columns_for(len(others)), head=0.85, row=1.9)
        for (axes, left, bottom), (title, mine) in zip(grid, others.items(), strict=True):
            axes.set_title(figures.plain(title, figures.TITLE))
            _along(axes, key, mine, trials, variants)
            if bottom:
                axes.set_xlabel(figures.plain(key_label(key), 40))
            if left:
                axes.set_ylabel("test accuracy (%)")

        def notes(n: str) -> Sequence[str]:
            return [
                f"mean and 95 % interval over seeds, every seed a faint point ({n})",
                "hollow, dotted: the same weights with recalibrated statistics" if recalibrated else "",
                "accuracy axis zoomed to the data and stretched towards 100 %",
            ]

        figures.keyed(figure, variants, ((c.variant, c.counts.ok, c.counts.planned) for c in conditions), notes, width)
    return figure


def _along(
    axes: Axes, key: str, conditions: Sequence[Condition], trials: pd.DataFrame, variants: Sequence[Variant]
) -> None:
    tried = list(dict.fromkeys(condition.coordinates[key] for condition in conditions))
    logarithmic = is_logarithmic(tried)
    if is_number(tried):
        tried.sort()
        positions = {value: math.log(value) if logarithmic else float(value) for value in tried}
    else:
        positions = {value: float(k) for k, value in enumerate(tried)}
    gaps = np.diff(sorted(positions.values()))
    step = 0.5 * float(gaps.min() if gaps.size else 1.0) / max(len(variants), 1)
    drawn = [math.nan]
    for k, variant in enumerate(variants):
        mine = {condition.coordinates[key]: condition for condition in conditions if condition.variant == variant.name}
        shift = (k - (len(variants) - 1) / 2) * step  # side by side, so that intervals do not hide each other
        known = [(positions[value] + shift, mine[value]) for value in tried if value in mine]
        look = variant.look
        for x, condition in known:
            values = _accuracies(trials, condition.point)
            axes.plot(
                np.full(values.size, x), values, "o", markersize=1.8, alpha=0.5, color=look.colour, markeredgewidth=0
            )
            axes.plot([x, x], [condition.accuracy.low, condition.accuracy.high], color=look.colour, linewidth=1.2)
            drawn += [*values, condition.accuracy.mean]
        axes.plot(
            [x for x, _ in known],
            [condition.accuracy.mean for _, condition in known],
            color=look.colour,
            linestyle=look.line,
            linewidth=1.0,
            marker=look.marker,
            markersize=3.2,
        )
        if otherwise := [(x, condition.recalibrated) for x, condition in known if condition.recalibrated.n]:
            drawn += _recalibrated(axes, otherwise, look)
    axes.xaxis.set_major_locator(FixedLocator(list(positions.values())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(list(positions.values()), [_tick(value) for value in positions])
    figures.stretched_accuracy(axes, drawn)


def _recalibrated(axes: Axes, known: Sequence[tuple[float, Interval]], look: Look) -> list[float]:
    """The same weights with recalibrated statistics, hollow and dotted; returns the means drawn."""
    for x, estimate in known:
        axes.plot([x, x], [estimate.low, estimate.high], color=look.colour, linewidth=0.6)
    means = [estimate.mean for _, estimate in known]
    axes.plot(
        [x for x, _ in known],
        means,
        color=look.colour,
        linestyle=":",
        linewidth=0.8,
        marker=look.marker,
        markersize=3.6,
        markerfacecolor="white",
        markeredgewidth=0.8,
    )
    return means


def is_number(values: Sequence[Any]) -> bool:
    """Whether all are numbers, which have an order and distances."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def is_logarithmic(values: Sequence[Any]) -> bool:
    """Whether these places of an axis belong on a logarithmic one."""
    return is_number(values) and min(values) > 0 and max(values) >= 4 * min(values)


def _tick(value: Any) -> str:
    return figures.plain(f"{value:g}" if isinstance(value, float) else value, 14)


def _accuracies(trials: pd.DataFrame, point: int) -> np.ndarray:
    """Test accuracies of a point's finished trials in per cent, by seed."""
    mine = trials[(trials["point"] == point) & (trials["status"] == "ok")].sort_values("seed")
    return np.asarray(100 * mine["test_accuracy"].to_numpy(float))
