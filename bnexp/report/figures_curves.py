"""Learning curves: a line per variant with its interval band, every seed faint behind."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnexp.report.curves import Curve
from bnexp.report.figures import (
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
from bnexp.report.palette import Look

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
            _draw(axes, panels[k], variants)
            _axes(axes, panels[k], kind)
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
    behind, n = counted({name: (curve.finished, curve.planned) for name, curve in panel.curves.items()})
    known = {variant.name: variant for variant in drawn}
    with style():
        figure = Figure(figsize=(PAGE, 0.6 + 1.12 * rows))
        grid = figure.subplots(rows, APART, squeeze=False, sharex=True, sharey=True)
        for k, axes in enumerate(grid.flat):
            if k >= len(drawn):
                axes.remove()
                grid.flat[k - APART].tick_params(labelbottom=True)
                continue
            variant = drawn[k]
            for other in drawn:
                curve = panel.curves[other.name]
                axes.plot(curve.x, curve.mean, color="#c8c8c8", linewidth=0.5, zorder=1.2)
            if variant.name != baseline and (base := known.get(baseline)):
                curve = panel.curves[baseline]
                axes.plot(curve.x, curve.mean, color=base.look.colour, linestyle=(0, (3, 2)), linewidth=0.8, zorder=2.5)
            _draw_variant(axes, panel.curves[variant.name], variant.look)
            axes.set_title(plain(variant.name, 20) + behind[variant.name])
        _axes(grid[0, 0], panel, kind)
        thinned(grid[0, 0], 0.24)
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
    for seed in curve.seeds:
        axes.plot(seed.x, seed.y, color=look.colour, linewidth=0.4, alpha=FAINT, zorder=2)
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
    """Scales, limits and ticks of a panel, and of those that share its axes, for all of its curves."""
    curves = panel.curves.values()
    xs = [float(x) for curve in curves for seed in curve.seeds for x in seed.x]
    ys = [float(y) for curve in curves for y in curve.values]
    if any(x > 0 for x in xs):
        axes.set_xscale("log")
        logarithmic(axes.xaxis, xs)
    if kind == "accuracy":
        stretched_accuracy(axes, ys)
    elif any(y > 0 for y in ys):
        positive = [y for y in ys if y > 0 and math.isfinite(y)]
        axes.set_yscale("log")
        axes.set_ylim(min(positive) / 1.2, max(positive) * 1.2)
        logarithmic(axes.yaxis, positive)


def _apart(x: np.ndarray) -> list[int]:
    """Indices of the points that get a marker: at least a fifteenth of a logarithmic axis apart."""
    kept: list[int] = []
    places = np.log(np.maximum(x, 1e-9))
    span = float(np.ptp(places)) if x.size else 0.0
    for k, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= span / 15:
            kept.append(k)
    return kept


def _counts(panels: Sequence[CurvePanel]) -> dict[str, tuple[int, int]]:
    """(finished, planned) of each variant; the panels of a small multiple are summed up."""
    titles = {panel.title for panel in panels} - {"validation", "training"}
    found: dict[str, tuple[int, int]] = {}
    for panel in panels if titles else panels[:1]:
        for name, curve in panel.curves.items():
            finished, planned = found.get(name, (0, 0))
            found[name] = finished + curve.finished, planned + curve.planned
    return found


def _notes(panels: Sequence[CurvePanel], kind: Kind) -> list[str]:
    ended = any(not seed.finished for panel in panels for curve in panel.curves.values() for seed in curve.seeds)
    return [
        "× a training that diverged, not in the mean" if ended else "",
        "accuracy axes zoomed to the data and stretched towards 100 %" if kind == "accuracy" else "",
        "every panel has its own axes" if len(panels) > 2 else "",
    ]
