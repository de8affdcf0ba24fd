"""Learning curves, as numbers and as figures: a line per variant with its interval band, every seed faint behind."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from bnexp.reporting.drawing import figures
from bnexp.reporting.drawing.figures import Variant
from bnexp.stats.estimates import mean_interval

Kind = Literal["accuracy", "loss"]

Y_LABELS: dict[Kind, str] = {"accuracy": "accuracy (%)", "loss": "loss (nats)"}

MEASURES = {
    "validation_accuracy": "validation accuracy (%)",
    "recalibrated_accuracy": "recalibrated validation accuracy (%)",
    "train_accuracy": "training accuracy (%)",
    "validation_loss": "validation loss (nats)",
    "recalibrated_loss": "recalibrated validation loss (nats)",
    "train_loss": "training loss (nats)",
}
"""Columns of the evaluations to what they are called."""

KINDS_OF_DATA = {"validation": "validation", "recalibrated validation": "recalibrated", "training": "train"}
"""Titles of panels that show the same trials on other data, or under other statistics, to how their columns begin."""

AXES = {"step": "training steps", "examples": "training examples seen", "seconds": "seconds of training"}
"""The same of those that they stand against."""


class Curve(NamedTuple):
    """A measure against an axis, as it is drawn."""

    seeds: list[tuple[np.ndarray, bool]]
    """Of each training its points, (evaluations, 2), and whether it finished; else it ends early."""
    mean: np.ndarray
    """(4, evaluations): where the mean of the finished trainings stands, that, and both ends of its interval."""
    counts: tuple[int, int]  # finished and planned


class Trainings:
    """What was measured at one point of the plan, evaluation by evaluation; from its rows of the `records.frames`.

    The evaluations of all seeds are at the same steps, because these follow from the spec; so means are taken at each
    of them, and nothing is interpolated.
    """

    def __init__(self, trials: pd.DataFrame, evaluations: pd.DataFrame) -> None:
        at = evaluations.assign(at=evaluations["step"])
        tables = at.pivot(index="seed", columns="at", values=[*AXES, *MEASURES])
        shares = {name: 100 if name.endswith("accuracy") else 1 for name in (*AXES, *MEASURES)}
        self._values = {name: scale * tables[name].to_numpy(float) for name, scale in shares.items()}
        self.seeds = tables.index.to_numpy(int)
        """(seeds,): ascending, those that have evaluations."""
        ok = trials["status"] == "ok"
        self.finished = np.isin(self.seeds, trials.loc[ok, "seed"])
        self.counts = int(ok.sum()), len(trials)

    def values(self, column: str) -> np.ndarray:
        """Of a measure or an axis, (seeds, evaluations), NaN where there is none; accuracies in per cent."""
        return self._values[column]

    def mean(self, column: str) -> np.ndarray:
        """Mean over the finished trainings, lower and upper end of its interval, (3, evaluations)."""
        return self._means[column]

    @cached_property
    def _means(self) -> dict[str, np.ndarray]:
        finished = {name: values[self.finished].T for name, values in self._values.items()}
        return {
            name: np.array([mean_interval(values[~np.isnan(values)])[:3] for values in columns]).T
            for name, columns in finished.items()
        }

    def curve(self, measure: str, x: str) -> Curve:
        """Of a measure against an axis; where no training finished, its mean is NaN.

        Beside methods with recalibrated statistics, those that have none stand with their one figure.
        """
        if np.isnan(self.values("recalibrated_accuracy")).all():
            measure = measure.replace("recalibrated", "validation")
        points = np.stack([self.values(x), self.values(measure)], axis=-1)
        seeds = [(each[~np.isnan(each[:, 1])], bool(end)) for each, end in zip(points, self.finished, strict=True)]
        mean = np.vstack([self.mean(x)[0], self.mean(measure)])
        return Curve([each for each in seeds if len(each[0])], mean, self.counts)


class CurvePanel(NamedTuple):
    """One panel: what it shows, and the curve of each variant that is planned there."""

    title: str
    curves: Mapping[str, Curve]


@figures.style()
def learning_curves(shown: Sequence[CurvePanel], variants: Sequence[Variant], kind: Kind, x: str) -> Figure:
    """Curves of `kind` (accuracy in per cent, loss in nats) against `x`, a key of `AXES`, both axes logarithmic.

    Up to two panels stand below each other in a column; more become small multiples over the page's width.
    """

    def draw(axes: Axes, curves: Mapping[str, Curve]) -> None:
        curves_of(axes, curves, variants, kind)

    columns, labels = figures.columns_for(len(shown), stacked=2), (AXES[x], Y_LABELS[kind])
    row, alike = (1.5, True) if columns == 1 else (1.45, False)
    figure = figures.multiples(
        shown, draw, columns=columns, head=0.95, row=row, labels=labels, sharex=alike, of_places=True
    )
    behind, n = figures.counted(_counts(shown))
    notes = [f"mean and 95 % interval over seeds, every seed faint ({n})", *_notes(shown, kind)]
    figures.keyed(figure, variants, behind, notes)
    return figure


def curves_of(axes: Axes, curves: Mapping[str, Curve], variants: Sequence[Variant], kind: Kind) -> None:
    """A panel of `learning_curves`."""
    _axes(axes, curves, kind)
    for variant in variants:
        if variant.name in curves:
            _draw(axes, curves[variant.name], variant)


def curves_apart(panel: CurvePanel, variants: Sequence[Variant], baseline: str, kind: Kind, x: str) -> Figure:
    """A small panel for each of many variants, over the page's width; `kind` and `x` as in `learning_curves`.

    Every panel shows all curves in grey, so that one is seen among the others, and the baseline beside it.
    """
    known = {variant.name: variant for variant in variants if variant.name in panel.curves}
    means = [panel.curves[name].mean[:2].T for name in known]

    def draw(axes: Axes, variant: Variant) -> None:
        _axes(axes, panel.curves, kind)
        axes.add_collection(LineCollection(means, colors="#c8c8c8", linewidths=0.5, zorder=1.2), autolim=False)
        if variant.name != baseline and (base := known.get(baseline)):
            x, mean = panel.curves[baseline].mean[:2]
            axes.plot(x, mean, color=base.colour, linestyle=(0, (3, 2)), linewidth=0.8, zorder=2.5)
        _draw(axes, panel.curves[variant.name], variant)

    behind, n = figures.counted(_counts([panel]))
    note = (
        f"{AXES[x]} along every panel; mean and 95 % interval over seeds, every seed faint ({n}); "
        f"grey: all others, dashed: {figures.plain(baseline, 22)}"
    )
    return figures.panels_apart([*known.values()], behind, draw, Y_LABELS[kind], [note, *_notes([panel], kind)])


def _draw(axes: Axes, curve: Curve, variant: Variant) -> None:
    # One collection instead of a line for each seed: drawn in a fraction of the time.
    seeds = [points for points, _ in curve.seeds]
    faint = LineCollection(seeds, colors=variant.colour, linewidths=0.4, alpha=0.35, zorder=2)
    axes.add_collection(faint, autolim=False)
    for points, finished in curve.seeds:
        if not finished:
            axes.plot(*points[-1:].T, "x", color=variant.colour, markersize=4.5, zorder=5)
    x, mean, low, high = curve.mean
    axes.fill_between(x, low, high, color=variant.colour, alpha=0.15, linewidth=0, zorder=1.5)
    places = np.log(x)
    marked = figures.spaced(places, np.ptp(places) / 15)
    axes.plot(x, mean, **variant.look, markersize=2.6, markevery=marked, zorder=3)


def _axes(axes: Axes, curves: Mapping[str, Curve], kind: Kind) -> None:
    """Scales, limits and ticks of a panel for all of its curves; what is drawn afterwards moves none of them."""
    axes.set_autoscale_on(False)
    seeds = [points for each in curves.values() for points, _ in each.seeds]
    xs, ys = np.vstack([np.empty((0, 2)), *seeds, *(each.mean[:2].T for each in curves.values())]).T
    if (positive := xs[xs > 0]).size:
        margin = (positive.max() / positive.min()) ** 0.05 if np.ptp(positive) > 0 else 1.5
        axes.set_xscale("log")
        axes.set_xlim(positive.min() / margin, positive.max() * margin)
        figures.logarithmic(axes.xaxis, positive)
    if kind == "accuracy":
        figures.stretched_accuracy(axes, ys)
    elif (losses := ys[ys > 0]).size:
        axes.set_yscale("log")
        axes.set_ylim(losses.min() / 1.2, losses.max() * 1.2)
        figures.logarithmic(axes.yaxis, losses)


def _counts(shown: Sequence[CurvePanel]) -> Iterator[tuple[str, int, int]]:
    """(variant, finished, planned) at every place: in all panels, unless two of them show the same trials."""
    places = {panel.title for panel in shown} - KINDS_OF_DATA.keys()
    for panel in shown if places else shown[:1]:
        for name, each in panel.curves.items():
            yield name, *each.counts


def _notes(shown: Sequence[CurvePanel], kind: Kind) -> list[str]:
    ended = any(not finished for panel in shown for each in panel.curves.values() for _, finished in each.seeds)
    return [
        "× a training that diverged, not in the mean" if ended else "",
        "accuracy axes zoomed to the data and stretched towards 100 %" if kind == "accuracy" else "",
        "every panel has its own axes" if len(shown) > 2 else "",
    ]
