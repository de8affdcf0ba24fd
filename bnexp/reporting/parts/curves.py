"""Learning curves: what the page draws them from, and the figures for print."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product

from matplotlib.figure import Figure as Canvas

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.reporting.drawing.chart import chart
from bnexp.reporting.drawing.curve import Curve, curve
from bnexp.reporting.drawing.figures import MANY, spread
from bnexp.reporting.drawing.learning_curves import CurvePanel, Kind, curves_apart, learning_curves
from bnexp.reporting.part import Context, Figure, Part
from bnexp.reporting.phrases import places

KINDS: tuple[Kind, ...] = ("accuracy", "loss")


def curves(evidence: Evidence, context: Context) -> Part | None:
    """First of all figures."""
    return None if _gridded(evidence) else _part(evidence, context)


def curves_of_a_grid(evidence: Evidence, context: Context) -> Part | None:
    """Last of all, since a grid makes them many."""
    return _part(evidence, context) if _gridded(evidence) else None


def _gridded(evidence: Evidence) -> bool:
    return any(condition.coordinates for condition in evidence.conditions)


def _part(evidence: Evidence, context: Context) -> Part | None:
    if not len(evidence.evaluations):
        return None
    data = chart(evidence.conditions, evidence.trials, evidence.evaluations, context.variants)
    return Part(chart=data, figures=tuple(_figures(evidence, context)))


def _figures(evidence: Evidence, context: Context) -> Iterator[Figure]:
    """Accuracy and loss against steps and seconds: one figure each; with a grid, or many variants, one for each
    kind of data too."""
    evaluations, variants = evidence.evaluations, context.variants
    where = places(evidence.conditions)
    phases = [
        (title, column)
        for title, column in (("validation", "validation"), ("training", "train"))
        if any(evaluations[f"{column}_{kind}"].notna().any() for kind in KINDS)
    ]
    rows = dict(iter(evidence.trials.groupby("point")))
    measured = dict(iter(evaluations.groupby("point")))

    def panel(title: str, conditions: Sequence[Condition], measure: str, x: str) -> CurvePanel:
        found: dict[str, Curve] = {
            each.variant: curve(rows[each.point], measured[each.point], measure, x)
            for each in conditions
            if each.point in measured
        }
        return CurvePanel(title, found)

    for (x, against), kind in product((("step", "steps"), ("seconds", "seconds")), KINDS):
        what = f"{kind} against {against}{' of training' if x == 'seconds' else ''}"
        alone = [*next(iter(where.values())).values()] if len(where) == 1 else []
        if alone and len(variants) <= MANY:
            panels = [panel(title, alone, f"{column}_{kind}", x) for title, column in phases]
            text = f"{what.capitalize()}, {' and '.join(title for title, _ in phases)}."
            yield _figure(f"{kind}-{against}", text, partial(learning_curves, panels, variants, kind, x))
            continue
        for title, column in phases:
            name, measure, aside = (
                f"{kind}-{against}-{title}",
                f"{column}_{kind}",
                title == "training" or x == "seconds",
            )
            text = f"{title.capitalize()} {what}, a panel for each {'variant' if alone else 'place of the grid'}."
            if alone:
                one = panel(title, alone, measure, x)
                draw = partial(curves_apart, one, variants, evidence.plan.baseline, kind, x)
                yield _figure(name, text, draw, wide=True, aside=aside)
                continue
            for file, part in spread(name, list(where)):
                panels = [panel(label, [*where[label].values()], measure, x) for label in part]
                draw = partial(learning_curves, panels, variants, kind, x)
                yield _figure(file, text, draw, wide=len(part) > 2, aside=aside)


def _figure(name: str, text: str, draw: Callable[[], Canvas], *, wide: bool = False, aside: bool = False) -> Figure:
    words = "Learning curves with both axes logarithmic; the numbers are in evaluations.csv."
    return Figure(name, text, f"{text} {words}", draw, wide=wide, aside=aside, interactive=True)
