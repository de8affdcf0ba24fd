"""Test accuracy after the last step: the table of an experiment, its legend, and the figures."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import LEVEL
from bnexp.evidence.side import Counts
from bnexp.reporting.columns import estimated, framed
from bnexp.reporting.drawing.accuracy import accuracy_along, final_accuracy
from bnexp.reporting.drawing.figures import spread
from bnexp.reporting.numbers import ABSENT, Number, ends, fixed, headings, interval, p_value, share, significant
from bnexp.reporting.part import Context, Figure, Part, Table
from bnexp.reporting.phrases import counted, named, places
from bnexp.specs.wording import either, key_label
from bnexp.stats.estimates import at_most

SUMMARY = {
    "n_ok": ("int64", "condition.counts.ok"),
    "n_planned": ("int64", "condition.counts.planned"),
    "n_diverged": ("int64", "condition.counts.diverged"),
    "n_failed": ("int64", "condition.counts.failed"),
    "n_missing": ("int64", "condition.counts.missing"),
    "n_untrained": ("int64", "condition.counts.untrained"),  # of the ok ones: at the end hardly above guessing
    **estimated("test_accuracy", "condition.accuracy"),  # per cent; over the trials that are ok, 95 % t interval
    "test_accuracy_iqm": ("float64", "condition.accuracy_middle"),  # interquartile mean
    **estimated("batch_statistics", "condition.batch_statistics"),  # the same weights with each batch's own statistics
    **estimated("recalibrated", "condition.recalibrated"),  # the same weights with statistics over training images
    "baseline": ("object", "comparison.baseline"),
    "n_pairs": ("Int64", "comparison.difference.n"),
    **estimated("difference", "comparison.difference"),  # percentage points; over the pairs, 95 % t interval
    "detectable": ("float64", "comparison.detectable"),  # percentage points; asserted with 80 % power
    "margin": ("float64", "comparison.margin"),  # percentage points, of the config
    "equivalence_p": ("float64", "comparison.equivalence_p"),  # two one-sided t tests of a difference beyond the margin
    "equivalence_p_holm": ("float64", "comparison.equivalence_p_holm"),
    "verdict": ("object", "comparison.verdict"),  # higher, lower, equivalent, undecided, nothing
    "error_seeds": ("float64", "comparison.sampling.seeds"),  # standard error of the difference over other seeds
    "error_images": ("float64", "comparison.sampling.images"),  # over other test images
    "error_both": ("float64", "comparison.sampling.both"),
    "difference_both_low": ("float64", "comparison.sampling.interval.low"),  # 95 %, other seeds on other test images
    "difference_both_high": ("float64", "comparison.sampling.interval.high"),
    "trained_p": ("float64", "comparison.trained_test.p"),  # exact McNemar test of the share that trained
    "trained_p_holm": ("float64", "comparison.trained_p_holm"),  # over those whose p can be below .05
    "trains": ("object", "comparison.trains"),  # higher, lower: more or less often than the baseline; undecided
    "sign_flip_p": ("float64", "comparison.test.p"),
    "sign_flip_p_holm": ("float64", "comparison.p_holm"),
    "holm_family": ("Int64", "comparison.family"),  # comparisons with a p
    **estimated("improvement", "comparison.improvement", "share"),  # of the pairs, ties half; 95 % Wilson interval
    "parameters_trainable": ("Int64", "condition.parameters_trainable"),
    "parameters_normalization": ("Int64", "condition.parameters_normalization"),  # of the trainable ones
    "seconds_train": ("float64", "condition.seconds"),  # median, without compilation and evaluation
}
"""Column to its type in pandas, and where its value stands; both of one row."""

SUMMARY_COLUMNS = {name: kind for name, (kind, _) in SUMMARY.items()}


BOTH = "95 % CI incl. test-set sampling"


class _Row(NamedTuple):
    condition: Condition
    comparison: Comparison | None


def _rows(evidence: Evidence) -> list[_Row]:
    against = {each.point: each for each in evidence.comparisons}
    return [_Row(each, against.get(each.point)) for each in evidence.conditions]


def accuracy(evidence: Evidence, context: Context) -> Part:
    """The figures, and the table whose rows can be repeated."""
    plan = evidence.plan
    table = Table(
        f"Results of {plan.name}",
        readable(evidence),
        summary(evidence),
        legend=tuple(legend(evidence)),
        paper=paper(evidence),
        paper_caption=_paper_caption(evidence),
        commands=[context.repeats[condition.point].every for condition in evidence.conditions],
        about_commands="The command of a row trains what of it has no record in the results folder, from "
        f"{plan.name}.yaml in the current folder.",
    )
    return Part(
        "Accuracy", "table and figures, variant by variant", tables=(table,), figures=tuple(_figures(evidence, context))
    )


def _figures(evidence: Evidence, context: Context) -> Iterator[Figure]:
    """Accuracy along the axes of a grid, and seed by seed."""
    conditions = evidence.conditions if any(condition.accuracy.n for condition in evidence.conditions) else []
    for key in dict.fromkeys(key for condition in conditions for key in condition.coordinates):
        if len({repr(condition.coordinates.get(key)) for condition in conditions}) > 1:
            letters = "".join(c if c.isascii() and c.isalnum() else " " for c in key_label(key))
            yield Figure(
                f"accuracy-by-{'-'.join(letters.split()) or 'key'}",
                f"Test accuracy against {key_label(key)}.",
                f"Line plot of test accuracy in per cent. {_accuracies(conditions)}.",
                partial(accuracy_along, key, conditions, evidence.trials, context.variants),
                wide=any(len(condition.coordinates) > 1 for condition in conditions),
            )
    for name, panels in spread("accuracy", list(places(conditions).values())):
        mine = [condition for place in panels for condition in place.values()]
        yield Figure(
            name,
            "Test accuracy after the last step: every seed, and the mean with its 95 % interval.",
            f"Dot plot of test accuracy in per cent. {_accuracies(mine)}.{_published(evidence)}",
            partial(final_accuracy, mine, evidence.trials, context.variants, evidence.plan.published),
            wide=len(panels) > 1,
        )


def _accuracies(conditions: Sequence[Condition]) -> str:
    return "; ".join(f"{named(each)}: {interval(each.accuracy)}, n={each.accuracy.n}" for each in conditions)


def _published(evidence: Evidence) -> str:
    return "".join(f" Published: {each.value:g} % ({each.source})." for each in evidence.plan.published)


def summary(evidence: Evidence) -> pd.DataFrame:
    """Raw numbers, one row per condition, at full precision; for CSV.

    `variant`, the grid keys, then `SUMMARY_COLUMNS`; NaN where there is nothing, as in the baseline's own row.
    """
    return framed(evidence.conditions, _rows(evidence), SUMMARY)


def readable(evidence: Evidence) -> pd.DataFrame:
    """The same as text, one row per condition, with headings for people; for pages and papers."""
    rows = [
        {
            "variant": each.variant,
            **headings(each.coordinates),
            "n": _counts(each.counts),
            "test accuracy (%)": interval(each.accuracy),
            **_compared(c),
            "recalibrated (%)": interval(each.recalibrated),
            "training (s)": significant(each.seconds, 3),
            **_further(c),
            "batch statistics (%)": interval(each.batch_statistics),
            "parameters": _whole(each.parameters_trainable),
            "normalization parameters": _whole(each.parameters_normalization),
        }
        for each, c in _rows(evidence)
    ]
    empty = [] if any(each.sampling is not None for each in evidence.comparisons) else [BOTH]
    if not any(each.recalibrated.n for each in evidence.conditions):
        empty += ["recalibrated (%)", "batch statistics (%)"]
    return pd.DataFrame(rows, dtype="object").drop(columns=empty)


def paper(evidence: Evidence) -> dict[str, str]:
    """The columns of `readable` that a paper has room for; n stands in its caption too."""
    keys = list(dict.fromkeys(key for each in evidence.conditions for key in headings(each.coordinates)))
    told = len(keys) < 2 and all(each.asserts and not each.pending for each in evidence.comparisons)
    compared = ["difference (pp)", *(["p (Holm)"] if told else [])] if evidence.comparisons else []
    return {name: name for name in ["variant", *(keys or ["n"]), "test accuracy (%)", *compared]}


def _paper_caption(evidence: Evidence) -> str:
    counts = {each.accuracy.n for each in evidence.conditions}
    n = f"n = {min(counts)}" if len(counts) == 1 else f"n = {min(counts)} to {max(counts)}" if counts else "n = 0"
    said = (
        f"Test accuracy after the last step, in per cent ({evidence.plan.name}): mean over {n} seeds with its 95 % t "
        "interval."
    )
    if evidence.comparisons:
        said += f" Difference to {evidence.plan.baseline}: over pairs of one seed, in percentage points (pp)"
        sequential = any(each.sequential for each in evidence.comparisons)
        said += ", with an interval that holds at every look" if sequential else ""
        test = "sequential" if sequential else "exact sign-flip"
        said += f"; p: {test} test with Holm's correction." if "p (Holm)" in paper(evidence) else "."
    return said


def _counts(counts: Counts) -> str:
    """`5/5`, `4/5 (1 diverged)`: finished trials of those planned."""
    faults = {"diverged": counts.diverged, "not trained": counts.untrained}
    told = ", ".join(f"{number} {what}" for what, number in faults.items() if number)
    return Number(f"{counts.ok}/{counts.planned}{f' ({told})' if told else ''}", counts.ok)


def _compared(c: Comparison | None) -> dict[str, str]:
    """The columns of a comparison; of the baseline's own row they are empty."""
    heads = ["difference (pp)", "p (Holm)", "detectable difference (pp)"]
    if c is None:
        return dict.fromkeys(heads, ABSENT)
    difference, n = interval(c.difference, sign=True), c.difference.n
    if 0 < n < c.planned:
        difference = Number(f"{difference} ({n} pair{'s' * (n != 1)})", difference.value)
    told = c.verdict not in ("pending", "exploratory")
    p, detectable = (p_value(c.p_holm), significant(c.detectable, 2)) if told else (ABSENT, ABSENT)
    return dict(zip(heads, (difference, p, detectable), strict=True))


