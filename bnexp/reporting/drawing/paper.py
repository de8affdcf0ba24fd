"""The figure of an experiment for a paper, over both columns: what it says below is its caption, and not drawn."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from bnexp.evidence.paired import Comparison
from bnexp.reporting.drawing import figures
from bnexp.reporting.drawing.accuracy import ROW, differences
from bnexp.reporting.drawing.figures import Variant
from bnexp.reporting.drawing.learning_curves import AXES, CurvePanel, curves_of


@figures.style()
def paper(comparisons: Sequence[Comparison], curves: CurvePanel, variants: Sequence[Variant]) -> Figure:
    """Paired differences from the baseline at the left, `curves` of validation accuracy against steps at the right."""
    figure = Figure(figsize=(figures.PAGE, max(2.3, 0.95 + 1.5 * ROW * len(comparisons))))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    differences(left, comparisons, variants)
    curves_of(right, curves.curves, variants, "accuracy")
    right.set(xlabel=AXES["step"], ylabel="validation accuracy (%)")
    figures.keyed(figure, variants, dict.fromkeys(curves.curves, ""), [])
    return figure
