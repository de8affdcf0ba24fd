"""Learning curves: what the page draws them from, and the figures for print."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import get_args

from matplotlib.figure import Figure as Canvas

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.reporting.drawing.chart import chart
from bnexp.reporting.drawing.figures import MANY, spread
from bnexp.reporting.drawing.learning_curves import (
    KINDS_OF_DATA,
    CurvePanel,
    Kind,
    Trainings,
    curves_apart,
    learning_curves,
)
from bnexp.reporting.drawing.paper import paper
from bnexp.reporting.part import Context, Figure, Part
from bnexp.reporting.phrases import places
from bnexp.specs.wording import every


def curves(evidence: Evidence, context: Context) -> Part | None:
    """None before the first evaluation."""
    rows, measured = (dict(iter(table.groupby("point"))) for table in (evidence.trials, evidence.evaluations))
    points = [each.point for each in evidence.conditions if each.point in measured]
    trainings = {point: Trainings(rows[point], measured[point]) for point in points}
    if not trainings:
        return None
    data = chart(evidence.conditions, trainings, context.variants)
    figures = tuple(_figures(evidence, context, trainings))
    papers = tuple(_papers(evidence, context, trainings))
    return Part(region="headline", chart=data, figures=figures, papers=papers)


def _figures(evidence: Evidence, context: Context, trainings: Mapping[int, Trainings]) -> Iterator[Figure]:
    """Accuracy and loss: one figure each; with a grid, or many variants, one for each kind of data too.

    Against steps all kinds, against seconds what was validated.
    """
    variants, where = context.variants, places(evidence.conditions)
    measured = evidence.evaluations
    seen = {
        title: column
        for title, column in KINDS_OF_DATA.items()
        if measured[[f"{column}_accuracy", f"{column}_loss"]].notna().any(axis=None)
    }

    def panel(title: str, place: Mapping[str, Condition], measure: str, x: str) -> CurvePanel:
        known = {name: each.point for name, each in place.items() if each.point in trainings}
        return CurvePanel(title, {name: trainings[point].curve(measure, x) for name, point in known.items()})

    for (x, against), kind in product((("step", "steps"), ("seconds", "seconds")), get_args(Kind)):
        phases = [each for each in seen.items() if x == "step" or each[1] != "train"]
        what = f"{kind} against {against}{' of training' if x == 'seconds' else ''}"
        alone = next(iter(where.values())) if len(where) == 1 else {}
        if alone and phases and len(variants) <= MANY:
            panels = [panel(title, alone, f"{column}_{kind}", x) for title, column in phases]
            text = f"{what.capitalize()}, {every([title for title, _ in phases])}."
            draw = partial(learning_curves, panels, variants, kind, x)
            yield _figure(f"{kind}-{against}", text, draw, wide=len(panels) > 2)
            continue
        for title, column in phases:
            name, measure = f"{kind}-{against}-{title.replace(' ', '-')}", f"{column}_{kind}"
            text = f"{title.capitalize()} {what}, a panel for each {'variant' if alone else 'place of the grid'}."
            if alone:
                one = panel(title, alone, measure, x)
                draw = partial(curves_apart, one, variants, evidence.plan.baseline, kind, x)
                yield _figure(name, text, draw, wide=True)
            for file, part in spread(name, [] if alone else list(where)):
                panels = [panel(label, where[label], measure, x) for label in part]
                draw = partial(learning_curves, panels, variants, kind, x)
                yield _figure(file, text, draw, wide=len(part) > 2)


def _papers(evidence: Evidence, context: Context, trainings: Mapping[int, Trainings]) -> Iterator[Figure]:
    """Differences and curves side by side, where one panel holds all variants."""
    variants, baseline = context.variants, evidence.plan.baseline
    shown = [each for each in evidence.primary if each.difference.n > 1 and each.baseline == baseline]
    known = {each.variant: trainings[each.point] for each in evidence.conditions if each.point in trainings}
    if len(places(evidence.conditions)) > 1 or len(variants) > MANY or not shown:
        return
    panel = CurvePanel("", {name: each.curve("validation_accuracy", "step") for name, each in known.items()})
    if not any(len(each.seeds) for each in panel.curves.values()):
        return
    counts = sorted({each.counts[0] for each in panel.curves.values()})
    n = " to ".join(map(str, dict.fromkeys([counts[0], counts[-1]])))
    metric = shown[0].metric
    interval = "95 % interval, which holds at every look" if shown[0].sequential else "95 % t interval"
    left = f"difference in {metric.label} from {baseline}, in {metric.unit_of_differences}: mean over pairs of one "
    left += f"seed with its {interval}, each pair a small circle"
    if shown[0].ratio:
        left = f"ratio of {metric.label} to those of {baseline}, over pairs of one seed, with its 95 % interval"
    caption = (
        f"Normalizations compared ({evidence.plan.name}). Left: {left}; behind a name n, the pairs. Right: validation "
        f"accuracy in per cent: mean over n = {n} seeds with its 95 % t interval, every seed faint; logarithmic in the "
        "error."
    )
    yield Figure("paper", caption, "", partial(paper, shown, panel, variants), wide=True)


def _figure(name: str, text: str, draw: Callable[[], Canvas], *, wide: bool = False) -> Figure:
    words = "Learning curves with both axes logarithmic; the numbers are in evaluations.csv."
    return Figure(name, text, f"{text} {words}", draw, wide=wide, file_only=True)
