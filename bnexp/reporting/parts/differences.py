"""What may be said of the primary metric, in plain sentences that are computed: one per comparison.

No difference is ever called none, nothing is called equal, and equivalent only what a test of equivalence shows to be.
A difference is asserted only where interval and corrected test agree (`evidence.rule`), and of no other metric.
"""

from collections.abc import Sequence
from typing import get_args

import pandas as pd

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST, LEVEL, Verdict
from bnexp.reporting.columns import estimated, framed
from bnexp.reporting.numbers import ABSENT, decimals, ends, fixed, headings, p_value, significant
from bnexp.reporting.part import Context, Part, Table
from bnexp.reporting.parts.moving_averages import caveat
from bnexp.reporting.parts.time_to_accuracy import SOONER, told
from bnexp.reporting.phrases import (
    amount,
    at,
    can_detect,
    change,
    counted,
    effect,
    left_out,
    out_of,
    p_phrase,
    pp,
    span,
    tested,
    times_as_long,
    trained,
    untrained,
)
from bnexp.specs.experiment import seeds_needed
from bnexp.specs.wording import every

COMPARED = {
    "baseline": ("object", "baseline"),
    "metric": ("object", "metric.name"),
    "n_pairs": ("int64", "difference.n"),
    "n_planned": ("int64", "planned"),
    **estimated(
        "difference", "difference"
    ),  # in the metric's unit, of accuracies percentage points; of times the ratio
    "detectable": ("float64", "detectable"),
    "margin": ("float64", "margin"),
    "equivalence_p_holm": ("float64", "equivalence_p_holm"),
    "p": ("float64", "test.p"),
    "p_holm": ("float64", "p_holm"),
    "holm_family": ("int64", "family"),
    "verdict": ("object", "verdict"),
}
"""Column to its type in pandas, and where its value stands in a comparison; after `variant` and the grid keys."""


def tally(against: Sequence[Comparison]) -> str:
    """How many comparisons came to which verdict."""
    verdicts = [each.verdict for each in against]
    count = {name: verdicts.count(name) for name in get_args(Verdict)}
    baselines, metric, margin = (
        [*dict.fromkeys(each.baseline for each in against)],
        against[0].metric,
        against[0].margin,
    )
    counts = [f"{metric.label} is higher in {count['higher']} and lower in {count['lower']}"]
    counts += [] if margin is None else [f"equivalent within ±{margin:g} {pp(metric)} in {count['equivalent']}"]
    text = f"Of {counted(len(against), 'comparison')} with {every(baselines)}, {', '.join(counts)}, and no "
    text += f"difference is detected in {count['undecided']}"
    text += f"; in {count['nothing']} nothing can be said of the mean" if count["nothing"] else ""
    text += f"; {count['pending']} have planned pairs without a result yet" if count["pending"] else ""
    more, less = (sum(each.trains == found for each in against) for found in ("higher", "lower"))
    return text + "." + (f" It trains more often in {more} and less often in {less}." if more or less else "")


def differences(evidence: Evidence, _: Context) -> Part | None:
    """One sentence per comparison, with what must be known of moving averages beside it."""
    caveats = {condition.point: caveat(condition) for condition in evidence.conditions}
    caveats = caveats if evidence.plan.primary == "test-accuracy" else {}
    said = [difference(each) + caveats.get(each.point, "") for each in evidence.primary]
    what = evidence.primary[0].metric.label if said else ""
    about = counted(len(said), f"comparison of {what}", f"comparisons of {what}")
    return Part("Every test, in words", about, sentences=tuple(said)) if said else None


def primary(evidence: Evidence, _: Context) -> Part | None:
    """A table of the comparisons that the table of test accuracy does not show: other baselines, another metric."""
    found = [each for each in evidence.primary if each not in evidence.comparisons]
    if not found:
        return None
    rows = [
        {
            "variant": each.variant,
            "against": each.baseline,
            **headings(each.coordinates),
            "pairs": f"{each.difference.n}/{each.planned}",
            "ratio" if each.ratio else f"difference ({pp(each.metric)})": effect(each),
            "detectable difference": significant(each.detectable, 2),
            "p (Holm)": ABSENT if each.pending else p_value(each.p_holm),
            "verdict": each.verdict,
        }
        for each in found
    ]
    table = Table(
        f"Comparisons of {evidence.plan.name} in {found[0].metric.label}",
        pd.DataFrame(rows, dtype="object"),
        framed(found, found, COMPARED),
        file="comparisons",
        legend=(
            "Over pairs of one seed, of times all, else those in which both trained, with the 95 % interval.",
            f"Holm's correction is over all {counted(len(evidence.primary), 'comparison')} of the experiment.",
        ),
    )
    return Part("Further comparisons", counted(len(found), "comparison"), tables=(table,))


