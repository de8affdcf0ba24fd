"""What is said of a claim: as a row of the table of `bnexp claims`, as its card, and as plain data for programs."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from bnexp.claims.contrast import TRIALS, Contrast, measure
from bnexp.claims.rules import complete
from bnexp.claims.verdict import Judged, Tested
from bnexp.reporting.commands import claim_commands
from bnexp.reporting.numbers import ABSENT, Number, decimals, fixed, interval, p_value, ratio, significant
from bnexp.reporting.phrases import first, out_of
from bnexp.specs.claims import AnyRule, AtLeast, Equivalence, Interaction, Noninferiority, Ratio, Superiority
from bnexp.specs.experiment import seeds_needed
from bnexp.specs.wording import place_label
from bnexp.stats.estimates import Interval

HEADER = ("claim", "who says it", "verdict", "n", "estimate", "of", "where")
"""The columns of `rows`."""

PLACES = (
    ">n",
    ">estimate",
    "trained: treatment, control",
    ">p (supported)",
    ">p (refuted)",
    ">p (no difference)",
    "verdict",
)
"""Those of `places`, after the place; numbers begin with `>`."""

NAMED = 4
"""So many places that have a verdict are named; of more the number is told."""

FEW = 3
"""So many places are told one by one in a card."""

EVIDENCE = "evidence"
"""The line of a card that `places` tells as a table."""


SUMMARY = ("claim", "verdict", "n", "estimate", "of", "where")
"""The columns of `summary`."""


def summary(found: Sequence[Judged]) -> list[list[str]]:
    """One row for each claim but those that a config calls exploratory: how a report of several experiments opens."""
    chosen = [each for each in found if not each.claim.exploratory]
    return [[each.claim.text, *_row(each)] for each in chosen]


def rows(found: Sequence[Judged], *, in_words: bool = False) -> list[list[str]]:
    """One row for each claim, told by its id; or `in_words` too, with the link to who says it."""
    return [
        [
            f"{each.claim.text} ({each.id})" if in_words else each.id,
            (each.claim.by if in_words else each.claim.by.partition(", http")[0]) or ABSENT,
            *_row(each, NAMED if in_words else 1),
        ]
        for each in found
    ]


def _row(found: Judged, listed: int = NAMED) -> list[str]:
    return [verdict(found), _seeds(found), _estimates(found), _estimated(found), where(found, listed) or ABSENT]


def _estimated(found: Judged) -> str:
    """What the estimate is of: `gn − bn`, `bn / none`."""
    claim = found.claim
    if isinstance(claim.rule, Interaction):
        than = claim.rule.than
        other = f"{than.treatment or claim.treatment} − {than.control or claim.control}" if than.variants else ""
        beyond = " at ".join(filter(None, (other, place_label(than.where))))
        return f"{claim.treatment} − {claim.control}, beyond that of {beyond}"
    return (
        f"{claim.treatment} {'/' if any(each.contrast.unit == '×' for each in found.places) else '−'} {claim.control}"
    )


def verdict(found: Judged) -> str:
    """`supported`, `supported, within the margin`, `refuted (exploratory)`."""
    within = ", within the margin" if found.within and found.verdict == "supported" and _has_margin(found) else ""
    return found.verdict + within + (" (exploratory)" if found.exploratory else "")


def _has_margin(found: Judged) -> bool:
    return isinstance(found.claim.rule, Superiority) and found.claim.rule.margin is not None


def where(found: Judged, listed: int = NAMED) -> str:
    """`batch size 2; batch size 4; supported at batch size 64`: the places of the verdict, and those of the opposite.

    Of more than `listed` of them the number.  Empty where no place has one, or there is one alone.
    """
    if len(found.places) == 1:
        return ""
    if len(found.where) == len(found.places):
        return "" if found.verdict == "inconclusive" else "every place"
    told = []
    for verdict in sorted(("supported", "refuted", "no difference"), key=lambda one: one != found.verdict):
        labels = [place_label(each.contrast.place) for each in found.places if each.verdict == verdict]
        if labels:
            prefix = "" if verdict == found.verdict else f"{verdict} at "
            several = f"{len(labels)} of {len(found.places)} places"
            told.append(prefix + ("; ".join(labels) if len(labels) <= listed else several))
    return "; ".join(told)


def _seeds(found: Judged) -> str:
    """`10`, `8–10 of 10`."""
    n = sorted({len(each.contrast.seeds) for each in found.places})
    planned = max((each.contrast.planned for each in found.places), default=0)
    told = "–".join(map(str, [n[0], n[-1]] if len(n) > 1 else n or [0]))
    return told if n and n[0] == planned else f"{told} of {planned}"


def _estimates(found: Judged) -> str:
    """Of one place the estimate with its interval; of several the range of their means."""
    if len(found.places) == 1:
        return _estimate(found.places[0])
    known = [each for each in found.places if not math.isnan(each.contrast.estimate.mean)]
    means = sorted((Number(_middle(each), each.contrast.estimate.mean) for each in known), key=lambda mean: mean.value)
    ends = dict.fromkeys(map(str, [*means[:1], *means[-1:]]))
    count = f"{len(known)} of {len(found.places)}" if len(known) < len(found.places) else f"{len(known)}"
    return f"{' to '.join(ends)} ({count} places)" if ends else ABSENT


def _middle(each: Tested) -> str:
    return _estimate(each).partition(" [")[0]


def _estimate(each: Tested) -> str:
    """`+0.18 pp [+0.10, +0.26]`, `0.42× [0.36, 0.49]`."""
    return with_unit(each.contrast.estimate, each.contrast.unit)


def with_unit(found: Interval, unit: str) -> str:
    """`+0.18 pp [+0.10, +0.26]`; of `TRIALS` without an interval."""
    if unit == TRIALS:
        return f"{fixed(found.mean, 0, sign=True)} {unit}" if found.n else ABSENT
    text = str(ratio(found) if unit == "×" else interval(found, sign=True))
    return text if text.startswith(ABSENT) else text.replace(" ", f" {unit} " if unit == "pp" else f"{unit} ", 1)


def rule(found: Judged) -> str:
    """The rule in words."""
    claim, more = found.claim, ""
    if isinstance(claim.rule, Superiority | AtLeast | Noninferiority):
        more = f", or {claim.treatment} trains in more trials"
    elif isinstance(claim.rule, Interaction) and claim.rule.effect == "larger":
        more = ", or so is that of how often they train"
    elif isinstance(claim.rule, Ratio) and any(len(each.contrast.course) > 1 for each in found.places):
        more = ", on average over looks that lie logarithmically, so that early ones count most"
    several = "" if len(found.places) == 1 else f", {claim.holds}"
    return claim.rule.told(*claim.variants, measure(claim)) + more + several


def card(found: Judged, results: Path) -> dict[str, str]:
    """What there is to know of a claim of a results folder, by what it is."""
    places = [f"{_prefix(each)}{_evidence(found, each)}" for each in found.places]
    if len(places) > FEW:
        places = [f"{_estimates(found)}, n = {_seeds(found)}"]
    lines = {
        "said by": found.claim.by,
        "verdict": _verdict_line(found),
        EVIDENCE: first(places, "; ", "; {} more places") or "no trial yet",
        "look by look": "; ".join(_course(found)) if len(found.places) <= FEW else "",
        "with moving averages": first(_deployed(found), "; ", "; {} more places"),
        "to settle it": first(_open(found), "; ", "; {} more places", FEW),
        "rule": f"{rule(found)} (SHA-256 {found.hash[:12]}, {registered(found)})",
        "published": first(_published(found), "; ", "; {} more"),
        "exact twin": found.claim.twin,
        "repeat": "; ".join(claim_commands(found.plan, found.id, results)),
    }
    return {what: line for what, line in lines.items() if line}


def registered(found: Judged) -> str:
    """Whether the rule was stored before the first trial, and what makes its verdict exploratory."""
    stored = "" if found.id in found.plan.late else "stored before the first trial"
    return ", ".join(filter(None, (stored, found.exploratory)))


def _verdict_line(found: Judged) -> str:
    places = where(found)
    link = "" if not places else ": " if found.verdict == "inconclusive" else " at "
    p = "" if found.verdict == "no difference" else f"p = {p_value(found.p_holm)} after ".replace("= <", "< ")
    corrected = f" ({p}Holm's correction over the {found.family} claims of this folder)" if found.family > 1 else ""
    return f"{verdict(found)}{link}{places}{corrected}"


def _prefix(each: Tested) -> str:
    label = place_label(each.contrast.place)
    return f"{label}: " if label else ""


def _evidence(found: Judged, each: Tested) -> str:
    c = each.contrast
    told = [_estimate(each), out_of(len(c.seeds), c.planned)]
    if c.own:
        told.insert(1, "{} here and {} there".format(*_effects(c)))
    if c.outcomes and (c.unit == TRIALS or not all(map(all, c.outcomes))):
        told.append(_trained(found, each))
    return f"{', '.join(told)}" + (f", {each.verdict}" if len(found.places) > 1 else "")


def _effects(c: Contrast) -> list[str]:
    """Of an interaction, the mean effects at the claim's own place and at the other, `+6.4 pp`."""
    return [f"{fixed(float(np.mean(d)), decimals(c.estimate.half_width), sign=True)} pp" for d in (c.own, c.there)]


