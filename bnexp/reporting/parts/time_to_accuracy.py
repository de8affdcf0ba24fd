"""The time to a validation accuracy: in steps, examples and seconds, and as a share of the baseline's."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.rule import LEVEL
from bnexp.evidence.time_to_accuracy import MEASURES, TARGETS, Measure, TimeRatio
from bnexp.reporting.columns import estimated, framed
from bnexp.reporting.drawing.figures import MANY, spread
from bnexp.reporting.drawing.survival import TargetPanel, time_to_target, times_apart
from bnexp.reporting.numbers import ABSENT, Number, cell, headings, p_value, ratio, steps, time
from bnexp.reporting.part import FEW, Context, Figure, Part, Table
from bnexp.reporting.phrases import counted, enumerated, places
from bnexp.specs.wording import either
from bnexp.stats.estimates import Interval
from bnexp.stats.survival import TimeToTarget

CENSORED = "*"

COLUMNS = {
    "target": ("int64", "target"),  # validation accuracy, per cent
    "measure": ("object", "measure"),  # steps, examples, seconds
    "n_runs": ("int64", "known.n"),  # finished trials, diverged ones included
    "n_reached": ("int64", "known.reached"),
    "median": ("float64", "known.median"),  # over all runs; infinite where half of them or more did not reach it
    "budget": ("float64", "known.budget"),  # the shortest time that a run without success was watched for
    "baseline": ("object", "baseline"),
    "n_pairs": ("Int64", "found.ratio.ratio.n"),
    "n_unlike": ("Int64", "found.unlike"),  # pairs left out of the seconds: surroundings not known to be alike
    **estimated("ratio", "found.ratio.ratio"),  # time over the baseline's, paired, 95 % interval
    "n_censored": ("Int64", "found.ratio.censored"),  # runs that did not reach it: ratio of means within the budget
    "detectable": ("float64", "found.ratio.detectable"),  # the smallest true factor detected with 80 % power
    "restricted_mean": ("float64", "found.restricted"),  # over the pairs; within the budget where any is censored
    **estimated("saved", "saved"),  # less time than the baseline's, paired, within the same budget
    "log_rank_p": ("float64", "found.test.p"),  # exact test for pairs
    "log_rank_p_holm": ("float64", "found.p_holm"),  # over the comparisons to this target in this measure
}
"""Column to its type in pandas, and where its value stands in a `_Row`."""


class _Row(NamedTuple):
    condition: Condition
    target: int
    measure: Measure
    known: TimeToTarget
    baseline: str | None
    found: TimeRatio | None

    @property
    def saved(self) -> Interval | None:
        """Less time than the baseline's."""
        if self.found is None:
            return None
        mean, low, high, n = self.found.saved
        return Interval(-mean, -high, -low, n)


def time_to_accuracy(evidence: Evidence, context: Context) -> Part | None:
    """The figures and the table; None without validation images."""
    raw = numbers(evidence)
    if not raw["n_runs"].any():
        return None
    text = readable(evidence)
    table = Table(
        f"Time to a validation accuracy in {evidence.plan.name}",
        text,
        raw,
        file="times",
        legend=tuple(legend(evidence)),
        folded=f"{len(text)} rows" if len(text) > 4 * FEW else "",
    )
    return Part("Time to an accuracy", tables=(table,), figures=tuple(_figures(evidence, context)))


def _figures(evidence: Evidence, context: Context) -> Iterator[Figure]:
    """When the runs reached each target: one figure for all of them, or with a grid one for each."""
    grid, variants = places(evidence.conditions), context.variants
    panels = [
        TargetPanel(f"{title}, to {target} %" if title else f"to {target} %", target, place)
        for target in TARGETS
        for title, place in grid.items()
        if any(condition.times["steps"][target].reached for condition in place.values())
    ]
    if len(grid) == 1 and len(variants) > MANY:
        for panel in panels:
            text = f"Share of runs that have reached a validation accuracy of {panel.target} %"
            yield Figure(
                f"time-to-{panel.target}",
                f"{text}, a panel for each variant.",
                f"{text}, a panel for each variant. Kaplan-Meier curves. {_reached(panel)}.",
                partial(times_apart, panel, variants, evidence.plan.baseline),
                wide=True,
                aside=True,
            )
        return
    groups = [panels] if len(grid) == 1 else [[p for p in panels if p.target == target] for target in TARGETS]
    for group in filter(None, groups):
        name = "time-to-target" if len(grid) == 1 else f"time-to-{group[0].target}"
        for file, part in spread(name, group):
            targets = enumerated([*dict.fromkeys(str(panel.target) for panel in part)])
            yield Figure(
                file,
                f"Share of runs that have reached a validation accuracy of {targets} %, against training steps.",
                f"Line plot of Kaplan-Meier curves. {'; '.join(_reached(panel) for panel in part)}.",
                partial(time_to_target, part, variants),
                wide=len(part) > 2,
                aside=len(grid) > 1,
            )


def _reached(panel: TargetPanel) -> str:
    counts = (f"{name} {steps(each.times['steps'][panel.target])}" for name, each in panel.conditions.items())
    return f"{panel.title[0].upper()}{panel.title[1:]}, median steps: {', '.join(counts)}"


