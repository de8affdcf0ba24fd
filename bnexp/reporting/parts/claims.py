"""The claims of an experiment: a card each, with the verdict, the numbers behind it, and what repeats it."""

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.claims import card
from bnexp.reporting.part import Context, Finding, Part

LEAD = "What is claimed, and the verdict of each rule. The command bnexp claims prints the same."


def claims(evidence: Evidence, context: Context) -> Part | None:
    """None where the config claims nothing."""
    if not context.claims:
        return None
    cards = [Finding(f"{each.claim.text} ({each.id})", "", card(each, evidence.store.root)) for each in context.claims]
    return Part(region="headline", paragraphs=(LEAD,), findings=tuple(cards))
