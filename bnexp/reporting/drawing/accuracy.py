"""Final test accuracy: per variant, as paired differences from the baseline, and along an axis of the grid."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from bnexp.evidence.condition import Condition
from bnexp.evidence.paired import Comparison
from bnexp.reporting.drawing import figures
from bnexp.reporting.drawing.figures import Variant
from bnexp.reporting.phrases import effect, places
from bnexp.specs.experiment import Published
from bnexp.specs.wording import key_label, place_label
from bnexp.stats.estimates import Interval

ROW = 0.21  # height of a row, inches
SOURCE = 0.7  # of a published value's own, in rows


@figures.style()
def final_accuracy(
    conditions: Sequence[Condition],
    trials: pd.DataFrame,
    variants: Sequence[Variant],
    published: Sequence[Published] = (),
) -> Figure:
    """Test accuracy of every seed, with mean and interval: a row per variant, a panel per place of the grid.

    A `published` value is a line through all rows, or that of its variant, with its source in a row of its own on top.
    """
    shown, above = places(conditions), len(published)
    columns = figures.columns_for(len(shown))

    def draw(axes: Axes, mine: Mapping[str, Condition]) -> None:
        drawn = [math.nan]
        for row, variant in enumerate(variants):
            across = axes.get_yaxis_transform()
            if (condition := mine.get(variant.name)) is None:
                axes.text(0.5, row, "not planned", transform=across, ha="center", va="center")
                continue
            if (counts := condition.counts).ok < counts.planned:
                text = f"{counts.ok}/{counts.planned}"
                axes.text(1.01, row, text, transform=across, va="center", fontsize=6.5, color=figures.GREY)
            values = _accuracies(trials, condition.point)
            # Seeds stand above their mean, staggered by their order, so that equal values stay apart.
            _seeds(axes, values, row - 0.16 - 0.05 * (np.arange(values.size) % 4), variant, size=2.4, edge=0.6)
            drawn += [*values, *_whisker(axes, condition.accuracy, row + 0.14, variant)]
        _rows(axes, [variant.short for variant in variants], ends=(-0.55 - SOURCE * above, len(variants) - 0.5))
        low, high = figures.limits([*drawn, *(each.value for each in published)])
        axes.set_xlim(low, min(high, 100.2))  # an interval of few seeds may go beyond what there is
        for k, each in enumerate(published):
            _reference(axes, each, -0.55 - SOURCE * (above - k - 0.5), variants)
        axes.ticklabel_format(axis="x", useOffset=False)

    height = 0.45 + ROW * 1.15 * (len(variants) + SOURCE * above)
    labels = ("test accuracy (%)", "")
    figure = figures.multiples(
        list(shown.items()), draw, columns=columns, head=0.65, row=height, labels=labels, of_places=True
    )
    for k, axes in enumerate(figure.axes):
        axes.tick_params(labelleft=k % columns == 0)
    seeds = f"{max(condition.counts.planned for condition in conditions)} seeds"
    if any(condition.counts.ok < condition.counts.planned for condition in conditions):
        seeds += ", where not all are finished: finished/planned at the right"
    notes = ["filled: mean with its 95 % interval, open: a seed", "dashed: published" if published else "", seeds]
    notes.append("accuracy axes zoomed to the data")
    figures.note_below(figure, notes)
    return figure


def _reference(axes: Axes, published: Published, y: float, variants: Sequence[Variant]) -> None:
    """A dashed line from its label at `y` down through all rows, or through that of its variant alone."""
    names = [variant.name for variant in variants]
    row = names.index(published.variant) if published.variant else None
    top, bottom = (y + 0.35, len(names) - 0.5) if row is None else (row - 0.45, row + 0.45)
    axes.plot([published.value] * 2, [top, bottom], "--", color=figures.GREY, linewidth=0.8, zorder=1.5)
    low, high = axes.get_xlim()
    side: Literal["left", "right"] = "left" if published.value < (low + high) / 2 else "right"
    whose = f" {published.variant}," if published.variant else ""
    text = figures.plain(f"{published.value:g}{whose} {published.source}", 44)
    label = axes.text(published.value, y, text, ha=side, va="center", fontsize=6, color=figures.GREY)
    label.set_bbox({"color": "white", "pad": 0.5})  # over the lines of others


def _seeds(axes: Axes, values: ArrayLike, heights: ArrayLike, variant: Variant, *, size: float, edge: float) -> None:
    axes.plot(values, heights, "o", markersize=size, markeredgewidth=edge, color=variant.colour, markerfacecolor="none")


def _whisker(axes: Axes, estimate: Interval, y: float, variant: Variant) -> tuple[float, float]:
    """A mean with its interval; the ends of that."""
    ends = estimate.low, estimate.high
    axes.plot(ends, [y, y], color=variant.colour, linewidth=1.3, solid_capstyle="butt")
    axes.plot([estimate.mean], [y], variant.marker, color=variant.colour, markersize=4.2)
    return ends


def _rows(axes: Axes, labels: Sequence[str], *, ends: tuple[float, float]) -> None:
    """Name the rows of a panel from the top down, between these ends, and choose few ticks below."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(ends[1], ends[0])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


