"""The table of an experiment: raw values at full precision, the same as a person reads them, and its legend."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.paired import Comparison
from bnexp.evidence.side import Counts
from bnexp.reporting.numbers import ABSENT, ends, headings, interval, p_value, share, significant
from bnexp.specs.wording import either
from bnexp.stats.bootstrap import Sources

SUMMARY_COLUMNS = {
    "n_ok": "int64",
    "n_planned": "int64",
    "n_diverged": "int64",
    "n_failed": "int64",
    "n_missing": "int64",
    "test_accuracy": "float64",  # per cent; mean over the trials that are ok
    "test_accuracy_low": "float64",  # 95 % t interval
    "test_accuracy_high": "float64",
    "test_accuracy_iqm": "float64",  # interquartile mean
    "batch_statistics": "float64",  # per cent; the same weights with each batch's own statistics
    "batch_statistics_low": "float64",
    "batch_statistics_high": "float64",
    "recalibrated": "float64",  # per cent; the same weights with statistics over training images
    "recalibrated_low": "float64",
    "recalibrated_high": "float64",
    "baseline": "object",
    "n_pairs": "Int64",
    "difference": "float64",  # percentage points; mean over the pairs
    "difference_low": "float64",  # 95 % t interval
    "difference_high": "float64",
    "detectable": "float64",  # percentage points; seen with 80 % power
    "margin": "float64",  # percentage points, of the config
    "equivalence_p": "float64",  # two one-sided t tests of a difference beyond the margin
    "equivalence_p_holm": "float64",
    "verdict": "object",  # higher, lower, signs, equivalent, undecided, nothing
    "error_seeds": "float64",  # percentage points; standard error of the difference over other seeds
    "error_images": "float64",  # over other test images
    "error_both": "float64",
    "difference_both_low": "float64",  # 95 % interval of the difference for other seeds on other test images
    "difference_both_high": "float64",
    "sign_flip_p": "float64",
    "sign_flip_p_holm": "float64",
    "holm_family": "Int64",  # comparisons with a p
    "improvement": "float64",  # share of the pairs in which the variant was better, ties half
    "improvement_low": "float64",  # 95 % Wilson interval
    "improvement_high": "float64",
    "parameters_trainable": "Int64",
    "parameters_normalization": "Int64",  # of the trainable ones
    "seconds_train": "float64",  # median, without compilation and evaluation
}


def summary(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Raw numbers, one row per condition, at full precision; for CSV.

    `variant`, the grid keys, then `SUMMARY_COLUMNS`; NaN where there is nothing, as in the baseline's own row.
    """
    against = {each.point: each for each in comparisons}
    rows = [{**_measured(each), **_compared(against.get(each.point))} for each in conditions]
    places = pd.DataFrame([{"variant": each.variant, **each.coordinates} for each in conditions])
    numbers = {key: pd.Series([row.get(key) for row in rows], dtype=kind) for key, kind in SUMMARY_COLUMNS.items()}
    return pd.concat([places, pd.DataFrame(numbers)], axis="columns")


