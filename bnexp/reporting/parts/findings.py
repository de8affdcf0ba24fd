"""The first screen: what was found of each variant, a line for each question, and the forest plot of it."""

from functools import partial

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.reporting.drawing.accuracy import forest
from bnexp.reporting.drawing.figures import MANY
from bnexp.reporting.numbers import interval
from bnexp.reporting.part import Context, Figure, Finding, Part
from bnexp.reporting.parts.differences import headline, looked, outcomes, tally
from bnexp.reporting.parts.moving_averages import artefact
from bnexp.reporting.parts.time_to_accuracy import speed_line
from bnexp.reporting.phrases import amount, effect, named
from bnexp.specs.experiment import MARGIN
from bnexp.specs.norms.table import METHODS
from bnexp.specs.wording import every, place_label

SHOWN = 12
"""So many findings are seen at once."""


def findings(evidence: Evidence, context: Context) -> Part:
    """Every comparison in the order of the config, place by place of the grid."""
    against = evidence.primary
    if not against:
        alone = "There is only one variant, and nothing to compare it with."
        unchosen = "Nothing is compared yet: no learning rate could be chosen for the variants."
        return Part(region="headline", paragraphs=(unchosen if len(evidence.plan.variants) > 1 else alone,))
    bases = [each for each in evidence.conditions if each.variant == evidence.plan.baseline]
    known = f" (test accuracy {interval(bases[0].accuracy)} %)" if len(bases) == 1 and bases[0].accuracy.n > 1 else ""
    baselines = every([*dict.fromkeys(each.baseline for each in against)])
    lead = f"Each variant against {baselines}{known}, paired by seed. {_methods(evidence)}"
    told = (f"{named(c)}: {effect(c)}, n={c.difference.n}" for c in against)
    plot = Figure(
        "differences",
        f"Ratio of {against[0].metric.label} to the baseline's, pair by pair."
        if against[0].ratio
        else f"Difference in {against[0].metric.label} from the baseline, pair by pair, in "
        f"{against[0].metric.unit_of_differences}.",
        f"Forest plot. {'; '.join(told)}.",
        partial(forest, against, context.variants),
    )
    return Part(
        region="headline",
        findings=tuple(_finding(each, evidence) for each in against),
        paragraphs=(lead, *looked(evidence), *([tally(against)] if len(against) > SHOWN else [])),
        figures=(plot,) if any(each.difference.n for each in against) else (),
    )


def _methods(evidence: Evidence) -> str:
    """`bn-pre, bn-post: batch normalization; ln: layer normalization`, where they are few."""
    variants: dict[str, list[str]] = {}
    for point in evidence.plan.points:
        title = METHODS[point.spec["norm"]["name"]].title if point.spec["norm"]["name"] in METHODS else "your own layer"
        variants.setdefault(title[0].lower() + title[1:], []).append(point.variant)
    told = [f"{', '.join(dict.fromkeys(names))}: {title}" for title, names in variants.items()]
    return f"{'; '.join(told)}." if len(evidence.plan.variants) <= MANY else ""


def _recalibrated(c: Comparison, evidence: Evidence) -> str:
    """What the same weights are worth with recalibrated statistics: `+1.1 pp [+0.7, +1.4] (exploratory)`."""
    found = evidence.recalibrated.get(c.point)
    if found is None or found.difference.n < 2 or c.metric == found.metric or c.baseline != found.baseline:
        return ""
    return f"{amount(found)} (exploratory)"


def _finding(c: Comparison, evidence: Evidence) -> Finding:
    (condition,) = (each for each in evidence.conditions if each.point == c.point)
    momentum = evidence.plan.points[c.point].spec["norm"].get("momentum")
    # At each one's best rate the two sides stand at different places, and what is compared at one place is not these.
    beside = any(c.baseline_point == each.baseline_point for each in evidence.comparisons if each.point == c.point)
    lines = {
        "trained": outcomes(c),
        "moving averages": artefact(condition, momentum, c.margin or MARGIN),
        "accuracy" if c.metric.name == "test-accuracy" else c.metric.label: headline(c),
        "recalibrated": _recalibrated(c, evidence) if beside else "",
        "speed": speed_line(evidence, c.point) if beside and c.baseline == evidence.plan.baseline else "",
    }
    title = f"{c.variant} vs {c.baseline}"
    return Finding(title, place_label(c.coordinates), {what: line for what, line in lines.items() if line})
