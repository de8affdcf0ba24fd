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
from bnexp.reporting.numbers import ABSENT, decimals, ends, fixed, headings, interval, p_value, significant
from bnexp.reporting.part import FEW, Context, Part, Table
from bnexp.reporting.parts.moving_averages import caveat
from bnexp.reporting.phrases import (
    at,
    can_detect,
    change,
    counted,
    enumerated,
    left_out,
    out_of,
    p_phrase,
    pp,
    span,
    tested,
    trained,
    untrained,
)

COMPARED = {
    "baseline": ("object", "baseline"),
    "metric": ("object", "metric.name"),
    "n_pairs": ("int64", "difference.n"),
    "n_planned": ("int64", "planned"),
    **estimated("difference", "difference"),  # in the metric's unit, of accuracies percentage points
    "detectable": ("float64", "detectable"),
    "margin": ("float64", "margin"),
    "equivalence_p_holm": ("float64", "equivalence_p_holm"),
    "p": ("float64", "test.p"),
    "p_holm": ("float64", "p_holm"),
    "holm_family": ("int64", "family"),
    "verdict": ("object", "verdict"),
}
"""Column to its type in pandas, and where its value stands in a comparison; after `variant` and the grid keys."""


def overview(evidence: Evidence, _: Context) -> Part | None:
    """How the comparisons went, where they are many."""
    against = evidence.primary
    return Part(region="conclusions", paragraphs=(tally(against),)) if len(against) > FEW else None


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
    text = f"Of {counted(len(against), 'comparison')} with {enumerated(baselines)}, {', '.join(counts)}, and no "
    text += f"difference is detected in {count['undecided']}"
    text += f"; in {count['nothing']} nothing can be said of the mean" if count["nothing"] else ""
    text += f"; {count['pending']} have planned pairs without a result yet" if count["pending"] else ""
    more, less = (sum(each.trains == found for each in against) for found in ("higher", "lower"))
    return text + "." + (f" It trains more often in {more} and less often in {less}." if more or less else "")


def differences(evidence: Evidence, _: Context) -> Part:
    """One sentence per comparison, with what must be known of moving averages beside it."""
    caveats = {condition.point: caveat(condition) for condition in evidence.conditions}
    caveats = caveats if evidence.plan.primary == "test-accuracy" else {}
    said = [difference(each) + caveats.get(each.point, "") for each in evidence.primary]
    alone = "There is only one variant, and nothing to compare it with."
    return Part(region="conclusions", paragraphs=_looks(evidence), sentences=tuple(said or [alone]))


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
            f"difference ({pp(each.metric)})": interval(each.difference, sign=True),
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
            "Over pairs of one seed in which both trained, with the 95 % interval.",
            f"Holm's correction is over all {counted(len(evidence.primary), 'comparison')} of the experiment.",
        ),
    )
    return Part("Further comparisons", tables=(table,))


def _looks(evidence: Evidence) -> tuple[str, ...]:
    """Where seeds were added until all was decided: how often it was looked at."""
    looks = evidence.plan.looks
    if looks is None:
        return ()
    seen = f"{counted(len(looks), 'look')}, after {enumerated([*map(str, looks)])} seeds" if looks else "no look yet"
    text = f"Seeds were added until each comparison was decided, or to their limit: {seen}. Tests and intervals are "
    return (text + "those of a sequential rule, which holds at every look.",)


def difference(c: Comparison) -> str:
    """What may be said of one variant against a baseline in a metric."""
    pair, n = f"{c.variant} against {c.baseline}{at(c.coordinates)}", c.difference.n
    if c.baseline_point is None:
        return f"{pair}: {c.baseline} was not trained there, so that there is nothing to compare with."
    if c.same:
        return f"{pair}: both are the same trials under two names, so that there is nothing to compare."
    if n == 0:
        none = "no pair in which both trained" if c.outcomes else "no pair of finished trials yet"
        said = f"{pair}: {none} (0 of {c.planned})"
    elif c.verdict in ("pending", "exploratory"):
        said = _so_far(c)
    elif n == 1:
        said = (
            f"{pair}: {fixed(c.difference.mean, 2, sign=True)} {_what(c)} in the only pair "
            f"({out_of(n, c.planned)}); one pair has no interval, and nothing follows from it"
        )
    else:
        said = _claim(c) + (f"; paired by seed only, as the config declares {c.declared}" if c.declared else "")
    return f"{_trained(c)}{said}{left_out(c.mismatches)}."