def _measured(condition: Condition) -> dict[str, Any]:
    counts = condition.counts
    row: dict[str, Any] = {
        "n_ok": counts.ok,
        "n_planned": counts.planned,
        "n_diverged": counts.diverged,
        "n_failed": counts.failed,
        "n_missing": counts.missing,
        "test_accuracy": condition.accuracy.mean,
        "test_accuracy_low": condition.accuracy.low,
        "test_accuracy_high": condition.accuracy.high,
        "test_accuracy_iqm": condition.accuracy_middle,
    }
    for name, value in (("batch_statistics", condition.batch_statistics), ("recalibrated", condition.recalibrated)):
        row |= {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
    return row | {
        "parameters_trainable": condition.parameters_trainable,
        "parameters_normalization": condition.parameters_normalization,
        "seconds_train": condition.seconds,
    }


def _compared(comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {}
    return {
        "baseline": comparison.baseline,
        "n_pairs": comparison.difference.n,
        "difference": comparison.difference.mean,
        "difference_low": comparison.difference.low,
        "difference_high": comparison.difference.high,
        "sign_flip_p": comparison.test.p,
        "sign_flip_p_holm": comparison.p_holm,
        "holm_family": comparison.family,
        "improvement": comparison.improvement.share,
        "improvement_low": comparison.improvement.low,
        "improvement_high": comparison.improvement.high,
        "detectable": comparison.detectable,
        "margin": comparison.margin,
        "equivalence_p": comparison.equivalence_p,
        "equivalence_p_holm": comparison.equivalence_p_holm,
        "verdict": comparison.verdict,
        **_errors(comparison.sampling),
    }


def _errors(sampling: Sources | None) -> dict[str, float]:
    if sampling is None:
        return {}
    return {
        "error_seeds": sampling.seeds,
        "error_images": sampling.images,
        "error_both": sampling.both,
        "difference_both_low": sampling.interval.low,
        "difference_both_high": sampling.interval.high,
    }


def readable(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """The same as text, one row per condition, with headings for people; for pages and papers."""
    against = {each.point: each for each in comparisons}
    otherwise = any(each.recalibrated.n for each in conditions)
    sampled = any(each.sampling is not None for each in comparisons)
    rows = []
    for each in conditions:
        compared = against.get(each.point)
        rows.append(
            {
                "variant": each.variant,
                **headings(each.coordinates),
                "n": counts_text(each.counts),
                "test accuracy (%)": interval(each.accuracy),
                "difference (points)": ABSENT if compared is None else _difference(compared),
                "could see (points)": ABSENT if compared is None else significant(compared.detectable, 2),
                **({"other images too": ABSENT if compared is None else _both(compared)} if sampled else {}),
                "p (Holm)": ABSENT if compared is None else p_value(compared.p_holm),
                "P(improvement)": ABSENT if compared is None else share(compared.improvement),
                **(_otherwise(each) if otherwise else {}),
                "parameters": _count(each.parameters_trainable),
                "of them in norms": _count(each.parameters_normalization),
                "training (s)": significant(each.seconds, 3),
            }
        )
    return pd.DataFrame(rows, dtype="object")


def _otherwise(condition: Condition) -> dict[str, str]:
    return {
        "recalibrated (%)": interval(condition.recalibrated),
        "batch statistics (%)": interval(condition.batch_statistics),
    }


def counts_text(counts: Counts) -> str:
    """`5/5`, `4/5 (1 diverged)`: finished trials of those planned."""
    return f"{counts.ok}/{counts.planned}" + (f" ({counts.diverged} diverged)" if counts.diverged else "")


def _difference(comparison: Comparison) -> str:
    text = interval(comparison.difference, sign=True)
    missing = comparison.planned - comparison.difference.n
    return f"{text} ({comparison.difference.n} pairs)" if missing and comparison.difference.n else text


def _both(comparison: Comparison) -> str:
    """The interval of the difference for other seeds on other test images: `[−0.02, +0.31]`."""
    if comparison.sampling is None:
        return ABSENT
    return f"[{', '.join(ends(comparison.sampling.interval, sign=True))}]"


def _count(value: int | None) -> str:
    return ABSENT if value is None else f"{value:,}"


def legend(conditions: Sequence[Condition], comparisons: Sequence[Comparison], trials: pd.DataFrame) -> list[str]:
    """What the columns of `readable` mean, and what to mind in these results: one sentence each."""
    accuracy = (
        "n: trials that finished, of those planned. Test accuracy: mean over these, with its 95 % t interval; "
        f"{ABSENT} where there is none. The unit is the seed."
    )
    found = [accuracy]
    if any(each.counts.too_many_diverged for each in conditions):
        found.append("Where more than a tenth of the finished trials diverged, the mean over the others flatters.")
    if comparisons:
        found.append(
            f"Difference: to {comparisons[0].baseline}, mean over pairs of the same seed, in percentage points, with "
            "its 95 % t interval. P(improvement): share of the pairs in which the variant was better, with Wilson's "
            "interval."
        )
    if any(each.sampling is not None for each in comparisons):
        found.append(
            "Other images too: the 95 % interval of the same difference for other seeds on other test images, of which "
            "the first interval knows only the seeds."
        )
    if any(each.difference.n > 1 for each in comparisons):
        found.append(
            "Could see: the true difference that a paired t test of one comparison finds with 80 % "
            f"power. Equivalence: two one-sided t tests at ±{comparisons[0].margin:g} points, the margin of the "
            "config; for one comparison its p is below .05 where the 90 % interval lies within the margin."
        )
    if any(each.family for each in comparisons):
        found.append(_test_legend(comparisons))
    if any(each.recalibrated.n for each in conditions):
        found.append(
            "Test accuracy of batch-dependent methods is under moving averages. Recalibrated: the same weights with "
            "statistics recomputed over training images; batch statistics: with those of each test batch."
        )
    found.append("Training: median seconds, without compilation and evaluation.")
    if (shared := _unlike(trials)) is not None:
        found.append(f"Seconds are not comparable: the trials did not share the machine alike ({shared}).")
    return found


def _test_legend(comparisons: Sequence[Comparison]) -> str:
    exact = all(each.test.exact for each in comparisons)
    kind = "exact sign-flip test" if exact else "sign-flip test (over 20 pairs: 100,000 random flips of a fixed seed)"
    family = max(each.family for each in comparisons)
    compared = "1 comparison" if family == 1 else f"{family} comparisons"
    text = f"p: two-sided {kind}, Holm's correction over {compared}"
    least = min((each.test.smallest for each in comparisons if each.test.n), default=math.nan)
    if least >= 0.05:
        n = max(each.test.n for each in comparisons)
        text += f"; with n={n} it cannot go below {least:.3g}, whatever the difference"
    return text + "."


def _unlike(trials: pd.DataFrame) -> str | None:
    """In what the trials that are ok differ that bears on their seconds; None if in nothing, as far as it is known."""
    known = [json.loads(text) for text in trials.loc[trials["status"] == "ok", "surroundings"].dropna().unique()]
    names = dict.fromkeys(name for each in known for name in each)
    values = {name: sorted({each.get(name, "not recorded") for each in known}) for name in names}
    return "; ".join(f"{name} {either(found)}" for name, found in values.items() if len(found) > 1) or None
