"""What probes measured, over the steps: a panel for each number, a line with its interval for each variant.

Of a probe that looks once, a point."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bnexp.reporting.drawing import figures
from bnexp.reporting.drawing.figures import Variant
from bnexp.stats.estimates import Interval, mean_interval

Scale = Literal["linear", "log"]


class Measured:
    """One number of a probe at one point of the plan, look by look; from its rows of `frames.probes`."""

    def __init__(self, rows: pd.DataFrame, finished: Sequence[int], planned: int, scale: Scale) -> None:
        table = rows.pivot(index="seed", columns="step", values="value")
        self.steps = table.columns.to_numpy(float)
        """(looks,): ascending."""
        self.seeds = table.to_numpy(float)
        """(seeds, looks); NaN where there is no number."""
        self._finished, self._scale = table.index.isin(finished), scale
        self.counts = int(self._finished.sum()), planned

    @cached_property
    def means(self) -> list[Interval]:
        """Over the finished trainings, at each look; on a logarithmic scale geometric, of what is above 0."""
        columns = (column[np.isfinite(column)] for column in self.seeds[self._finished].T)
        if self._scale == "linear":
            return [mean_interval(column) for column in columns]
        logarithms = (mean_interval(np.log(column[column > 0])) for column in columns)
        return [Interval(math.exp(each.mean), math.exp(each.low), math.exp(each.high), each.n) for each in logarithms]


class Panel(NamedTuple):
    """A number, and what it was in each variant."""

    title: str
    scale: Scale
    measured: Mapping[str, Measured]


@figures.style()
def probe_curves(shown: Sequence[Panel], variants: Sequence[Variant], mean: str) -> Figure:
    """The numbers against training steps, logarithmic behind step 1; up to two panels in a column, else small ones.

    Where there is one look alone they stand side by side, in the order of the variants.  `mean` says which one it is.
    """
    once = all(len(each.steps) == 1 for panel in shown for each in panel.measured.values())

    def draw(axes: Axes, panel: Panel) -> None:
        axes.set_autoscale_on(False)
        here = [variant for variant in variants if variant.name in panel.measured]
        if once:
            axes.set_xlim(-0.6, len(here) - 0.4)
            axes.xaxis.set_major_locator(NullLocator())
        else:
            _horizontal(axes, panel)
        _vertical(axes, panel)
        for k, variant in enumerate(here):
            measured = panel.measured[variant.name]
            (_draw_once if once else _draw)(axes, measured, variant, k)

    panels = [(panel.title, panel) for panel in shown]
    columns, labels = figures.columns_for(len(shown), stacked=2), ("" if once else "training steps", "")
    figure = figures.multiples(panels, draw, columns=columns, head=0.95, row=1.5, labels=labels)
    counts = {name: each.counts for panel in shown for name, each in panel.measured.items()}
    behind, n = figures.counted((name, *both) for name, both in counts.items())
    notes = [f"{mean} and 95 % interval over seeds, every seed faint ({n})"]
    figures.keyed(figure, variants, behind, [*notes, "every panel has its own axes" if len(shown) > 1 else ""])
    return figure


def _draw_once(axes: Axes, measured: Measured, variant: Variant, place: int) -> None:
    ((mean, low, high, _),) = measured.means
    seeds = measured.seeds.ravel()
    axes.plot(np.full(len(seeds), place), seeds, ".", color=variant.colour, alpha=0.35, markersize=3, zorder=2)
    axes.vlines(place, low, high, color=variant.colour, linewidth=1.2, zorder=2.5)
    axes.plot([place], [mean], **variant.look, markersize=4, zorder=3)


def _draw(axes: Axes, measured: Measured, variant: Variant, _: int) -> None:
    lines = [np.column_stack([measured.steps, values]) for values in measured.seeds]
    axes.add_collection(
        LineCollection(lines, colors=variant.colour, linewidths=0.4, alpha=0.35, zorder=2), autolim=False
    )
    mean, low, high = np.array([each[:3] for each in measured.means]).T
    axes.fill_between(measured.steps, low, high, color=variant.colour, alpha=0.15, linewidth=0, zorder=1.5)
    axes.plot(measured.steps, mean, **variant.look, markersize=2.6, zorder=3)


def _horizontal(axes: Axes, panel: Panel) -> None:
    last = max(each.steps.max() for each in panel.measured.values())
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.set_xlim(-0.3, last * 1.4)
    axes.xaxis.set_major_locator(FixedLocator([0, *(10.0**k for k in range(int(np.log10(max(last, 1))) + 1))]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(figures.compact))


def _vertical(axes: Axes, panel: Panel) -> None:
    values = np.concatenate([each.seeds.ravel() for each in panel.measured.values()])
    values = values[np.isfinite(values)]
    above = values[values > 0]
    if panel.scale == "log" and above.size and above.max() > 5 * above.min():
        margin = (above.max() / above.min()) ** 0.06
        axes.set_yscale("log")
        axes.set_ylim(above.min() / margin, above.max() * margin)
        figures.logarithmic(axes.yaxis, above)
    elif values.size:
        low, high = values.min(), values.max() if values.any() else 1.0
        margin = 0.06 * (high - low) or 0.02
        axes.set_ylim(low - margin, high + margin)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}".replace("-", "−")))
