"""What `bnexp compare` says: in words, as table cells, and as plain data for programs.

No difference is ever called none, and nothing is called equal: that needs a test of equivalence.
"""

import math
from collections.abc import Iterable
from typing import Any

from bnexp.evidence.compare import Compared, Comparisons
from bnexp.evidence.confounds import Audit, Difference
from bnexp.evidence.metric import Metric
from bnexp.evidence.rule import LEVEL, direction
from bnexp.reporting.numbers import ABSENT, interval, p_value, ratio, significant, time
from bnexp.reporting.phrases import (
    at,
    can_detect,
    change,
    counted,
    effect,
    left_out,
    out_of,
    per_cent,
    pp,
    span,
    tested,
    trained,
    untrained,
)
from bnexp.specs.wording import place_label


def sentences(found: Comparisons) -> list[str]:
    """One sentence for each comparison, then what is to be known of all."""
    return [*(sentence(each, found) for each in found.comparisons), *remarks(found)]


def sentence(each: Compared, found: Comparisons) -> str:
    """What may be said of one comparison, with its interval, n, test and what it can detect."""
    about = f"{each.label}{at(each.coordinates)}: {each.other} against {each.one}"
    pairs = counted(len(each.copies), "pair")
    said = [_head(each, found), f"{about}: {_found(each, found)}"]
    said += [left_out(each.mismatches)] if each.mismatches else []
    said += [f"{pairs} left out, because both sides hold the same record"] if each.copies else []
    return f"{'. '.join(said)}."


def remarks(found: Comparisons) -> list[str]:
    """What bears on all comparisons at once."""
    said = []
    m, confidence = len(found.comparisons), per_cent(found.confidence)
    if m > 1 and found.simultaneous:
        chance = per_cent((1 - found.confidence) * m)
        said.append(f"The {m} intervals hold together: the chance that even one is wrong is {chance} at most.")
    elif m > 1:
        said.append(
            f"{m} comparisons, each with its own {confidence} interval; the verdicts are corrected for their number "
            "(Holm)."
        )
    said += [
        f"The config changes more than one thing: {', '.join(changes)}. Which of them makes a difference is not told."
        for changes in dict.fromkeys(each.audit.changes for each in found.comparisons)
        if len(changes) > 1
    ]
    if found.mode == "versions" and not any(each.audit.declared for each in found.comparisons):
        said.append("As far as the records tell, both sides were trained by the same code.")
    return said


def header(found: Comparisons) -> list[str]:
    """The columns of `rows`; those of numbers begin with `>`."""
    names = {(each.one, each.other) for each in found.comparisons}
    sides = [f">{name} ({found.metric.unit})" for name in (names.pop() if len(names) == 1 else ("A", "B"))]
    difference, detectable = (f">{what} ({pp(found.metric)})" for what in ("difference", "detectable difference"))
    difference = ">ratio" if found.metric.runs else difference
    return ["comparison", ">n", *sides, difference, ">p", ">p (Holm)", detectable, "verdict"]


def rows(found: Comparisons) -> list[list[str]]:
    """One row for each comparison."""
    return [
        [
            _named(each),
            f"{len(each.values)}/{each.planned}",
            *(map(time, each.times) if each.times else map(interval, each.means)),
            effect(each),
            p_value(each.test.p),
            p_value(each.p_holm),
            _detectable(each, found.metric),
            _verdict(each),
        ]
        for each in found.comparisons
    ]


def audits(found: Comparisons) -> list[str]:
    """The audit of each comparison; those of several places that say the same are told once."""
    said: dict[tuple[str, ...], list[str]] = {}
    for each in found.comparisons:
        said.setdefault(tuple(_audit(each.audit)), []).append(_named(each))
    if len(said) == 1:
        return list(next(iter(said)))
    return [line for told, names in said.items() for line in (f"{'; '.join(names)}:", *(f"  {x}" for x in told))]


def plain(found: Comparisons) -> dict[str, Any]:
    """The same as JSON data: unrounded, None where there is no number."""
    return {
        "mode": found.mode,
        "metric": found.metric.name,
        "unit": found.metric.unit_of_differences,
        "higher_is_better": found.metric.higher_is_better,
        "margin": found.margin,
        "confidence": found.confidence,
        "simultaneous": found.simultaneous,
        "comparisons": [_plain(each) for each in found.comparisons],
        "only_one_side": list(found.unmatched),
    }


def _plain(each: Compared) -> dict[str, Any]:
    first, second = each.means
    mean, low, high, _ = each.difference
    return {
        "experiment": each.experiment,
        "comparison": each.label,
        "coordinates": dict(each.coordinates),
        "a": each.one,
        "b": each.other,
        "verdict": each.verdict,
        "noninferior": each.noninferior,
        "n": len(each.values),
        "pending": each.pending,
        "sequential": each.sequential,
        "planned": each.planned,
        "seeds": list(each.seeds),
        "values": [[value if math.isfinite(value) else None for value in pair] for pair in each.values],
        "difference": _finite(mean=mean, low=low, high=high),
        **_finite(
            mean_a=first.mean,
            mean_b=second.mean,
            sign_flip_p=each.test.p,
            sign_flip_smallest_p=each.test.smallest,
            sign_flip_p_holm=each.p_holm,
            minimum_detectable_effect=each.detectable,
        ),
        "outcome_pairs": len(each.outcomes),
        "trained": list(each.trained),
        **_finite(trained_p=each.trained_test.p, trained_p_holm=each.trained_p_holm),
        "reached": each.times and [side.reached for side in each.times],
        "medians": each.times and [list(_finite(after=side.after, to=side.median).values()) for side in each.times],
        "paired_by_seed_only": each.declared,
        "mismatches": {str(seed): text for seed, text in each.mismatches.items()},
        "same_record": list(each.copies),
        "audit": {
            "pairs": each.audit.pairs,
            "declared": _differences(each.audit.declared),
            "undeclared": _differences(each.audit.undeclared),
            "alike": list(each.audit.alike),
            "not_recorded": list(each.audit.unknown),
            "unpaired": list(each.audit.unpaired),
        },
    }


