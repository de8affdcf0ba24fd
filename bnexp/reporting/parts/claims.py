"""The claims of an experiment: a card each, with the verdict, the numbers behind it, and what repeats it."""

from collections.abc import Iterator, Sequence
from functools import partial

from bnexp.claims.contrast import measure
from bnexp.claims.verdict import Judged
from bnexp.evidence.experiment import Evidence
from bnexp.reporting.claims import card, rule
from bnexp.reporting.drawing.claims import is_wide, where
from bnexp.reporting.part import Context, Figure, Finding, Part, slugs
from bnexp.specs.claims import Interaction, ThresholdShift, Trains

LEAD = "What is claimed, and the verdict of each rule. The command bnexp claims prints the same."


def claims(evidence: Evidence, context: Context) -> Part | None:
    """None where the config claims nothing."""
    if not context.claims:
        return None
    cards = [Finding(f"{each.claim.text} ({each.id})", "", card(each, evidence.store.root)) for each in context.claims]
    return Part(region="opening", paragraphs=(LEAD,), findings=tuple(cards), figures=tuple(_figures(context.claims)))


def _figures(found: Sequence[Judged]) -> Iterator[Figure]:
    """One for each claim with several places, of which one has a pair at least; of one place the card says it all."""
    for slug, each in zip(slugs([each.id for each in found]).values(), found, strict=True):
        if len(each.places) > 1 and any(place.contrast.seeds for place in each.places):
            yield Figure(
                f"claim-{slug.replace('.', '-').replace('_', '-')}",
                f"{each.claim.text}? {each.verdict.capitalize()}. A row for each place of the grid; the rule: "
                f"{rule(each)}.",
                f"{each.id}: estimates with intervals and verdicts, place by place",
                partial(where, each, _label(each), each.claim.rule.bounds),
                wide=is_wide(each),
            )


def _label(found: Judged) -> str:
    """What the estimates are, with their unit."""
    claim = found.claim
    treatment, control = claim.variants
    if isinstance(claim.rule, Trains):
        return "trials that trained (%)"
    if isinstance(claim.rule, ThresholdShift):
        return f"largest rate at which {treatment} trains, over that of {control}"
    if isinstance(claim.rule, Interaction):
        return f"how much larger {treatment} minus {control} is\nin {measure(claim)} (pp)"
    unit = found.places[0].contrast.unit if found.places else ""
    told = f"{treatment} over {control}" if unit == "×" else f"{treatment} minus {control}"
    return f"{told}\n{measure(claim)}{'' if unit == '×' else ' (pp)'}"
