"""The time to a validation accuracy as tables: in steps, examples and seconds, and as a share of the baseline's."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.paired import Comparison
from bnexp.evidence.runs import MEASURES, TARGETS
from bnexp.evidence.time_to_accuracy import TimeRatio, time_ratios
from bnexp.reporting.numbers import ABSENT, headings, p_value, ratio, time
from bnexp.specs.wording import either

CENSORED = "*"

COLUMNS = {
    "target": "int64",  # validation accuracy, per cent
    "measure": "object",  # steps, examples, seconds
    "n_runs": "int64",  # finished trials, diverged ones included
    "n_reached": "int64",
    "median": "float64",  # over all runs; infinite where half of them or more did not get there
    "budget": "float64",  # the shortest time that a run without success was watched for
    "baseline": "object",
    "n_pairs": "Int64",
    "n_unlike": "Int64",  # pairs left out of the seconds: their surroundings are not known to have been alike
    "ratio": "float64",  # time over the baseline's, paired
    "ratio_low": "float64",  # 95 % interval
    "ratio_high": "float64",
    "n_censored": "Int64",  # runs of these pairs that did not get there; with any, ratio of the means within the budget
    "detectable": "float64",  # the smallest true factor that so many pairs show with 80 % power
    "restricted_mean": "float64",  # over the pairs; within the budget where any run of them did not get there
    "saved": "float64",  # less time than the baseline's, paired, within the same budget
    "saved_low": "float64",
    "saved_high": "float64",
    "log_rank_p": "float64",  # exact test for pairs
    "log_rank_p_holm": "float64",  # over the comparisons to this target in this measure
}


def numbers(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Raw numbers, one row per condition, target and measure: `variant`, the grid keys, then `COLUMNS`; for CSV."""
    measured = {measure: time_ratios(conditions, comparisons, measure) for measure in MEASURES}
    baselines = {each.point: each.baseline for each in comparisons}
    rows: list[dict[str, Any]] = []
    for condition, target in _rows(conditions):
        for measure in MEASURES:
            known = condition.times[measure][target]
            row = {
                "variant": condition.variant,
                **condition.coordinates,
                "target": target,
                "measure": measure,
                "n_runs": known.n,
                "n_reached": known.reached,
                "median": known.median,
                "budget": known.budget,
            }
            if (pace := measured[measure].get((condition.point, target))) is not None:
                row |= {"baseline": baselines[condition.point], **_paced(pace)}
            rows.append(row)
    keys = list(dict.fromkeys(key for each in conditions for key in each.coordinates))
    kinds = {"variant": "object", **dict.fromkeys(keys, "object"), **COLUMNS}
    return pd.DataFrame({key: pd.Series([row.get(key) for row in rows], dtype=kind) for key, kind in kinds.items()})


def _paced(pace: TimeRatio) -> dict[str, Any]:
    share, saved = pace.ratio.ratio, pace.saved
    return {
        "n_pairs": share.n,
        "n_unlike": pace.unlike,
        "ratio": share.mean,
        "ratio_low": share.low,
        "ratio_high": share.high,
        "n_censored": pace.ratio.censored,
        "detectable": pace.ratio.detectable,
        "restricted_mean": pace.restricted,
        "saved": -saved.mean,
        "saved_low": -saved.high,
        "saved_high": -saved.low,
        "log_rank_p": pace.test.p,
        "log_rank_p_holm": pace.p_holm,
    }


