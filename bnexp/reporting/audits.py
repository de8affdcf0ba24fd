"""What differs between the sides of the comparisons besides the thing compared: a sentence, and two short tables."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from bnexp.evidence.confounds import Audit, Difference
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.specs.wording import place_label

LISTED = 6
"""So many places are named; the rest is counted."""


@dataclass(frozen=True)
class Audited:
    """The audits of all comparisons of an experiment, told together as far as they say the same."""

    sentence: str
    """Whether anything else could explain a difference; empty where there is nothing to compare."""
    alike: str
    """What is the same within every pair, and what is not known."""
    confounded: bool
    """Whether something that the config does not declare differs and bears on more than time."""
    undeclared: pd.DataFrame
    """One row for each such difference; as text."""
    declared: pd.DataFrame
    """One row for each difference that the config declares, or that follows from it; as text."""


def audited(evidence: Evidence) -> Audited:
    """The audits of every comparison that has a pair."""
    audits = evidence.confounds
    found = [(each, audits[each.point]) for each in evidence.comparisons if each.point in audits]
    paired = [(each, result) for each, result in found if result.pairs]
    return Audited(
        sentence=sentence([result for _, result in paired]),
        alike=alike([result for _, result in paired]),
        confounded=any(result.confounds() for _, result in paired),
        undeclared=_table(paired, lambda result: result.undeclared),
        declared=_table(paired, lambda result: result.declared),
    )


def sentence(audits: Sequence[Audit]) -> str:
    """Whether anything but what the config declares could explain a difference; empty without audits."""
    if not audits:
        return ""
    strange = dict.fromkeys(each.what for result in audits for each in result.confounds())
    several = dict.fromkeys(result.changes for result in audits if len(result.changes) > 1)
    many = "".join(
        f" The config itself changes several things at once, {' and '.join(changes)}: which of them makes a difference "
        "is not told."
        for changes in several
    )
    clocks = dict.fromkeys(each.what for result in audits for each in result.undeclared if each.touches == "seconds")
    also = (
        f" {_among(audits, seconds=True)} differ in what bears on seconds alone: {', '.join(clocks)}." if clocks else ""
    )
    if not strange:
        nothing = "nothing that is recorded and bears on accuracy differs within a pair"
        return f"Besides what the config declares, {nothing}.{many}{also}"
    return (
        f"{_among(audits, seconds=False)} differ in more than the config declares: {', '.join(strange)}. What follows "
        f"from that cannot be told from what follows from the variant.{many}{also}"
    )


def alike(audits: Sequence[Audit]) -> str:
    """What is the same within every pair of all comparisons, and what no record holds; empty without audits."""
    if not audits:
        return ""
    same = [what for what in audits[0].alike if all(what in each.alike for each in audits)]
    unknown = dict.fromkeys(what for each in audits for what in each.unknown)
    said = [f"The two trials of every pair have the same: {', '.join(same)}."] if same else []
    said += [f"Not recorded, and so not known: {', '.join(unknown)}."] if unknown else []
    return " ".join(said)


def _among(audits: Sequence[Audit], *, seconds: bool) -> str:
    touched = "seconds" if seconds else "results"
    number = sum(any(each.touches == touched for each in result.undeclared) for result in audits)
    return "The sides" if len(audits) == 1 else f"In {number} of {len(audits)} comparisons the sides"


def _table(
    paired: Sequence[tuple[Comparison, Audit]], differences: Callable[[Audit], Iterable[Difference]]
) -> pd.DataFrame:
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
    base = paired[0][0].baseline if paired else "baseline"
    columns = ["variant", "differs in", f"of {base}", "of the variant", "where"]
    found = [[*key, "" if where == places[key[0]] else _where(where)] for key, where in rows.items()]
    if not any(row[-1] for row in found):
        columns, found = columns[:-1], [row[:-1] for row in found]
    return pd.DataFrame(found, columns=columns, dtype="object")


def _where(places: Sequence[str]) -> str:
    more = f" and {len(places) - LISTED} more" if len(places) > LISTED else ""
    return "; ".join(places[:LISTED]) + more
