"""Learning curves: a line per variant with its interval band, every seed faint behind."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from bnexp.reporting.curves import Curve
from bnexp.reporting.figures import (
    COLUMN,
    FAINT,
    PAGE,
    TITLE,
    Variant,
    columns_for,
    counted,
    legend_above,
    logarithmic,
    note_below,
    plain,
    stretched_accuracy,
    style,
    thinned,
)
from bnexp.reporting.palette import Look

MANY = 8
"""So many curves can be told apart in one panel."""

APART = 5
"""Small panels side by side, where each variant has its own."""

Kind = Literal["accuracy", "loss"]

X_LABELS = {
    "step": "training steps",
    "examples": "training examples seen",
    "epoch": "epochs",
    "seconds": "seconds of training",
}


@dataclass(frozen=True)
class CurvePanel:
    """One panel: what it shows, and the curve of each variant that is planned there."""

    title: str
    curves: Mapping[str, Curve]


def learning_curves(panels: Sequence[CurvePanel], variants: Sequence[Variant], kind: Kind, x: str) -> Figure:
    """Curves of `kind` (accuracy in per cent, loss in nats) against `x`, a key of `X_LABELS`, both axes logarithmic.

    Up to two panels stand below each other in a column; more become small multiples over the page's width.
    """
    columns = 1 if len(panels) <= 2 else columns_for(len(panels))
    rows = math.ceil(len(panels) / columns)
    width = COLUMN if columns == 1 else PAGE
    with style():
        figure = Figure(figsize=(width, 0.95 + (1.5 if columns == 1 else 1.45) * rows))
        grid = figure.subplots(rows, columns, squeeze=False, sharex=columns == 1)
        for k, axes in enumerate(grid.flat):
            if k >= len(panels):
                axes.remove()
                continue
            _axes(axes, panels[k], kind)
            _draw(axes, panels[k], variants)
            axes.set_title(plain(panels[k].title, TITLE))
            if k + columns >= len(panels):
                axes.set_xlabel(X_LABELS[x])
            if k % columns == 0:
                axes.set_ylabel("accuracy (%)" if kind == "accuracy" else "loss (nats)")
        behind, n = counted(_counts(panels))
        drawn = [variant for variant in variants if variant.name in behind]
        legend_above(figure, [v.short + behind[v.name] for v in drawn], [v.look for v in drawn], width)
        note_below(figure, [f"mean and 95 % interval over seeds, every seed faint ({n})", *_notes(panels, kind)], width)
    return figure


def curves_apart(panel: CurvePanel, variants: Sequence[Variant], baseline: str, kind: Kind, x: str) -> Figure:
    """A small panel for each of many variants, over the page's width; `kind` and `x` as in `learning_curves`.

    Every panel shows all curves in grey, so that one is seen among the others, and the baseline beside it.
    """
    drawn = [variant for variant in variants if variant.name in panel.curves]
    rows = math.ceil(len(drawn) / APART)
    behind, n = counted(_counts([panel]))
    known = {variant.name: variant for variant in drawn}
    means = [np.column_stack([panel.curves[name].x, panel.curves[name].mean]) for name in known]
    with style():
        figure = Figure(figsize=(PAGE, 0.6 + 1.12 * rows))
        # The axes are alike without being shared: matplotlib takes a time for that that grows with their square.
        grid = figure.subplots(rows, APART, squeeze=False)
        for k, axes in enumerate(grid.flat):
            if k >= len(drawn):
                axes.remove()
                continue
            _axes(axes, panel, kind)
            thinned(axes, 0.24)
            axes.tick_params(labelleft=k % APART == 0, labelbottom=k + APART >= len(drawn))
            variant = drawn[k]
            axes.add_collection(LineCollection(means, colors="#c8c8c8", linewidths=0.5, zorder=1.2), autolim=False)
            if variant.name != baseline and (base := known.get(baseline)):
                curve = panel.curves[baseline]
                axes.plot(curve.x, curve.mean, color=base.look.colour, linestyle=(0, (3, 2)), linewidth=0.8, zorder=2.5)
            _draw_variant(axes, panel.curves[variant.name], variant.look)
            axes.set_title(plain(variant.name, 20) + behind[variant.name])
        figure.supylabel("accuracy (%)" if kind == "accuracy" else "loss (nats)", fontsize=7.5)
        note = (
            f"{X_LABELS[x]} along every panel; mean and 95 % interval over seeds, every seed faint ({n}); "
            f"grey: all others, dashed: {plain(baseline, 22)}"
        )
        note_below(figure, [note, *_notes([panel], kind)], PAGE)
    return figure


def _draw(axes: Axes, panel: CurvePanel, variants: Sequence[Variant]) -> None:
    for variant in variants:
        if curve := panel.curves.get(variant.name):
            _draw_variant(axes, curve, variant.look)


def _draw_variant(axes: Axes, curve: Curve, look: Look) -> None:
    # One collection instead of a line for each seed: drawn in a fraction of the time.
    faint = [np.column_stack([seed.x, seed.y]) for seed in curve.seeds]
    axes.add_collection(LineCollection(faint, colors=look.colour, linewidths=0.4, alpha=FAINT, zorder=2), autolim=False)
    for seed in curve.seeds:
        if not seed.finished:
            axes.plot(seed.x[-1:], seed.y[-1:], "x", color=look.colour, markersize=4.5, zorder=5)
    axes.fill_between(curve.x, curve.low, curve.high, color=look.colour, alpha=0.15, linewidth=0, zorder=1.5)
    axes.plot(
        curve.x,
        curve.mean,
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        markersize=2.6,
        markevery=_apart(curve.x),
        zorder=3,
    )


def _axes(axes: Axes, panel: CurvePanel, kind: Kind) -> None:
    """Scales, limits and ticks of a panel for all of its curves; what is drawn afterwards moves none of them."""
    axes.set_autoscale_on(False)
    curves = panel.curves.values()
    xs = np.concatenate([np.empty(0), *(seed.x for curve in curves for seed in curve.seeds)])
    ys = np.concatenate([np.empty(0), *(curve.values for curve in curves)])
    if (positive := xs[xs > 0]).size:
        margin = (positive.max() / positive.min()) ** 0.05 if np.ptp(positive) > 0 else 1.5
        axes.set_xscale("log")
        axes.set_xlim(positive.min() / margin, positive.max() * margin)
        logarithmic(axes.xaxis, positive)
    if kind == "accuracy":
        stretched_accuracy(axes, ys)
    elif (losses := ys[np.isfinite(ys) & (ys > 0)]).size:
        axes.set_yscale("log")
        axes.set_ylim(losses.min() / 1.2, losses.max() * 1.2)
        logarithmic(axes.yaxis, losses)


def _apart(x: np.ndarray) -> list[int]:
    """Indices of the points that get a marker: at least a fifteenth of a logarithmic axis apart."""
    kept: list[int] = []
    places = np.log(np.maximum(x, 1e-9))
    span = float(np.ptp(places)) if x.size else 0.0
    for k, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= span / 15:
            kept.append(k)
    return kept


def _counts(panels: Sequence[CurvePanel]) -> Iterator[tuple[str, int, int]]:
    """(variant, finished, planned) at every place: in all panels, unless two of them show the same trials."""
    places = {panel.title for panel in panels} - {"validation", "training"}
    for panel in panels if places else panels[:1]:
        for name, curve in panel.curves.items():
            yield name, curve.finished, curve.planned


def _notes(panels: Sequence[CurvePanel], kind: Kind) -> list[str]:
    ended = any(not seed.finished for panel in panels for curve in panel.curves.values() for seed in curve.seeds)
    return [
        "× a training that diverged, not in the mean" if ended else "",
        "accuracy axes zoomed to the data and stretched towards 100 %" if kind == "accuracy" else "",
        "every panel has its own axes" if len(panels) > 2 else "",
    ]
