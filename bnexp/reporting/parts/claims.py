"""The claims of an experiment: a card each, with the verdict, the numbers behind it, and what repeats it."""

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean
from typing import Any

import pandas as pd

from bnexp.claims.contrast import measure
from bnexp.claims.verdict import Judged, Tested
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.rule import LEVEL
from bnexp.reporting.claims import card, places, registered, rule, verdict
from bnexp.reporting.drawing.claims import CENTRES, is_wide, where
from bnexp.reporting.part import Context, Figure, Finding, Part, Table, slugs
from bnexp.specs.claims import Interaction, ThresholdShift, TimeRatio, Trains

LEAD = (
    "What is claimed, and the verdict of each rule. The command bnexp claims prints the same. Comparisons below are "
    "another family of tests, with 5 % of its own, and decide no claim."
)

PAPER = {"p (supported)": "p (for)", "p (refuted)": "p (against)"}
LEFT_OUT = ("here", "there", "trained: treatment, control", "p (no difference)")
"""Of the form for a paper: its headings where they are others, and the columns that it does without."""

LEGEND = "p-values are those of a place, one-sided where the rule is, not corrected over places or claims."
INTERVALS = (
    "Estimates are {}, with 95 % intervals of the centre of what scatters symmetrically; each holds by itself, however "
    "often one looks."
)


def claims(evidence: Evidence, context: Context) -> Part | None:
    """None where the config claims nothing."""
    if not context.claims:
        return None
    cards = [Finding(f"{each.claim.text} ({each.id})", "", card(each, evidence.store.root)) for each in context.claims]
    return Part(region="opening", paragraphs=(LEAD,), findings=tuple(cards), figures=tuple(_figures(context.claims)))


def by_place(_: Evidence, context: Context) -> Part | None:
    """A table for each claim: what its rule makes of each place."""
    if not context.claims:
        return None
    slug = slugs([each.id for each in context.claims])
    tables = [_table(each, f"claim-{slug[each.id]}") for each in context.claims]
    return Part("Claims, place by place", "estimates, intervals and p-values", tables=tuple(tables))


def _table(found: Judged, file: str) -> Table:
    header, cells = places(found)
    of_times = isinstance(found.claim.rule, TimeRatio | Trains)
    interval = f", with the 95 % interval{' that holds at every look' * (not of_times)}"
    interval *= not isinstance(found.claim.rule, Trains)
    text = pd.DataFrame(cells, columns=[name.lstrip(">") for name in header], dtype="object")
    return Table(
        f"{found.claim.text} ({found.id})",
        text,
        pd.DataFrame([_numbers(found, each) for each in found.places]),
        file,
        legend=(
            f"The rule: {rule(found)}; {registered(found)}.",
            *([] if of_times else [INTERVALS.format(f"{CENTRES.get(found.claim.rule.name, 'mean')}s")]),
            LEGEND,
        ),
        paper={name: PAPER.get(name, name) for name in text.columns if name not in LEFT_OUT},
        paper_caption=(
            f"{found.claim.text}: {verdict(found)}. Estimates of {'; '.join(_label(found).splitlines())}, "
            f"paired by seed, n pairs{interval}; p of each place alone."
        ),
    )


def _numbers(found: Judged, each: Tested) -> dict[str, Any]:
    """One place, unrounded."""
    c = each.contrast
    together = c.interval(1 - LEVEL / len(found.places))
    return {
        **c.place,
        "n": len(c.seeds),
        "planned": c.planned,
        "estimate": c.estimate.mean,
        "low": c.estimate.low,
        "high": c.estimate.high,
        "low_over_places": together.low,
        "high_over_places": together.high,
        "unit": c.unit,
        **({"own_effect": fmean(c.own), "other_effect": fmean(c.there)} if c.own else {}),
        "trained_control": c.trained[0],
        "trained_treatment": c.trained[1],
        "outcomes": len(c.outcomes),
        **{f"p_{name}": value for name, value in each.shown._asdict().items()},
        "verdict": each.verdict,
    }


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
        return f"largest rate up to which {treatment} trains, over that of {control}"
    if isinstance(claim.rule, Interaction):
        return f"how much larger {treatment} minus {control} is\nin {measure(claim)} (pp)"
    unit = found.places[0].contrast.unit if found.places else ""
    told = f"{treatment} over {control}" if unit == "×" else f"{treatment} minus {control}"
    return f"{told}\n{measure(claim)}{'' if unit == '×' else ' (pp)'}"