def looked(evidence: Evidence) -> list[str]:
    """Where seeds were added until all was decided: how often it was looked at."""
    looks = evidence.plan.looks
    if looks is None:
        return []
    seen = f"{counted(len(looks), 'look')}, after {every([*map(str, looks)])} seeds" if looks else "no look yet"
    text = f"Seeds were added until each comparison was decided, or to their limit: {seen}. Tests and intervals are "
    return [text + "those of a sequential rule, which holds at every look."]


def headline(c: Comparison) -> str:
    """`no difference detected, +0.11 pp [−0.04, +0.27], n = 10 (could have detected 0.29 pp)`: the first screen's."""
    n = out_of(c.difference.n, c.planned)
    if c.baseline_point is None or c.same or not c.difference.n:
        return f"nothing to compare: {_nothing(c)}"
    shown = f"{amount(c)}, {n}"
    if c.ratio:
        shown = f"{times_as_long(c.ratio)} the steps, {n}"
    if c.pending:
        return f"not yet: {c.pending} of {counted(c.planned, 'planned pair')} without a result; so far {shown}"
    if c.verdict in ("higher", "lower", "equivalent"):
        test = "sequential" if c.sequential else "log-rank" if c.ratio else "sign-flip"
        within, name, p = "", "Holm-adjusted" if c.family > 1 else test, c.p_holm
        if c.verdict == "equivalent":
            within, name, p = f" within ±{c.margin:g} {pp(c.metric)}", "TOST", c.equivalence_p_holm
        here = " on these test images" if _elsewhere(c) else ""
        verdict = SOONER[c.verdict] if c.ratio else c.verdict
        return f"{verdict}{within}{here}, {shown} ({p_phrase(name, p, 1)})"
    if c.difference.n > 1 and not c.ratio and not any(c.differences):
        return f"no difference detected, 0 {pp(c.metric)} in each pair, {n}"
    if c.verdict == "nothing" or c.least >= LEVEL:
        needed = seeds_needed(c.family)
        why = f"at least {needed} needed" if needed > c.test.n else f"{counted(c.test.ties, 'tie')} among them"
        return f"too few pairs to detect a difference, {shown} ({why})"
    could = "undecided: more seeds may tell" if c.sequential else f"could have detected {_detectable(c)}"
    return f"no difference detected, {shown}{'' if c.ratio else f' ({could})'}"


def _nothing(c: Comparison) -> str:
    if c.same:
        return "both are the same trials under two names"
    if c.baseline_point is None:
        return f"{c.baseline} was not trained there"
    return "no pair in which both trained" if c.outcomes else "no pair of finished trials yet"


def outcomes(c: Comparison) -> str:
    """`less often, 3 of 10 trials, none 10 of 10`; empty where all trials of both trained."""
    n, (first, second) = len(c.outcomes), c.trained
    often = {"higher": "more often, ", "lower": "less often, "}.get(c.trains, "")
    return f"{often}{second} of {n} trials, {c.baseline} {first} of {n}" if min(first, second) < n else ""


def difference(c: Comparison) -> str:
    """What may be said of one variant against a baseline in a metric, in sentences of one thought each."""
    pair, n = f"{c.variant} against {c.baseline}{at(c.coordinates)}", c.difference.n
    if c.baseline_point is None or c.same:
        return f"{pair}: {_nothing(c)}, so that there is nothing to compare."
    if n == 0:
        said = [f"{pair}: {_nothing(c)} (0 of {c.planned})"]
    elif c.verdict in ("pending", "exploratory"):
        said = _so_far(c)
    elif c.ratio:
        said = [told(c, c.metric.label.removeprefix("steps to "), c, asserts=True)]
    elif n == 1:
        only = f"{fixed(c.difference.mean, 2, sign=True)} {_what(c)} in the only pair ({out_of(n, c.planned)})"
        said = [f"{pair}: {only}", "One pair has no interval, and nothing follows from it"]
    else:
        said = _claim(c)
        said += [f"They are paired by seed only, as the config declares {c.declared}"] if c.declared else []
    said += [left_out(c.mismatches)] if c.mismatches else []
    return f"{_trained(c)}{'. '.join(said)}."