def _course(found: Judged) -> Iterator[str]:
    """`model cnn: 58× at step 0, 0.51× at 32`: of what a probe measured, at each look."""
    for each in found.places:
        looks = [f"{significant(ratio, 3)}× at {step}" for step, ratio in each.contrast.course.items()]
        if len(looks) > 1:
            yield f"{_prefix(each)}{', '.join(looks)} steps"


def _deployed(found: Judged) -> Iterator[str]:
    """Of a claim about recalibrated statistics the same of test accuracy, as a network is used; exploratory."""
    for label, told in found.deployed:
        yield f"{f'{place_label(label)}: ' if label else ''}{with_unit(told, 'pp')}"


def _trained(found: Judged, each: Tested) -> str:
    """`bn trained in 3 of 10, none in 10 of 10`."""
    n, (control, treatment) = len(each.contrast.outcomes), each.contrast.trained
    return f"{found.claim.treatment} trained in {treatment} of {n}, {found.claim.control} in {control} of {n}"


def _open(found: Judged) -> Iterator[str]:
    """For each place without a verdict what so many seeds could have shown, and how many would settle it."""
    for each in found.places if found.verdict == "inconclusive" else ():
        if each.verdict == "inconclusive":
            yield f"{_prefix(each)}{settling(found, each)}"


