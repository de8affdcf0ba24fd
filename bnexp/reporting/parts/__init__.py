"""The topics of a report: what each says of an experiment, one file each and one line here."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bnexp.claims.verdict import Judged
from bnexp.evidence.experiment import Evidence
from bnexp.lazy import attribute
from bnexp.reporting.claims import summary
from bnexp.reporting.commands import commands, point_commands
from bnexp.reporting.drawing.figures import Variant
from bnexp.reporting.part import Context, Section
from bnexp.specs.probes import PROBES

PARTS = {
    "claims": "bnexp.reporting.parts.claims:claims",
    "incomplete": "bnexp.reporting.parts.incomplete:incomplete",
    "data": "bnexp.reporting.parts.provenance:data",
    "confounds": "bnexp.reporting.parts.confounds:confounds",
    "findings": "bnexp.reporting.parts.findings:findings",
    "curves": "bnexp.reporting.parts.curves:curves",
    "claims by place": "bnexp.reporting.parts.claims:by_place",
    "differences": "bnexp.reporting.parts.differences:differences",
    "accuracy": "bnexp.reporting.parts.accuracy:accuracy",
    "primary": "bnexp.reporting.parts.differences:primary",
    "published": "bnexp.reporting.parts.published:published",
    "learning_rates": "bnexp.reporting.parts.learning_rates:learning_rates",
    "time_to_accuracy": "bnexp.reporting.parts.time_to_accuracy:time_to_accuracy",
    "moving_averages": "bnexp.reporting.parts.moving_averages:moving_averages",
    **{f"probe {name}": f"bnexp.reporting.parts.probes:{name}" for name in PROBES},
    "confusion": "bnexp.reporting.parts.confusion:confusion",
    "classes": "bnexp.reporting.parts.classes:classes",
    "sampling": "bnexp.reporting.parts.sampling:sampling",
    "declared": "bnexp.reporting.parts.confounds:declared",
    "trials": "bnexp.reporting.parts.trials:trials",
    "provenance": "bnexp.reporting.parts.provenance:provenance",
}
"""Name to `module:function`, in the order of reading; the function says its part, or None where it has nothing."""


def section(
    evidence: Evidence, slug: str, looks: Mapping[str, Variant], results: Path, claims: Sequence[Judged] = ()
) -> Section:
    """All that is reported of an experiment; `looks` are those of its variants, `results` is where its records lie."""
    plan = evidence.plan
    context = Context(
        tuple(looks[name] for name in plan.variants),
        commands(plan, results),
        point_commands(plan, results),
        [each for each in claims if each.experiment == plan.name],
    )
    found = {name: attribute(where)(evidence, context) for name, where in PARTS.items()}
    parts = {name: part for name, part in found.items() if part is not None}
    return Section(plan.name, plan.about, slug, evidence.complete, parts, summary(context.claims))