def readable(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """The same as text, one row per condition and target that any run reached, or all where none; for pages and papers.

    Examples are shown where they are not the steps by another name, that is, where a variant has its own batch size.
    """
    shown = [measure for measure in MEASURES if measure != "examples" or _own_batches(conditions, comparisons)]
    measured = {measure: time_ratios(conditions, comparisons, measure) for measure in MEASURES}
    known_times = [(target, known) for each in conditions for target, known in each.times["steps"].items() if known.n]
    # Where no run reached any, all are shown: the table then says within which budget.
    reached = {target for target, known in known_times if known.reached} or {target for target, _ in known_times}
    rows = []
    for condition, target in _rows(conditions):
        known = condition.times["steps"][target]
        if target not in reached:
            continue
        row = {
            "variant": condition.variant,
            **headings(condition.coordinates),
            "to (%)": str(target),
            "runs there": f"{known.reached}/{known.n}" if known.n else ABSENT,
        }
        for measure in shown:
            pace = measured[measure].get((condition.point, target))
            row[measure] = time(condition.times[measure][target])
            if comparisons:
                row |= {
                    f"{measure}, of {comparisons[0].baseline}'s": _ratio(pace, known.n),
                    f"p (Holm), {measure}": ABSENT if pace is None else p_value(pace.p_holm),
                }
        rows.append(row)
    return pd.DataFrame(rows, dtype="object")


def _ratio(pace: TimeRatio | None, runs: int) -> str:
    """`0.42 [0.36, 0.49]`, with an asterisk for censored runs, and the pairs where they are fewer than the runs."""
    if pace is None:
        return ABSENT
    text = ratio(pace.ratio.ratio) + (CENSORED if pace.ratio.censored and not math.isnan(pace.ratio.ratio.mean) else "")
    n = pace.ratio.ratio.n
    return f"{text} ({n} {'pair' if n == 1 else 'pairs'})" if 0 < n < runs else text


def legend(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> list[str]:
    """What the columns of `readable` mean, one sentence each."""
    reached = {target for each in conditions for target, known in each.times["steps"].items() if known.reached}
    never = [f"{target:g}" for target in TARGETS if target not in reached]
    median = (
        "Time to a validation accuracy: median over the runs of the first of two consecutive evaluations at or above "
        "it. Runs that did not get there, diverged ones among them, count as later than all (>: half of the runs or "
        "more). The true moment lies between that evaluation and the one before."
    )
    ratios = (
        f"Of {comparisons[0].baseline if comparisons else ''}'s: the paired ratio with its 95 % interval; below 1 is "
        f"sooner; {CENSORED}: some of these runs did not get there, and it is the ratio of the mean times within the "
        "budget, which they count with in full. p: exact log-rank test for pairs, Holm's correction over the "
        f"comparisons to one target in one measure{_least(conditions, comparisons)}."
    )
    seconds = (
        "Seconds are those of training alone, without compilation and evaluation, and hold for these machines and "
        "what else they had to do."
    )
    found = [median, ratios, seconds] if comparisons else [median, seconds]
    if unlike := _unlike(conditions, comparisons):
        found.append(
            f"{unlike} {'pair is' if unlike == 1 else 'pairs are'} in no ratio of seconds, because the two trials are "
            "not known to have shared one machine alike; nor have such runs a median of seconds in common."
        )
    return found + ([f"No run reached {either(never)} %."] if never else [])


def _rows(conditions: Sequence[Condition]) -> Iterator[tuple[Condition, int]]:
    """Place by place, target by target, variant by variant."""
    places: dict[str, list[Condition]] = {}
    for condition in conditions:
        if condition.times["steps"]:
            places.setdefault(repr(condition.coordinates), []).append(condition)
    for place in places.values():
        for target in TARGETS:
            yield from ((condition, target) for condition in place)


def _least(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> str:
    """What the test cannot do with so few pairs."""
    pairs = max((pace.test.n for pace in time_ratios(conditions, comparisons, "steps").values()), default=0)
    least = 2.0 ** (1 - pairs)
    return f"; with n={pairs} it cannot go below {least:.3g}, whatever the difference" if 0.05 <= least <= 1 else ""


def _unlike(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> int:
    found = time_ratios(conditions, comparisons, "seconds")
    return sum({point: pace.unlike for (point, _), pace in found.items()}.values())


def _own_batches(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> bool:
    """Whether the two sides of any comparison see other numbers of examples in a step."""
    by_point = {each.point: each.examples_per_step for each in conditions}
    return any(
        by_point[each.point] != by_point[each.baseline_point]
        for each in comparisons
        if each.baseline_point is not None and not math.isnan(by_point[each.point] + by_point[each.baseline_point])
    )
