"""The time to a validation accuracy: in steps, examples and seconds, and as a share of the baseline's.

Figures and a table, and below it how much sooner or later a variant is, in sentences.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import NamedTuple

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST, LEVEL
from bnexp.evidence.time_to_accuracy import MEASURES, TARGETS, Measure, TimeRatio, Times
from bnexp.reporting.columns import estimated, framed
from bnexp.reporting.drawing.figures import MANY, spread
from bnexp.reporting.drawing.survival import TargetPanel, time_to_target, times_apart
from bnexp.reporting.numbers import (
    ABSENT,
    Number,
    cell,
    duration,
    fixed,
    headings,
    p_value,
    ratio,
    ratio_decimals,
    significant,
    steps,
    time,
)
from bnexp.reporting.part import Context, Figure, Part, Table
from bnexp.reporting.phrases import at, can_detect, counted, enumerated, places, tested
from bnexp.specs.wording import either, place_label
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
    "detectable": ("float64", "found.detectable"),  # the smallest true factor asserted with 80 % power
    "restricted_mean": ("float64", "found.restricted"),  # over the pairs; within the budget where any is censored
    **estimated("saved", "found.saved"),  # less time than the baseline's, paired, within the same budget
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


def time_to_accuracy(evidence: Evidence, context: Context) -> Part | None:
    """The figures and the table; None without validation images."""
    raw = numbers(evidence)
    if not raw["n_runs"].any():
        return None
    table = Table(
        f"Time to a validation accuracy in {evidence.plan.name}",
        readable(evidence),
        raw,
        file="times",
        legend=tuple(legend(evidence)),
        paper=paper(evidence),
        paper_caption=_paper_caption(evidence),
    )
    return Part(
        "Time to an accuracy",
        "in steps and seconds, and as a ratio to the baseline's",
        sentences=tuple(sentences(evidence)),
        tables=(table,),
        figures=tuple(_figures(evidence, context)),
    )


def speed(c: Comparison, times: Times) -> str:
    """`97 % in 0.50× the steps [0.42, 0.61]`: the first screen's line, of the first target with a ratio; or nothing."""
    for target in TARGETS:
        found = times.get((c.point, target))
        if found is None or found.ratio.ratio.n < FEWEST:
            continue
        if _unknown(found):
            return f"neither reached {target} %"
        estimate, budget = found.ratio.ratio, fixed(found.ratio.budget, 0)
        open_ = "no difference detected, " if estimate.low <= 1 <= estimate.high else ""
        sides = [(c.variant, found.missed), (c.baseline, found.baseline_missed)]
        missed = " and ".join(f"{missed} of {name}" for name, missed in sides if missed)
        within = f" (within {budget} steps; {missed} did not reach it)" if missed else ""
        share, ends = ratio(estimate).split(" ", 1)
        alike = f"in each of {estimate.n} pairs" if estimate.high - estimate.low <= 1e-9 * estimate.mean else ends
        return f"{open_}{target} % in {share}× the steps {alike}{within}"
    return ""


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
            text = (
                f"Share of runs that have reached a validation accuracy of {panel.target} %, a panel for each variant."
            )
            yield Figure(
                f"time-to-{panel.target}",
                text,
                f"{text} Kaplan-Meier curves. {_reached(panel)}.",
                partial(times_apart, panel, variants, evidence.plan.baseline),
                wide=True,
                file_only=True,
            )
        return
    named = {"time-to-target": panels}
    if len(grid) > 1:
        named = {f"time-to-{target}": [panel for panel in panels if panel.target == target] for target in TARGETS}
    for file, part in (each for name, group in named.items() for each in spread(name, group)):
        targets = enumerated([*dict.fromkeys(str(panel.target) for panel in part)])
        yield Figure(
            file,
            f"Share of runs that have reached a validation accuracy of {targets} %, against training steps.",
            f"Line plot of Kaplan-Meier curves. {'; '.join(_reached(panel) for panel in part)}.",
            partial(time_to_target, part, variants),
            wide=len(part) > 2,
        )


def _reached(panel: TargetPanel) -> str:
    counts = (f"{name} {steps(each.times['steps'][panel.target])}" for name, each in panel.conditions.items())
    return f"{panel.title[0].upper()}{panel.title[1:]}, median steps: {', '.join(counts)}"


def _rows(evidence: Evidence) -> Iterator[_Row]:
    """Place by place, target by target, variant by variant, measure by measure."""
    grid = places(each for each in evidence.conditions if each.times["steps"]).values()
    for place, target in product(grid, TARGETS):
        for condition, measure in product(place.values(), MEASURES):
            found = evidence.times[measure].get((condition.point, target))
            base = evidence.plan.baseline if found else None
            yield _Row(condition, target, measure, condition.times[measure][target], base, found)


def numbers(evidence: Evidence) -> pd.DataFrame:
    """Raw numbers, one row per condition, target and measure: `variant`, the grid keys, then `COLUMNS`; for CSV."""
    rows = list(_rows(evidence))
    found = framed([row.condition for row in rows], rows, COLUMNS)
    found[["saved", "saved_low", "saved_high"]] = -found[["saved", "saved_high", "saved_low"]].to_numpy()
    return found