def settling(found: Judged, each: Tested) -> str:
    """What so many seeds could have shown at a place, and how many would settle it."""
    c, needed = each.contrast, seeds_needed(found.shared)
    if nothing := c.refusal or (f"{_trained(found, each)}, which shows neither" if c.outcomes and not c.seeds else ""):
        return nothing
    if c.fixed and c.pending:
        return f"this rule is read when all planned pairs have a result; {c.pending} of {c.planned} have none yet"
    if len(c.seeds) < needed:
        return f"n = {len(c.seeds)} can confirm nothing, n = {needed} can"
    if not complete(found.claim, c):
        what = "have a number of the probe at all its looks" if isinstance(found.claim.rule, Ratio) else "trained"
        return f"only {len(c.seeds)} of {len(c.outcomes)} pairs {what} on both sides; this rule takes nine tenths"
    could, settles = found.could_show(each), found.seeds_to_settle(each)
    if math.isnan(settles):
        pairs = "fewer than {} seeds can show nothing, and of times, or of seeds without scatter, no more can be said"
        if c.unit == TRIALS:
            pairs = "{} pairs of which one alone trained, always the same side, would"
        return f"n = {len(c.seeds)} shows neither; {pairs.format(needed)}"
    told = f"n = {len(c.seeds)} shows neither" if math.isnan(could) else f"n = {len(c.seeds)} could have shown "
    if not math.isnan(could):
        told += f"{_could(found.claim.rule, could)} (80 % power)"
    seeds = "more than 200 seeds" if math.isinf(settles) else f"{settles:.0f} seeds"
    return f"{told}; if what is estimated is the truth, {seeds} settle it in 80 % of cases"


def _could(rule: AnyRule, could: float) -> str:
    """`power.could_show` in words."""
    if isinstance(rule, Ratio):
        return f"it {'within a factor of' if len(rule.bounds) > 1 else 'of a true ratio of'} {could:.2f}"
    size = significant(could, 2)
    if isinstance(rule, Equivalence):
        return f"a margin of {size} pp"
    return f"it of a true {'−' if could < 0 else '+'}{size.lstrip('−')} pp"