@figures.style()
def forest(comparisons: Sequence[Comparison], variants: Sequence[Variant]) -> Figure:
    """Paired differences from each baseline in one metric, with intervals, numbers and counts of pairs.

    A row per comparison, baseline by baseline and place by place of the grid; every pair is a small open point.
    """
    baselines = [*dict.fromkeys(each.baseline for each in comparisons)]
    rows: list[Comparison | str] = []
    places = [place_label(each.coordinates) for each in comparisons]
    for comparison, name in zip(comparisons, figures.brief(places), strict=True):
        against = f"against {comparison.baseline}" if len(baselines) > 1 else ""
        place = ", ".join(filter(None, (against, name)))
        if place and place not in rows:
            rows.append(place)
        rows.append(comparison)
    figure = Figure(figsize=(figures.COLUMN, 0.95 + ROW * len(rows)))
    differences(figure.subplots(), rows, variants)
    baseline = figures.plain(baselines[0], 22) if len(baselines) == 1 else "baseline"
    note = f"variant minus {baseline}, paired by seed: mean with its 95 % interval, each pair a small circle"
    if comparisons[0].ratio:
        note = f"variant over {baseline}, paired by seed, with its 95 % interval"
    figures.note_below(figure, [note, "behind a name: pairs, of those planned", "axis zoomed to the data"])
    return figure


def differences(axes: Axes, rows: Sequence[Comparison | str], variants: Sequence[Variant]) -> None:
    """The panel of `forest`: a row per comparison, or with the name of the place of those below it."""
    known = {variant.name: variant for variant in variants}
    first = next(row for row in rows if not isinstance(row, str))
    null = float(bool(first.ratio))
    labels, drawn = [], [null]
    for y, row in enumerate(rows):
        if isinstance(row, str):
            labels.append("")
            axes.axhspan(y - 0.5, y + 0.5, color="#f4f4f4", linewidth=0, zorder=1.5)  # over the line at zero
            line, across = figures.plain(row, figures.TITLE), axes.get_yaxis_transform()
            heading = axes.text(0.02, y, line, transform=across, va="center", fontweight="bold", zorder=4)
            heading.set_in_layout(False)  # it may run into the free column of numbers, and so narrows no panel
            continue
        n, planned = row.difference.n, row.planned
        labels.append(f"{figures.plain(row.variant, 16)} ({f'{n} of {planned}' if n < planned else f'n = {n}'})")
        variant = known[row.variant]
        _seeds(axes, row.differences, np.full(len(row.differences), y - 0.27), variant, size=1.8, edge=0.5)
        drawn += [*row.differences, *_whisker(axes, row.difference, y, variant)]
        axes.text(1.03, y, effect(row), transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)
    axes.axvline(null, color="#444444", linewidth=0.8, zorder=1)
    _rows(axes, labels, ends=(-0.6, len(rows) - 0.4))
    axes.set_xlim(*figures.limits(drawn))
    label = f"{first.metric.label}\n({first.metric.unit_of_differences})"
    axes.set_xlabel(f"ratio of {first.metric.label}" if null else f"difference in {label}")