def readable(evidence: Evidence) -> pd.DataFrame:
    """The same as text, one row per condition and target that any run reached, or all where none; for pages and papers.

    Examples are shown where they are not the steps by another name, that is, where a variant has its own batch size.
    """
    # Where no run reached any, all are shown: the table then says within which budget.
    wanted = _targets(evidence.conditions) or _targets(evidence.conditions, reached=False)
    base = evidence.plan.baseline if evidence.comparisons else ""
    hidden = "" if _own_batches(evidence) else "examples"
    rows: dict[tuple[int, int], dict[str, str]] = {}
    for condition, target, measure, known, _, found in _rows(evidence):
        if target not in wanted or measure == hidden:
            continue
        runs = condition.times["steps"][target]
        row = rows.setdefault(
            (condition.point, target),
            {
                "variant": condition.variant,
                **headings(condition.coordinates),
                "target (%)": cell(target),
                "runs that reached it": Number(f"{runs.reached}/{runs.n}", runs.reached) if runs.n else ABSENT,
            },
        )
        row[measure] = time(known)
        if base:
            row[f"{measure}, of {base}'s"] = _ratio(found, runs.n)
            row[f"p (Holm), {measure}"] = ABSENT if found is None else p_value(found.p_holm)
    return pd.DataFrame(rows.values(), dtype="object")


def paper(evidence: Evidence) -> dict[str, str]:
    """The columns of `readable` that a paper has room for: those of steps."""
    keys = {key: key for each in evidence.conditions for key in headings(each.coordinates)}
    found = {"variant": "variant", **keys, "target (%)": "to (%)", "runs that reached it": "reached", "steps": "steps"}
    if base := evidence.plan.baseline if evidence.comparisons else "":
        found |= {f"steps, of {base}'s": f"of {base}'s", "p (Holm), steps": "p (Holm)"}
    spared = ["runs that reached it", "p (Holm), steps"][: max(0, len(found) - 6)]
    return {name: short for name, short in found.items() if name not in spared}


def _paper_caption(evidence: Evidence) -> str:
    said = (
        f"Training steps to a validation accuracy ({evidence.plan.name}): median over the runs; >: half of them or "
        "more did not reach it."
    )
    if evidence.comparisons:
        said += (
            f" Of {evidence.plan.baseline}'s: ratio over pairs of one seed with its 95 % interval ({CENSORED}: runs "
            "that did not reach it count with the whole budget); p: exact log-rank test with Holm's correction."
        )
    return said


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
    pairs = f" ({counted(n, 'pair')})" if 0 < n < runs else ""
    return Number(f"{ratio(share)}{censored}{pairs}", share.mean)


def legend(evidence: Evidence) -> Iterator[str]:
    """What the columns of `readable` mean, one sentence each."""
    never = [f"{target:g}" for target in TARGETS if target not in _targets(evidence.conditions)]
    yield (
        "Time to a validation accuracy: median over the runs of the first of two consecutive evaluations at or above "
        "it. Runs that did not reach it, diverged ones among them, count as later than all (>: half of the runs or "
        "more). The true moment lies between that evaluation and the one before."
    )
    if evidence.comparisons:
        yield (
            f"Of {evidence.plan.baseline}'s: the paired ratio with its 95 % interval; below 1 is sooner; {CENSORED}: "
            "some of these runs did not reach it, and it is the ratio of the mean times within the budget, which they "
            "count with in full. p: exact log-rank test for pairs, Holm's correction over the comparisons to one "
            f"target in one measure{_least(evidence)}."
        )
    yield (
        "Seconds are those of training alone, without compilation and evaluation, and hold for these machines and "
        "what else they had to do."
    )
    unlike = sum({point: found.unlike for (point, _), found in evidence.times["seconds"].items()}.values())
    if unlike:
        yield (
            f"{counted(unlike, 'pair is', 'pairs are')} in no ratio of seconds, because the two trials are "
            "not known to have shared one machine alike; nor have such runs a median of seconds in common."
        )
    if never:
        yield f"No run reached {either(never)} %."


def _least(evidence: Evidence) -> str:
    """What the test cannot do with so few pairs."""
    found = [each for each in evidence.times["steps"].values() if each.test.n]
    if min((each.least for each in found), default=0.0) < LEVEL:
        return ""
    pairs, least = max(each.test.n for each in found), min(each.least for each in found)
    return f"; with n = {pairs} it cannot be below {least:.3g}, whatever the difference"


def _own_batches(evidence: Evidence) -> bool:
    """Whether the two sides of any comparison see other numbers of examples in a step."""
    by_point = {each.point: each.examples_per_step for each in evidence.conditions}
    return any(
        by_point[each.point] != by_point[each.baseline_point]
        for each in evidence.comparisons
        if each.baseline_point is not None and not math.isnan(by_point[each.point] + by_point[each.baseline_point])
    )


