"""A comparison in words, as table cells, and as plain data for programs.

No difference is ever called none, and nothing is called equal: that needs a test of equivalence.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from bnexp.evidence.compare import Compared, Comparisons
from bnexp.evidence.confounds import Audit, Difference
from bnexp.reporting.numbers import ABSENT, decimals, ends, fixed, interval, p_value, significant
from bnexp.specs.wording import place_label
from bnexp.stats.estimates import Interval


def sentences(found: Comparisons) -> list[str]:
    """One sentence for each comparison, then what is to be known of all."""
    return [*(sentence(each, found) for each in found.comparisons), *remarks(found)]


def sentence(each: Compared, found: Comparisons) -> str:
    """What may be said of one comparison, with its interval, n, test and what it could have seen."""
    place = place_label(each.coordinates)
    about = f"{each.label}{f' at {place}' if place else ''}: {each.other} against {each.one}"
    judgement = each.judgement
    if judgement.by_divergence:
        counts = " and ".join(
            f"{number} of {each.finished} trials of {side} diverged"
            for side, number in zip((each.one, each.other), each.diverged, strict=True)
        )
        head = "Regression" if judgement.verdict == "regression" else "No verdict"
        return f"{head}. {about}: {counts}; the mean over the others would flatter{_left_out(each)}."
    estimate = each.difference
    span = f"{_per_cent(found.confidence)} interval {' to '.join(ends(estimate, sign=True))}"
    middle = fixed(estimate.mean, decimals(estimate.half_width), sign=True)
    facts = [span, _pairs(each), *_rule(found), *_reached(each), *_power(each, found), _test(each, found)]
    basis = f"({', '.join(facts[:2])}; {'; '.join(facts[2:])}){_basis(each)}{_left_out(each)}"
    return f"{_head(each, found)}. {about}: {middle} {found.metric.phrase} {basis}."


def remarks(found: Comparisons) -> list[str]:
    """What bears on all comparisons at once."""
    said = []
    m = len(found.comparisons)
    if m > 1 and found.simultaneous:
        said.append(
            f"The {m} intervals hold together: the chance of even one false verdict is "
            f"{_per_cent((1 - found.confidence) * m)} at most."
        )
    elif m > 1:
        chance = 1 - (1 - (1 - found.confidence) / 2) ** m
        said.append(
            f"{m} comparisons, each with its own {_per_cent(found.confidence)} interval: were they independent and "
            f"nothing worse, at least one would show a regression with a chance of {significant(100 * chance, 2)} %; "
            "--simultaneous guards against it."
        )
    several = dict.fromkeys(each.audit.changes for each in found.comparisons if len(each.audit.changes) > 1)
    said += [more_than_one(changes) for changes in several]
    if found.mode == "versions" and not any(each.audit.declared for each in found.comparisons):
        said.append(
            "As far as the records tell, both sides were trained by the same code. (A module that your layer's file "
            "imports is not recorded.)"
        )
    if found.metric.budget is not None:
        said.append(
            "A training that does not get there counts with all its steps, so that the mean is a restricted one."
        )
    return said


def more_than_one(changes: Sequence[str]) -> str:
    """What to mind where the config changes several things at once."""
    return (
        f"The config changes more than one thing: {', '.join(changes)}. Which of them makes a difference is not told."
    )


def header(found: Comparisons) -> list[str]:
    """The columns of `rows`; those of numbers begin with `>`."""
    metric = found.metric
    names = ("A", "B") if len({(each.one, each.other) for each in found.comparisons}) > 1 else _names(found)
    sides = [f">{name} ({metric.unit})" for name in names]
    unit = metric.unit_of_differences
    return ["comparison", ">n", *sides, f">difference ({unit})", ">p", ">p (Holm)", f">could see ({unit})", "verdict"]


def rows(found: Comparisons) -> list[list[str]]:
    """One row for each comparison."""
    return [
        [
            f"{each.label}{_at(each)}",
            f"{len(each.values)}/{each.planned}",
            *(_mean(mean, found) for mean in each.means),
            interval(each.difference, sign=True),
            p_value(each.test.p),
            p_value(each.p_holm),
            _detectable(each, found),
            _verdict(each),
        ]
        for each in found.comparisons
    ]


def audit_lines(audit: Audit) -> list[str]:
    """What differs besides, for a terminal: declared, not declared, not known, not paired."""
    lines = [f"differs as declared: {difference_text(each, audit)}" for each in audit.declared]
    lines += [f"differs, not declared: {difference_text(each, audit)}{_only_time(each)}" for each in audit.undeclared]
    if audit.unknown:
        lines.append(f"not recorded: {', '.join(audit.unknown)}")
    lines += [f"no pair: {text}" for text in audit.unpaired]
    if audit.alike:
        lines.append(f"the same in every pair: {', '.join(audit.alike)}")
    return lines


def audits(found: Comparisons) -> list[str]:
    """The audit of each comparison; those of several places that say the same are told once."""
    said: dict[tuple[str, ...], list[str]] = {}
    for each in found.comparisons:
        said.setdefault(tuple(audit_lines(each.audit)), []).append(f"{each.label}{_at(each)}")
    if len(said) == 1:
        return list(next(iter(said)))
    return [line for lines, labels in said.items() for line in (f"{'; '.join(labels)}:", *(f"  {x}" for x in lines))]


def difference_text(each: Difference, audit: Audit) -> str:
    """`norm.name: none, then batch`, and in how many pairs where not in all."""
    some = f" (in {each.pairs} of {audit.pairs} pairs)" if each.pairs < audit.pairs else ""
    return f"{each.what}: {each.one} → {each.other}{some}"


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
    judgement = each.judgement
    first, second = each.means
    return {
        "experiment": each.experiment,
        "comparison": each.label,
        "coordinates": dict(each.coordinates),
        "a": each.one,
        "b": each.other,
        "verdict": judgement.verdict,
        "by_divergence": judgement.by_divergence,
        "noninferior": judgement.noninferior,
        "n": len(each.values),
        "planned": each.planned,
        "seeds": list(each.seeds),
        "values": [list(pair) for pair in each.values],
        "mean_a": _number(first.mean),
        "mean_b": _number(second.mean),
        "difference": _interval(each.difference),
        "sign_flip_p": _number(each.test.p),
        "sign_flip_smallest_p": each.test.smallest,
        "sign_flip_p_holm": _number(each.p_holm),
        "minimum_detectable_effect": _number(each.detectable),
        "finished_pairs": each.finished,
        "diverged": list(each.diverged),
        "reached": None if each.reached is None else list(each.reached),
        "paired_by_seed_only": each.declared,
        "mismatches": {str(seed): text for seed, text in each.mismatches.items()},
        "same_record": list(each.copies),
        "audit": plain_audit(each.audit),
    }


def plain_audit(audit: Audit) -> dict[str, Any]:
    """An audit as JSON data."""

    def differences(found: Iterable[Difference]) -> list[dict[str, Any]]:
        return [
            {"what": each.what, "a": each.one, "b": each.other, "pairs": each.pairs, "touches": each.touches}
            for each in found
        ]

    return {
        "pairs": audit.pairs,
        "declared": differences(audit.declared),
        "undeclared": differences(audit.undeclared),
        "alike": list(audit.alike),
        "not_recorded": list(audit.unknown),
        "unpaired": list(audit.unpaired),
    }


def _interval(estimate: Interval) -> dict[str, float | None]:
    return {key: _number(getattr(estimate, key)) for key in ("mean", "low", "high")}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _head(each: Compared, found: Comparisons) -> str:
    judgement, beyond = each.judgement, " beyond the margin" if found.margin else ""
    if judgement.verdict != "not shown":
        return f"{judgement.verdict.capitalize()}{beyond}"
    if judgement.noninferior and found.margin:
        return "No regression beyond the margin: the whole interval lies above it"
    return f"No regression{beyond} shown"


def _mean(estimate: Interval, found: Comparisons) -> str:
    """A mean with its interval; whole steps where there is no scatter to tell the digits by."""
    if found.metric.unit == "steps" and estimate.n > 1 and not estimate.half_width:
        return fixed(estimate.mean, 0)
    return interval(estimate)


def _verdict(each: Compared) -> str:
    if each.judgement.by_divergence:
        return f"{each.judgement.verdict} (diverged)" if each.judgement.verdict == "regression" else "none (diverged)"
    if each.judgement.verdict != "not shown":
        return each.judgement.verdict
    return "not worse by the margin" if each.judgement.noninferior else "no regression shown"


def _pairs(each: Compared) -> str:
    return f"n={len(each.values)}" + (f" of {each.planned}" if len(each.values) < each.planned else "")


def _rule(found: Comparisons) -> list[str]:
    unit = found.metric.unit_of_differences
    return [f"margin {found.margin:g} {unit}"] if found.margin else []


def _reached(each: Compared) -> list[str]:
    """How many trainings got to the target, of those compared."""
    if each.reached is None:
        return []
    (first, second), n = each.reached, len(each.values)
    return [f"reached by {first} of {n} of {each.one} and {second} of {n} of {each.other}"]


def _power(each: Compared, found: Comparisons) -> list[str]:
    """What so many pairs could have seen, where nothing was."""
    if each.judgement.by_resolution:
        return ["the pairs do not scatter, so that the interval is only that of how finely it was measured"]
    if each.judgement.verdict != "not shown":
        return []
    if not each.detectable:
        return ["without scatter, what so many seeds could see is unknown"]
    if found.metric.unit == "%" and each.detectable > 100:
        return ["this many seeds could see no difference at all"]
    return [f"this many seeds could see {_detectable(each, found)} {found.metric.unit_of_differences}"]


def _detectable(each: Compared, found: Comparisons) -> str:
    value = each.detectable
    if found.metric.unit == "%" and value > 100:
        return ABSENT
    return significant(value, 2) if value else ABSENT


def _test(each: Compared, found: Comparisons) -> str:
    """The sign-flip test, and what it cannot do with so few pairs."""
    test, family = each.test, each.family
    correction = f"Holm's correction over {family} comparisons"
    n = f"n={test.n}" + (f", {test.ties} of them ties" if test.ties else "")
    if test.smallest >= 0.05:
        return f"the sign-flip test cannot go below .05 with {n}: its smallest p is {test.smallest:.3g}"
    if test.smallest * family >= 0.05:
        least = min(1.0, test.smallest * family)
        return f"the sign-flip test cannot go below .05 with {n} and {correction}: its smallest p is {least:.3g}"
    text = f"sign-flip p={p_value(each.p_holm)}".replace("=<", "<") + (f" after {correction}" if family > 1 else "")
    unconfirmed = each.p_holm >= 0.05 and not each.difference.contains_zero
    return f"{text}, which does not confirm it" if unconfirmed else text


def _basis(each: Compared) -> str:
    return f"; paired by seed only, as the config declares {each.declared}" if each.declared else ""


def _left_out(each: Compared) -> str:
    said = ""
    if each.mismatches:
        why = "; ".join(f"seed {seed}: {text}" for seed, text in each.mismatches.items())
        number = len(each.mismatches)
        said = f"; {number} {'pair' if number == 1 else 'pairs'} left out, because they did not start alike ({why})"
    if each.copies:
        number = len(each.copies)
        said += f"; {number} {'pair' if number == 1 else 'pairs'} left out, because both sides hold the same record"
    return said


def _only_time(each: Difference) -> str:
    return " [bears on seconds only]" if each.touches == "seconds" else ""


def _names(found: Comparisons) -> tuple[str, str]:
    first = found.comparisons[0]
    return first.one, first.other


def _at(each: Compared) -> str:
    place = place_label(each.coordinates)
    return f", {place}" if place else ""


def _per_cent(share: float) -> str:
    return f"{100 * share:.4g} %"
