"""Learning curves: a line per variant with its interval band, every seed faint behind."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from bnexp.reporting.drawing import figures
from bnexp.reporting.drawing.curve import Curve
from bnexp.reporting.drawing.figures import Variant
from bnexp.reporting.drawing.palette import Look

Kind = Literal["accuracy", "loss"]

X_LABELS = {
    "step": "training steps",
    "examples": "training examples seen",
    "epoch": "epochs",
    "seconds": "seconds of training",
}


Y_LABELS: dict[Kind, str] = {"accuracy": "accuracy (%)", "loss": "loss (nats)"}


@dataclass(frozen=True)
class CurvePanel:
    """One panel: what it shows, and the curve of each variant that is planned there."""

    title: str
    curves: Mapping[str, Curve]


def learning_curves(shown: Sequence[CurvePanel], variants: Sequence[Variant], kind: Kind, x: str) -> Figure:
    """Curves of `kind` (accuracy in per cent, loss in nats) against `x`, a key of `X_LABELS`, both axes logarithmic.

    Up to two panels stand below each other in a column; more become small multiples over the page's width.
    """
    columns = 1 if len(shown) <= 2 else figures.columns_for(len(shown))
    with figures.style():
        row = 1.5 if columns == 1 else 1.45
        figure, grid, width = figures.panels(len(shown), columns, head=0.95, row=row, sharex=columns == 1)
        for (axes, left, bottom), panel in zip(grid, shown, strict=True):
            _axes(axes, panel, kind)
            for variant in variants:
                if curve := panel.curves.get(variant.name):
                    _draw(axes, curve, variant.look)
            axes.set_title(figures.plain(panel.title, figures.TITLE))
            if bottom:
                axes.set_xlabel(X_LABELS[x])
            if left:
                axes.set_ylabel(Y_LABELS[kind])

        def notes(n: str) -> Sequence[str]:
            return [f"mean and 95 % interval over seeds, every seed faint ({n})", *_notes(shown, kind)]

        figures.keyed(figure, variants, _counts(shown), notes, width)
    return figure


def curves_apart(panel: CurvePanel, variants: Sequence[Variant], baseline: str, kind: Kind, x: str) -> Figure:
    """A small panel for each of many variants, over the page's width; `kind` and `x` as in `learning_curves`.

    Every panel shows all curves in grey, so that one is seen among the others, and the baseline beside it.
    """
    known = {variant.name: variant for variant in variants if variant.name in panel.curves}
    means = [np.column_stack([panel.curves[name].x, panel.curves[name].mean]) for name in known]

    def draw(axes: Axes, variant: Variant) -> None:
        _axes(axes, panel, kind)
        axes.add_collection(LineCollection(means, colors="#c8c8c8", linewidths=0.5, zorder=1.2), autolim=False)
        if variant.name != baseline and (base := known.get(baseline)):
            curve = panel.curves[baseline]
            axes.plot(curve.x, curve.mean, color=base.look.colour, linestyle=(0, (3, 2)), linewidth=0.8, zorder=2.5)
        _draw(axes, panel.curves[variant.name], variant.look)

    def notes(n: str) -> Sequence[str]:
        note = (
            f"{X_LABELS[x]} along every panel; mean and 95 % interval over seeds, every seed faint ({n}); "
            f"grey: all others, dashed: {figures.plain(baseline, 22)}"
        )
        return [note, *_notes([panel], kind)]

    shown = [*known.values()]
    return figures.panels_apart(shown, _counts([panel]), draw, Y_LABELS[kind], notes)


def _draw(axes: Axes, curve: Curve, look: Look) -> None:
    # One collection instead of a line for each seed: drawn in a fraction of the time.
    faint = [np.column_stack([seed.x, seed.y]) for seed in curve.seeds]
    axes.add_collection(
        LineCollection(faint, colors=look.colour, linewidths=0.4, alpha=figures.FAINT, zorder=2), autolim=False
    )
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
        figures.logarithmic(axes.xaxis, positive)
    if kind == "accuracy":
        figures.stretched_accuracy(axes, ys)
    elif (losses := ys[np.isfinite(ys) & (ys > 0)]).size:
        axes.set_yscale("log")
        axes.set_ylim(losses.min() / 1.2, losses.max() * 1.2)
        figures.logarithmic(axes.yaxis, losses)


def _apart(x: np.ndarray) -> list[int]:
    """Indices of the points that get a marker: at least a fifteenth of a logarithmic axis apart."""
    kept: list[int] = []
    places = np.log(np.maximum(x, 1e-9))
    span = float(np.ptp(places)) if x.size else 0.0
    for k, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= span / 15:
            kept.append(k)
    return kept


def _counts(shown: Sequence[CurvePanel]) -> Iterator[tuple[str, int, int]]:
    """(variant, finished, planned) at every place: in all panels, unless two of them show the same trials."""
    places = {panel.title for panel in shown} - {"validation", "training"}
    for panel in shown if places else shown[:1]:
        for name, curve in panel.curves.items():
            yield name, curve.finished, curve.planned


def _notes(shown: Sequence[CurvePanel], kind: Kind) -> list[str]:
    ended = any(not seed.finished for panel in shown for curve in panel.curves.values() for seed in curve.seeds)
    return [
        "× a training that diverged, not in the mean" if ended else "",
        "accuracy axes zoomed to the data and stretched towards 100 %" if kind == "accuracy" else "",
        "every panel has its own axes" if len(shown) > 2 else "",
    ]