def sentences(evidence: Evidence) -> list[str]:
    """The steps to the accuracy as a share of the baseline's, with its interval, the medians, and how many reached it;
    then the same in seconds of training, and in examples where these are not the steps by another name.

    Nothing on a target that neither side was measured against.
    """
    by_point = {each.point: each for each in evidence.conditions}
    against = {each.point: each for each in evidence.comparisons}
    times, said = evidence.times, []
    for point, target in sorted(times["steps"], key=lambda key: [*against].index(key[0])):
        c = against[point]
        if c.baseline_point is None:
            continue
        mine, base = by_point[point], by_point[c.baseline_point]
        text = f"{_steps(c, target, times['steps'][point, target])}{_medians(mine, base, target)}"
        if mine.examples_per_step != base.examples_per_step:
            text += _otherwise(c, times["examples"][point, target], "examples")
        if (point, target) in times["seconds"]:  # where all diverged nobody knows how long a whole training takes
            text += _otherwise(c, times["seconds"][point, target], "seconds of training")
        said.append(f"{text}.")
    return said


def _steps(c: Comparison, target: int, found: TimeRatio) -> str:
    """`bn reaches 98 % in 0.42 of the steps of none (95 % interval 0.36 to 0.49, n = 10): `, or only the target."""
    where = at(c.coordinates)
    if _unknown(found):
        label = place_label(c.coordinates)
        return f"At {label}, validation accuracy of {target} %: " if label else f"Validation accuracy of {target} %: "
    share, basis = _share(found)
    shown = f"{share} the steps of {c.baseline} ({basis}; {_censored(c, found)}{tested('log-rank test', found)})"
    if found.verdict == "undecided":
        return f"No difference detected in steps to {target} % between {c.variant} and {c.baseline}{where}: {shown}; "
    return f"{c.variant} reaches {target} %{where} in {shown}; "


def _otherwise(c: Comparison, found: TimeRatio, what: str) -> str:
    """`; in seconds of training 0.55 of those of none (95 % interval 0.47 to 0.66, n = 10; log-rank p = 0.004)`."""
    unlike = f"{counted(found.unlike, 'pair')} left out that are not known to have shared one machine alike"
    if _unknown(found):
        return f"; {what} are not compared ({unlike})" if found.unlike else ""
    within = f"; ratio of the means within {duration(found.ratio.budget)}" if found.ratio.censored else ""
    begins = f"no difference detected in {what}:" if found.verdict == "undecided" else f"in {what}"
    share, basis = _share(found, within)
    facts = [basis, tested("log-rank test", found), *([unlike] if found.unlike else [])]
    return f"; {begins} {share} those of {c.baseline} ({'; '.join(facts)})"


def _unknown(found: TimeRatio) -> bool:
    """Whether the pairs are too few for a ratio."""
    return found.ratio.ratio.n < FEWEST or math.isnan(found.ratio.ratio.mean)


def _share(found: TimeRatio, within: str = "") -> tuple[str, str]:
    """`0.42 of`, or `1.31 times`; and its interval, with which factor could have been detected where none was."""
    mean, low, high, n = found.ratio.ratio
    value, *ends = (fixed(each, ratio_decimals(found.ratio.ratio)) for each in (mean, low, high))
    basis = f"95 % interval {' to '.join(ends)}, n = {n}"
    if high - low <= 1e-9 * mean:
        basis = f"the same in each of {n} pairs"
    basis += within
    if found.verdict == "undecided" and found.least < LEVEL and math.isfinite(factor := found.detectable):
        size = "no factor below 100" if factor > 100 else f"a factor of {significant(factor, 3)}"
        basis += f"; {can_detect(n, size)}"
    return f"{value} {'times' if mean > 1 else 'of'}", basis


def _censored(c: Comparison, found: TimeRatio) -> str:
    """Which runs were counted with the whole budget because they did not reach it, and what that does."""
    if not found.ratio.censored:
        return ""
    sides = [(c.variant, found.missed), (c.baseline, found.baseline_missed)]
    runs = " and ".join(f"{missed} of {name}" for name, missed in sides if missed)
    text = f"ratio of the mean steps within {fixed(found.ratio.budget, 0)}, where {runs} had not reached it"
    if not (found.missed and found.baseline_missed):
        text += f": without this limit it would be {'larger' if found.missed else 'smaller'}"
    return f"{text}; "


def _medians(mine: Condition, base: Condition, target: int) -> str:
    found, other = mine.times["steps"][target], base.times["steps"][target]
    if found.reached == other.reached == 0 and found.budget == other.budget:
        within = f"within {fixed(found.budget, 0)} steps (0 of {found.n} trials, 0 of {other.n})"
        return f"neither {mine.variant} nor {base.variant} reaches it {within}"
    return f"{mine.variant} {_median(found)}; {base.variant} {_median(other)}"


def _median(found: TimeToTarget) -> str:
    trials = f"{found.reached} of {counted(found.n, 'trial')}"
    if found.reached == 0:
        return f"does not reach it within {fixed(found.budget, 0)} steps (0 of {found.n})"
    if math.isinf(found.median):
        return f"reaches it in {trials}, so that its median lies above {fixed(found.budget, 0)} steps"
    return f"reaches it at a median of {fixed(found.median, 0)} steps ({trials})"