def _so_far(c: Comparison) -> str:
    """Where nothing may be asserted: before all planned pairs are there, and of what is not the primary metric."""
    pair, n = f"{c.variant} against {c.baseline}{at(c.coordinates)}", c.difference.n
    interval = f"{span(c.difference)}, {out_of(n, c.planned)}" if n > 1 else f"{out_of(n, c.planned)}, no interval"
    if c.pending:
        rest = (
            f"{c.pending} of {counted(c.planned, 'planned pair')} {'has' if c.pending == 1 else 'have'} no result yet"
        )
        told = f"so far {change(c.difference)} {_what(c)} ({interval})"
        return f"{pair}: no verdict before all pairs are there ({rest}); {told}"
    return f"{pair}, exploratory: {change(c.difference)} {_what(c)} ({interval})"


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
    return f"{counts}. Among the pairs in which both trained: " if c.difference.n else f"{counts}. "


def _claim(c: Comparison) -> str:
    """What two or more pairs show, by `Comparison.verdict`."""
    n, metric, unit = out_of(c.difference.n, c.planned), c.metric.label, pp(c.metric)
    where, two, mean = at(c.coordinates), f"{c.variant} and {c.baseline}", f"{change(c.difference)} {unit}"
    test = tested("sequential test" if c.sequential else "sign-flip test", c)
    basis = f"{span(c.difference)}, {n}"
    direction = "higher" if c.difference.mean > 0 else "lower"
    within = "" if c.margin is None else f"within ±{c.margin:g} {unit}"
    equivalence = p_phrase("equivalence", c.equivalence_p_holm, c.family)
    # A difference that was found, and that is shown to be too small to matter.
    yet = f", yet the two are equivalent {within} ({equivalence})" if c.equivalent else ""
    if not any(c.differences):
        return (
            f"No difference detected in {metric} between {two}{where}: 0 {unit} in each pair ({n}; without "
            "scatter, the detectable difference is unknown)"
        )
    if c.difference.n < FEWEST:  # told, and no more: one more pair could turn everything
        return (
            f"{c.variant} against {c.baseline}{where}: {mean} of {metric} on average over two pairs ({basis}; "
            f"{test}); two pairs neither show a difference nor rule one out"
        )
    if c.verdict in ("higher", "lower"):
        points = fixed(abs(c.difference.mean), decimals(c.difference.half_width))
        return (
            f"{c.variant} has a {metric} {points} {unit} {direction} than {c.baseline}{where} ({basis}; "
            f"{test}){yet}{_other_images(c)}"
        )
    size = f"{significant(c.detectable, 2)} {unit}"
    if c.metric.unit == "%" and c.detectable > 100:  # which accuracies cannot differ by
        size = "no difference at all"
    # The test says it where nothing can be confirmed; a sequential one has no number of pairs.
    power = "" if c.least >= LEVEL or c.sequential else f"{can_detect(c.difference.n, size)}; "
    if c.verdict == "equivalent":
        return (
            f"{two} are equivalent in {metric} {within}{where}: {mean} ({basis}; {equivalence}; {power}"
            f"{test}; {untrained(c, c.variant)}){_other_images(c)}"
        )
    return (
        f"No difference detected in {metric} between {two}{where}: {mean} ({basis}; {power}{test})"
        f"{within and f', and no equivalence {within} shown'}"
    )


def _other_images(c: Comparison) -> str:
    """Where what was found on these test images might not stand on others."""
    if c.sampling is None:
        return ""
    estimate = c.sampling.interval
    if c.verdict == "equivalent":
        beyond = "go beyond the margin" if max(-estimate.low, estimate.high) > (c.margin or 0) else ""
    else:
        beyond = "include zero" if estimate.contains_zero else ""
    here = f"this is for these {c.sampling.n_images:,} test images: for others as well the 95 % interval would be"
    return f"; {here} {' to '.join(ends(estimate, sign=True))}, and {beyond}" if beyond else ""
