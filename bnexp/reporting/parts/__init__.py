"""The topics of a report: what each says of an experiment, one file each and one line here."""

from collections.abc import Mapping
from pathlib import Path

from bnexp.evidence.experiment import Evidence
from bnexp.lazy import attribute
from bnexp.reporting.commands import commands, point_commands
from bnexp.reporting.drawing.figures import Variant
from bnexp.reporting.part import Context, Section

PARTS = {
    "incomplete": "bnexp.reporting.parts.incomplete:incomplete",
    "data": "bnexp.reporting.parts.provenance:data",
    "overview": "bnexp.reporting.parts.differences:overview",
    "confounds": "bnexp.reporting.parts.confounds:confounds",
    "differences": "bnexp.reporting.parts.differences:differences",
    "curves": "bnexp.reporting.parts.curves:curves",
    "accuracy": "bnexp.reporting.parts.accuracy:accuracy",
    "published": "bnexp.reporting.parts.published:published",
    "trials": "bnexp.reporting.parts.trials:trials",
    "classes": "bnexp.reporting.parts.classes:classes",
    "learning_rates": "bnexp.reporting.parts.learning_rates:learning_rates",
    "time_to_accuracy": "bnexp.reporting.parts.time_to_accuracy:time_to_accuracy",
    "convergence": "bnexp.reporting.parts.time_to_accuracy:convergence",
    "curves_of_a_grid": "bnexp.reporting.parts.curves:curves_of_a_grid",
    "sampling": "bnexp.reporting.parts.sampling:sampling",
    "confusion": "bnexp.reporting.parts.confusion:confusion",
    "moving_averages": "bnexp.reporting.parts.moving_averages:moving_averages",
    "declared": "bnexp.reporting.parts.confounds:declared",
    "provenance": "bnexp.reporting.parts.provenance:provenance",
}
"""Name to `module:function`, in the order of reading; the function says its part, or None where it has nothing."""


def section(evidence: Evidence, slug: str, looks: Mapping[str, Variant], results: Path) -> Section:
    """All that is reported of an experiment; `looks` are those of its variants, `results` is where its records lie."""
    plan = evidence.plan
    context = Context(
        tuple(looks[name] for name in plan.variants), commands(plan, results), point_commands(plan, results)
    )
    found = {name: attribute(where)(evidence, context) for name, where in PARTS.items()}
    parts = {name: part for name, part in found.items() if part is not None}
    return Section(plan.name, plan.about, slug, evidence.complete, parts)