def _differences(found: Iterable[Difference]) -> list[dict[str, Any]]:
    return [
        {"what": each.what, "a": each.one, "b": each.other, "pairs": each.pairs, "touches": each.touches}
        for each in found
    ]


def _finite(**numbers: float) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def _audit(audit: Audit) -> list[str]:
    """What differs besides, for a terminal: declared, not declared, not known, not paired."""

    def text(each: Difference) -> str:
        some = f" (in {each.pairs} of {audit.pairs} pairs)" if each.pairs < audit.pairs else ""
        return f"{each.what}: {each.one} → {each.other}{some}"

    said = [f"differs as declared: {text(each)}" for each in audit.declared]
    for each in audit.undeclared:
        only = " [bears on seconds only]" if each.touches == "seconds" else ""
        said.append(f"differs, not declared: {text(each)}{only}")
    said += [f"not recorded: {', '.join(audit.unknown)}"] if audit.unknown else []
    said += [f"no pair: {each}" for each in audit.unpaired]
    return said + ([f"the same in every pair: {', '.join(audit.alike)}"] if audit.alike else [])


def _head(each: Compared, found: Comparisons) -> str:
    beyond = " beyond the margin" if found.margin and each.trains == "undecided" else ""
    if each.verdict != "not shown":
        return f"{each.verdict.capitalize()}{beyond}"
    if each.noninferior and found.margin:
        return "No regression beyond the margin: the whole interval lies above it"
    return f"No regression{beyond} shown"


def _found(each: Compared, found: Comparisons) -> str:
    counts = trained(each, each.one, each.other)
    if counts and not each.values:
        return counts
    metric, n = found.metric, len(each.values)
    what = f"{pp(metric)} of {metric.label}" if metric.unit in ("%", "nats") else metric.label
    limit = f"{1 + found.margin:g} times the steps" if each.ratio else f"{found.margin:g} {pp(metric)}"
    facts = [f"margin {limit}"] if found.margin else []
    if each.times:
        first, second = (side.reached for side in each.times)
        facts.append(f"reached by {first} of {n} of {each.one} and {second} of {n} of {each.other}")
    facts += [*_power(each, metric), _test(each)]
    facts += [untrained(each, each.other)] if each.noninferior else []
    interval = f"{per_cent(found.confidence)} interval" if each.ratio else span(each.difference, found.confidence)
    shown = f"{interval}, {out_of(n, each.planned)}"
    basis = f"; paired by seed only, as the config declares {each.declared}" if each.declared else ""
    among = f"{counts}; {'over all pairs' if metric.runs else 'where both trained'}: " if counts else ""
    size = f"{ratio(each.ratio)} times the" if each.ratio else change(each.difference)
    size = "no ratio of" if each.ratio and math.isnan(each.ratio.mean) else size
    return f"{among}{size} {what} ({shown}; {'; '.join(facts)}){basis}"


def _power(each: Compared, metric: Metric) -> list[str]:
    """What so many pairs can detect, where nothing was shown."""
    if each.by_resolution:
        return ["the pairs do not scatter, so that the interval is only that of how finely it was measured"]
    if each.verdict != "not shown" or each.ratio or each.sequential:
        return []
    if each.least >= LEVEL:  # the test says it
        return []
    if math.isnan(each.detectable):
        return ["without scatter, the detectable difference is unknown"]
    size = _detectable(each, metric)
    return [can_detect(len(each.values), "no difference at all" if size == ABSENT else f"{size} {pp(metric)}")]


def _detectable(each: Compared, metric: Metric) -> str:
    """Accuracies cannot differ by more than 100 points."""
    possible = math.isfinite(each.detectable) and not (metric.unit == "%" and each.detectable > 100)
    return significant(each.detectable, 2) if possible else ABSENT


def _name(each: Compared) -> str:
    return "log-rank test" if each.ratio else "sequential test" if each.sequential else "sign-flip test"


def _test(each: Compared) -> str:
    """The sign-flip test, whether it confirms the interval, and what it cannot do with so few pairs."""
    seen = not each.ratio and direction(each.difference, 0.0, margin=each.beyond) != "undecided"
    unconfirmed = seen and each.least < LEVEL <= each.p_holm
    of = " of a difference beyond the margin" if each.beyond and each.least < LEVEL else ""
    said = f"{tested(_name(each), each)}{of}"
    return f"{said}, which does not confirm it" if unconfirmed else said


def _verdict(each: Compared) -> str:
    verdict = each.verdict
    if verdict != "not shown":
        return verdict if each.trains == "undecided" else f"{verdict} (share that trained)"
    return "not worse by the margin" if each.noninferior else "no regression shown"


def _named(each: Compared) -> str:
    return ", ".join(part for part in (each.label, place_label(each.coordinates)) if part)