def _so_far(c: Comparison) -> list[str]:
    """Where nothing may be asserted: before all planned pairs are there, and of what is not the primary metric."""
    pair, n = f"{c.variant} against {c.baseline}{at(c.coordinates)}", c.difference.n
    interval = f"{span(c.difference)}, {out_of(n, c.planned)}" if n > 1 else f"{out_of(n, c.planned)}, no interval"
    shown = f"{change(c.difference)} {_what(c)} ({interval})"
    if c.ratio:
        shown = f"{times_as_long(c.ratio)} the {c.metric.label} ({out_of(n, c.planned)})"
    if not c.pending:
        return [f"{pair}, exploratory: {shown}"]
    rest = f"{c.pending} of {counted(c.planned, 'planned pair')} {'has' if c.pending == 1 else 'have'} no result yet"
    return [f"{pair}: no verdict before all pairs are there ({rest})", f"So far {shown}"]


def _what(c: Comparison) -> str:
    """`pp of test accuracy`, `nats of test loss`, `s of seconds of training`."""
    return f"{pp(c.metric)} of {c.metric.label}"


def _trained(c: Comparison) -> str:
    """Which side trains more often comes first; empty where all trials trained."""
    counts = trained(c, c.baseline, c.variant)
    if not counts:
        return ""
    if c.trains != "undecided":
        often = "more" if c.trains == "higher" else "less"
        counts = f"{c.variant} trains {often} often than {c.baseline}{at(c.coordinates)}: {counts}"
    return f"{counts}. Where both trained: " if c.differences else f"{counts}. "


def _claim(c: Comparison) -> list[str]:
    """What two or more pairs show, by `Comparison.verdict`."""
    n, metric, unit = out_of(c.difference.n, c.planned), c.metric.label, pp(c.metric)
    where, two, mean = at(c.coordinates), f"{c.variant} and {c.baseline}", f"{change(c.difference)} {unit}"
    test = tested("sequential test" if c.sequential else "sign-flip test", c)
    basis = f"{span(c.difference)}, {n}"
    within = "" if c.margin is None else f"within ±{c.margin:g} {unit}"
    equivalence = p_phrase("equivalence", c.equivalence_p_holm, c.equivalence_family)
    sure = c.least < LEVEL  # else the test is a sentence: that so few pairs can confirm nothing
    shown = f"({basis}; {test})" if sure else f"({basis})"
    few = [] if sure else [test]
    if not any(c.differences) and c.verdict != "equivalent":
        return [
            f"No difference detected in {metric} between {two}{where}: 0 {unit} in each pair ({n})",
            "Without scatter, the detectable difference is unknown",
        ]
    if c.difference.n < FEWEST:  # told, and no more: one more pair could turn everything
        return [
            f"{c.variant} against {c.baseline}{where}: {mean} of {metric} on average over two pairs {shown}",
            *few,
            "Two pairs neither show a difference nor rule one out",
        ]
    if c.verdict in ("higher", "lower"):
        points = fixed(abs(c.difference.mean), decimals(c.difference.half_width))
        than = f"{'higher' if c.difference.mean > 0 else 'lower'} than {c.baseline}{where}"
        # A difference that was found, and that is shown to be too small to matter.
        yet = [f"Yet the two are equivalent {within} ({equivalence})"] if c.equivalent else []
        return [f"{c.variant} has a {metric} {points} {unit} {than} {shown}", *yet, *_other_images(c)]
    # A sequential test has no number of pairs.
    power = [can_detect(c.difference.n, _detectable(c))] if sure and not c.sequential else []
    if c.verdict == "equivalent":
        found = f"{two} are equivalent in {metric} {within}{where}: {mean} ({basis}; {equivalence})"
        tests = [f"A difference is not detected ({test})"] if sure else [test]
        return [found, *tests, *power, untrained(c, c.variant), *_other_images(c)]
    nor = [f"No equivalence {within} is shown"] if within else []
    return [f"No difference detected in {metric} between {two}{where}: {mean} {shown}", *few, *power, *nor]


def _detectable(c: Comparison) -> str:
    """Accuracies cannot differ by more than 100 points."""
    if c.metric.unit == "%" and c.detectable > 100:
        return "no difference at all"
    return f"{significant(c.detectable, 2)} {pp(c.metric)}"


def _elsewhere(c: Comparison) -> str:
    """What the interval for other test images does where it does not bear out what was found on these."""
    if c.sampling is None:
        return ""
    estimate = c.sampling.interval
    if c.verdict == "equivalent":
        return "go beyond the margin" if max(-estimate.low, estimate.high) > (c.margin or 0) else ""
    return "include zero" if estimate.contains_zero else ""


def _other_images(c: Comparison) -> list[str]:
    """Where what was found on these test images might not stand on others."""
    if c.sampling is None or not (beyond := _elsewhere(c)):
        return []
    others = f"{' to '.join(ends(c.sampling.interval, sign=True))}, and {beyond}"
    images = f"{c.sampling.n_images:,}"
    return [f"This is for these {images} test images: for others as well the 95 % interval would be {others}"]
