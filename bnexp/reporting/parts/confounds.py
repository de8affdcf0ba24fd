"""What differs between the sides of the comparisons besides the thing compared: sentences, and two short tables."""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from bnexp.evidence.confounds import Audit, Difference, Touches
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.reporting.part import Context, Part, Table
from bnexp.reporting.phrases import first
from bnexp.specs.wording import place_label

Audited = Sequence[tuple[Comparison, Audit]]
"""The comparisons that have a pair, each with what differs between its sides."""


def confounds(evidence: Evidence, _: Context) -> Part | None:
    """The warning where something that the config does not declare could explain a difference."""
    audits = [result for _, result in _paired(evidence)]
    alarming = any(result.confounds() for result in audits)
    return Part(region="headline", paragraphs=(sentence(audits),), alarming=True) if alarming else None


def declared(evidence: Evidence, _: Context) -> Part | None:
    """What differs within pairs, as the config declares or not, and what is the same; None without a pair."""
    paired, name = _paired(evidence), evidence.plan.name
    if not paired:
        return None
    audits = [result for _, result in paired]
    tables = {
        f"What differs and is not declared by {name}": _table(paired, lambda result: result.undeclared),
        f"What {name} declares different, and what follows from it": _table(paired, lambda result: result.declared),
    }
    return Part(
        "What differs besides the variant",
        "declared, not declared, and what is the same within every pair",
        paragraphs=(sentence(audits), alike(audits)),
        tables=tuple(Table(caption, table) for caption, table in tables.items() if len(table)),
    )


def _paired(evidence: Evidence) -> Audited:
    audits = evidence.confounds
    return [
        (each, audits[each.point]) for each in evidence.comparisons if each.point in audits if audits[each.point].pairs
    ]


def sentence(audits: Sequence[Audit]) -> str:
    """Whether anything but what the config declares could explain a difference."""
    strange = dict.fromkeys(each.what for result in audits for each in result.confounds())
    clocks = dict.fromkeys(each.what for result in audits for each in result.undeclared if each.touches == "seconds")
    also = "".join(
        f" The config itself changes several things at once, {' and '.join(changes)}: which of them makes a difference "
        "is not told."
        for changes in dict.fromkeys(result.changes for result in audits if len(result.changes) > 1)
    )
    if clocks:
        also += f" {_among(audits, 'seconds')} differ in what bears on seconds alone: {', '.join(clocks)}."
    if not strange:
        return f"Besides what the config declares, there is no recorded confounder within pairs.{also}"
    return (
        f"{_among(audits, 'results')} differ in more than the config declares: {', '.join(strange)}. What follows "
        f"from that cannot be told from what follows from the variant.{also}"
    )


def _among(audits: Sequence[Audit], touched: Touches) -> str:
    number = sum(any(each.touches == touched for each in result.undeclared) for result in audits)
    return "The sides" if len(audits) == 1 else f"In {number} of {len(audits)} comparisons the sides"


def alike(audits: Sequence[Audit]) -> str:
    """What is the same within every pair of all comparisons, and what no record holds."""
    same = [what for what in audits[0].alike if all(what in each.alike for each in audits)]
    unknown = dict.fromkeys(what for each in audits for what in each.unknown)
    said = [f"The two trials of every pair have the same: {', '.join(same)}."] if same else []
    return " ".join(said + ([f"Not recorded, and so not known: {', '.join(unknown)}."] if unknown else []))


def _table(paired: Audited, differences: Callable[[Audit], Iterable[Difference]]) -> pd.DataFrame:
    """One row for each variant and difference, with the places where it is so if these are not all."""
    places: dict[str, list[str]] = {}
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for comparison, result in paired:
        place = place_label(comparison.coordinates)
        places.setdefault(comparison.variant, []).append(place)
        for each in differences(result):
            some = f"{place}: " if place else ""
            where = f"{some}{each.pairs} of {result.pairs} pairs" if each.pairs < result.pairs else place
            rows.setdefault((comparison.variant, each.what, each.one, each.other), []).append(where)
    columns = ["variant", "differs in", f"of {paired[0][0].baseline}", "of the variant", "where"]
    cells = [(*key, "" if at == places[key[0]] else first(at, "; ", " and {} more")) for key, at in rows.items()]
    found = pd.DataFrame(cells, columns=columns, dtype="object")
    return found if any(found["where"]) else found.drop(columns="where")