@figures.style()
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

    columns = figures.columns_for(len(others))

    def draw(axes: Axes, mine: Sequence[Condition]) -> None:
        positions = _positions(list(dict.fromkeys(condition.coordinates[key] for condition in mine)))
        gap = min(np.diff(sorted(positions.values())), default=1.0)
        drawn = [math.nan]
        for k, variant in enumerate(variants):
            shift = (k - (len(variants) - 1) / 2) / len(variants) * gap / 2  # so that intervals do not hide each other
            own = {condition.coordinates[key]: condition for condition in mine if condition.variant == variant.name}
            known = {positions[value] + shift: own[value] for value in positions if value in own}
            drawn += _along(axes, variant, known, trials, joined=_are_numbers(positions))
        axes.set_xticks(list(positions.values()), _ticks(positions, columns))
        figures.stretched_accuracy(axes, drawn)

    labels = (figures.plain(key_label(key), 40), "test accuracy (%)")
    figure = figures.multiples(
        list(others.items()), draw, columns=columns, head=0.85, row=1.9, labels=labels, of_places=True
    )
    behind, n = figures.counted((c.variant, c.counts.ok, c.counts.planned) for c in conditions)
    recalibrated = any(condition.recalibrated.n for condition in conditions)
    notes = [
        f"mean and 95 % interval over seeds, every seed a faint point ({n})",
        "hollow: the same weights with recalibrated statistics" if recalibrated else "",
        "accuracy axis zoomed to the data and stretched towards 100 %",
    ]
    figures.keyed(figure, variants, behind, notes)
    return figure


def _ticks(positions: Mapping[Any, float], columns: int) -> list[str]:
    """What stands at each place of the axis, in one of so many panels side by side; numbers, where there is room."""
    if not _are_numbers(positions):
        width = max(8, 54 // len(positions) // (1 if columns < 3 else 2))
        return [figures.on_lines(figures.plain(value, 3 * width), width, 3) for value in positions]
    inches = (figures.COLUMN if columns == 1 else figures.PAGE) / columns - 0.4
    low, high = min(positions.values()), max(positions.values())
    places = [(x - low) / ((high - low) or 1.0) for x in positions.values()]
    labelled = set(figures.spaced(places, 0.36 / inches))
    return [f"{value:g}" if k in labelled else "" for k, value in enumerate(positions)]


def _along(
    axes: Axes, variant: Variant, known: Mapping[float, Condition], trials: pd.DataFrame, *, joined: bool
) -> list[float]:
    """The line of a variant over its places on the axis, and hollow that of the recalibrated; the values drawn.

    Not `joined` where the places have no order.
    """
    look = variant.look if joined else variant.look | {"linestyle": "none"}
    drawn: list[float] = []
    for x, condition in known.items():
        values = _accuracies(trials, condition.point)
        seeds = np.full(values.size, x)
        axes.plot(seeds, values, "o", markersize=1.8, alpha=0.5, color=variant.colour, markeredgewidth=0)
        drawn.extend(values)
    solid = {x: condition.accuracy for x, condition in known.items()}
    means = _intervals(axes, solid, 1.2, look | {"linewidth": 1.0, "markersize": 3.2})
    hollow = {x: condition.recalibrated for x, condition in known.items() if condition.recalibrated.n}
    dotted = {"linewidth": 0.8, "markersize": 3.6, "markerfacecolor": "white", "markeredgewidth": 0.8}
    dotted |= {"linestyle": ":"} if joined else {}
    return [*drawn, *means, *(_intervals(axes, hollow, 0.6, look | dotted) if hollow else [])]


def _intervals(
    axes: Axes, estimates: Mapping[float, Interval], width: float, look: Mapping[str, Any]
) -> Iterable[float]:
    """Intervals as lines of this width, joined at their means, which are returned."""
    for x, estimate in estimates.items():
        axes.plot([x, x], [estimate.low, estimate.high], color=look["color"], linewidth=width)
    means = [estimate.mean for estimate in estimates.values()]
    axes.plot(list(estimates), means, **look)
    return means


def _positions(tried: Sequence[Any]) -> dict[Any, float]:
    """Where the values of a grid axis stand on that of a figure: numbers at their places, others in their order."""
    if not _are_numbers(tried):
        return {value: float(k) for k, value in enumerate(tried)}
    scale = math.log if is_logarithmic(tried) else float
    return {value: scale(value) for value in sorted(tried)}


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether these places of an axis belong on a logarithmic one."""
    return min(values) > 0 and max(values) >= 4 * min(values)


def _accuracies(trials: pd.DataFrame, point: int) -> np.ndarray:
    """Test accuracies of a point's finished trials in per cent, by seed."""
    mine = trials[(trials["point"] == point) & (trials["status"] == "ok")].sort_values("seed")
    return np.asarray(100 * mine["test_accuracy"].to_numpy(float))