def _further(c: Comparison | None) -> dict[str, str]:
    """Those that come on demand."""
    both = ABSENT  # for other seeds on other test images: `[−0.02, +0.31]`
    if c is not None and c.sampling is not None:
        both = Number(f"[{', '.join(ends(c.sampling.interval, sign=True))}]", c.sampling.interval.low)
    return {BOTH: both, "P(improvement)": ABSENT if c is None else share(c.improvement)}


def _whole(value: int | None) -> str:
    return ABSENT if value is None else Number(f"{value:,}", value)


def legend(evidence: Evidence) -> Iterator[str]:
    """What the columns of `readable` mean, and what to mind in these results: one sentence each."""
    conditions, comparisons = evidence.conditions, evidence.comparisons
    yield (
        "n: trials that finished, of those planned. Test accuracy: mean over these, with its 95 % t interval; "
        f"{ABSENT} where there is none. The unit is the seed."
    )
    if bounds := {(n - each.counts.ok + each.counts.untrained, n) for each in conditions if (n := each.counts.known)}:
        told = ", ".join(f"{fixed(100 * at_most(k, n), 0)} % for {k} of {n}" for k, n in sorted(bounds))
        yield (
            "A trial that failed, diverged or ended hardly above guessing did not train. The share that does not is at "
            f"most {told} (exact one-sided 95 % bound)."
        )
    if comparisons:
        yield (
            f"Difference: to {comparisons[0].baseline}, mean over pairs of the same seed in which both trained, in "
            "percentage points (pp)."
        )
    if any(not each.asserts for each in comparisons):
        yield f"Exploratory: the primary metric is {evidence.plan.primary}, and nothing is tested here."
    elif any(each.pending for each in comparisons):
        yield "There is no p before all planned pairs have a result: to look early, and stop at will, errs more often."
    elif any(each.sequential for each in comparisons):
        yield (
            "p and intervals of differences: of a sequential test by betting (E-process, Holm's correction over "
            f"{counted(max(each.family for each in comparisons), 'comparison')}), which hold at every look."
        )
    elif any(each.difference.n for each in comparisons):
        yield f"The margin of equivalence is ±{comparisons[0].margin:g} pp."
        exact = all(each.test.exact for each in comparisons)
        kind = (
            "exact sign-flip test" if exact else "sign-flip test (over 20 pairs: 100,000 random flips of a fixed seed)"
        )
        family = counted(max(each.family for each in comparisons), "comparison")
        n, least = max(each.test.n for each in comparisons), min(c.least for c in comparisons if c.test.n)
        limit = f"; with n = {n} it cannot be below {least:.3g}, whatever the difference" if least >= LEVEL else ""
        yield f"p: two-sided {kind}, Holm's correction over {family}{limit}."
    if any(each.recalibrated.n for each in conditions):
        yield "Test accuracy of batch-dependent methods is with moving averages."
    yield "Training: median seconds, without compilation and evaluation."
    if (shared := _unlike(evidence.trials)) is not None:
        yield f"Seconds are not comparable: the trials did not share the machine alike ({shared})."


def _unlike(trials: pd.DataFrame) -> str | None:
    """In what the trials that are ok differ that bears on their seconds; None if in nothing, as far as it is known."""
    known = [json.loads(text) for text in trials.loc[trials["status"] == "ok", "surroundings"].dropna().unique()]
    names = dict.fromkeys(name for each in known for name in each)
    values = {name: sorted({each.get(name, "not recorded") for each in known}) for name in names}
    return "; ".join(f"{name} {either(found)}" for name, found in values.items() if len(found) > 1) or None