def _published(found: Judged) -> Iterator[str]:
    """Each figure beside ours, place by place; once where the same is to be said of every place."""
    told: dict[str, list[str]] = {}
    for each in found.places:
        for one in each.replications:
            why = one.why or f"our {_estimate(each)}"
            inside = {"yes": "inside ", "no": "outside "}.get(one.verdict, "")
            times = each.contrast.unit == "×"
            figure = f"{one.figure.value:g}×" if times else f"{one.figure.value:+g} {each.contrast.unit}"
            text = f"{figure.replace('-', '−')} ({one.figure.source}), replicates: {one.verdict} ({inside}{why})"
            told.setdefault(text, []).append(_prefix(each))
    for text, prefixes in told.items():
        yield from [text] if len(prefixes) == len(found.places) else (f"{prefix}{text}" for prefix in prefixes)


def places(found: Judged) -> tuple[list[str], list[list[str]]]:
    """A table of the places: its columns and rows; of an interaction with the effects here and there."""
    apart = isinstance(found.claim.rule, Interaction)
    rows = [
        [
            place_label(each.contrast.place) or "all",
            f"{len(each.contrast.seeds)}/{each.contrast.planned}",
            _estimate(each),
            *((_effects(each.contrast) if each.contrast.own else [ABSENT] * 2) if apart else []),
            _shares(each),
            *(p_value(p) for p in each.shown),
            each.verdict,
        ]
        for each in found.places
    ]
    return ["place", *PLACES[:2], *([">here", ">there"] if apart else []), *PLACES[2:]], rows


def _shares(each: Tested) -> str:
    n, (control, treatment) = len(each.contrast.outcomes), each.contrast.trained
    return f"{treatment}/{n}, {control}/{n}" if n else ABSENT


def plain(found: Judged, results: Path) -> dict[str, Any]:
    """The same as JSON data: unrounded, None where there is no number."""
    return {
        "experiment": found.experiment,
        "id": found.id,
        **found.claim.model_dump(mode="json", exclude={"published"}),
        "verdict": found.verdict,
        "within_margin": found.within,
        "exploratory": found.exploratory or None,
        "where": [each.contrast.place for each in found.where] if found.verdict != "inconclusive" else [],
        "p": _number(found.p),
        "p_holm": _number(found.p_holm),
        "family": found.family,
        "hash": found.hash,
        "registered": found.registered or None,
        "rule_in_words": rule(found),
        "places": [_plain(found, each) for each in found.places],
        "with_moving_averages": [{"place": at, "estimate": told._asdict()} for at, told in found.deployed] or None,
        "commands": claim_commands(found.plan, found.id, results),
    }


def _plain(found: Judged, each: Tested) -> dict[str, Any]:
    c = each.contrast
    is_open = each.verdict == "inconclusive"
    return {
        "place": c.place,
        "n": len(c.seeds),
        "planned": c.planned,
        "pending": c.pending,
        "seeds": list(c.seeds),
        "estimate": {key: _number(value) for key, value in c.estimate._asdict().items()},
        "unit": c.unit,
        "trained": dict(zip(("control", "treatment"), c.trained, strict=True)),
        **({"effects": dict(zip(("own", "other"), map(fmean, (c.own, c.there)), strict=True))} if c.own else {}),
        **({"looks": {str(step): _number(ratio) for step, ratio in c.course.items()}} if c.course else {}),
        "outcomes": len(c.outcomes),
        "p": {key: _number(value) for key, value in each.shown._asdict().items()},
        "verdict": each.verdict,
        "could_show": _number(found.could_show(each)) if is_open else None,
        "seeds_to_settle": _number(found.seeds_to_settle(each)) if is_open else None,
        "published": [
            {**one.figure.model_dump(mode="json"), "replicates": one.verdict, "why": one.why or None}
            for one in each.replications
        ],
        "mismatches": {str(seed): text for seed, text in c.mismatches.items()},
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def markdown(found: Sequence[Judged], results: Path, *, one: bool) -> str:
    """The table of all claims, or with `one` its card and the table of its places."""
    import pandas as pd  # noqa: PLC0415  # with matplotlib, which the others do without

    from bnexp.reporting.render.markdown import table, text  # noqa: PLC0415

    if not one:
        return table(pd.DataFrame(rows(found, in_words=True), columns=list(HEADER))).rstrip()
    told = []
    for each in found:
        header, cells = places(each)
        told.append(f"**{text(each.claim.text)}** ({text(each.experiment)}: {text(each.id)})\n")
        told += [f"- {what}: {text(line)}" for what, line in card(each, results).items() if what != EVIDENCE]
        told.append(f"\n{table(pd.DataFrame(cells, columns=[name.lstrip('>') for name in header]))}")
    return "\n".join(told).rstrip()