def numbers(evidence: Evidence) -> pd.DataFrame:
    """Raw numbers, one row per condition, target and measure: `variant`, the grid keys, then `COLUMNS`; for CSV."""
    base = evidence.plan.baseline
    rows = [
        _Row(condition, target, measure, condition.times[measure][target], base if found else None, found)
        for condition, target in _rows(evidence.conditions)
        for measure in MEASURES
        for found in [evidence.times[measure].get((condition.point, target))]
    ]
    return framed([row.condition for row in rows], rows, COLUMNS)


def readable(evidence: Evidence) -> pd.DataFrame:
    """The same as text, one row per condition and target that any run reached, or all where none; for pages and papers.

    Examples are shown where they are not the steps by another name, that is, where a variant has its own batch size.
    """
    shown = [measure for measure in MEASURES if measure != "examples" or _own_batches(evidence)]
    # Where no run reached any, all are shown: the table then says within which budget.
    wanted = _targets(evidence.conditions) or _targets(evidence.conditions, reached=False)
    base = evidence.plan.baseline if evidence.comparisons else ""
    rows = []
    for condition, target in _rows(evidence.conditions):
        known = condition.times["steps"][target]
        if target not in wanted:
            continue
        row = {
            "variant": condition.variant,
            **headings(condition.coordinates),
            "target (%)": cell(target),
            "runs that reached it": Number(f"{known.reached}/{known.n}", known.reached) if known.n else ABSENT,
        }
        for measure in shown:
            row[measure] = time(condition.times[measure][target])
            if base:
                found = evidence.times[measure].get((condition.point, target))
                row[f"{measure}, of {base}'s"] = _ratio(found, known.n)
                row[f"p (Holm), {measure}"] = ABSENT if found is None else p_value(found.p_holm)
        rows.append(row)
    return pd.DataFrame(rows, dtype="object")


def _targets(conditions: Sequence[Condition], *, reached: bool = True) -> set[int]:
    """Those that any run reached, or was measured against."""
    times = [item for each in conditions for item in each.times["steps"].items()]
    return {target for target, known in times if (known.reached if reached else known.n)}


def _ratio(found: TimeRatio | None, runs: int) -> str:
    """`0.42 [0.36, 0.49]`, with an asterisk for censored runs, and the pairs where they are fewer than the runs."""
    if found is None:
        return ABSENT
    share, n = found.ratio.ratio, found.ratio.ratio.n
    censored = CENSORED if found.ratio.censored and not math.isnan(share.mean) else ""
    pairs = f" ({counted(n, 'pair', 'pairs')})" if 0 < n < runs else ""
    return Number(f"{ratio(share)}{censored}{pairs}", share.mean)


def legend(evidence: Evidence) -> list[str]:
    """What the columns of `readable` mean, one sentence each."""
    never = [f"{target:g}" for target in TARGETS if target not in _targets(evidence.conditions)]
    median = (
        "Time to a validation accuracy: median over the runs of the first of two consecutive evaluations at or above "
        "it. Runs that did not reach it, diverged ones among them, count as later than all (>: half of the runs or "
        "more). The true moment lies between that evaluation and the one before."
    )
    found = [median]
    if evidence.comparisons:
        found.append(
            f"Of {evidence.plan.baseline}'s: the paired ratio with its 95 % interval; below 1 is sooner; {CENSORED}: "
            "some of these runs did not reach it, and it is the ratio of the mean times within the budget, which they "
            "count with in full. p: exact log-rank test for pairs, Holm's correction over the comparisons to one "
            f"target in one measure{_least(evidence)}."
        )
    found.append(
        "Seconds are those of training alone, without compilation and evaluation, and hold for these machines and "
        "what else they had to do."
    )
    unlike = sum({point: found.unlike for (point, _), found in evidence.times["seconds"].items()}.values())
    if unlike:
        found.append(
            f"{counted(unlike, 'pair is', 'pairs are')} in no ratio of seconds, because the two trials are "
            "not known to have shared one machine alike; nor have such runs a median of seconds in common."
        )
    return found + ([f"No run reached {either(never)} %."] if never else [])


def _rows(conditions: Sequence[Condition]) -> Iterator[tuple[Condition, int]]:
    """Place by place, target by target, variant by variant."""
    for place in places(each for each in conditions if each.times["steps"]).values():
        for target in TARGETS:
            yield from ((condition, target) for condition in place.values())


def _least(evidence: Evidence) -> str:
    """What the test cannot do with so few pairs."""
    pairs = max((found.test.n for found in evidence.times["steps"].values()), default=0)
    least = 2.0 ** (1 - pairs)
    return f"; with n = {pairs} it cannot go below {least:.3g}, whatever the difference" if LEVEL <= least <= 1 else ""


def _own_batches(evidence: Evidence) -> bool:
    """Whether the two sides of any comparison see other numbers of examples in a step."""
    by_point = {each.point: each.examples_per_step for each in evidence.conditions}
    return any(
        by_point[each.point] != by_point[each.baseline_point]
        for each in evidence.comparisons
        if each.baseline_point is not None and not math.isnan(by_point[each.point] + by_point[each.baseline_point])
    )
