"""The time to a validation accuracy: in steps, examples and seconds, and as a multiple of the baseline's.

Figures and a table, and below it how a variant compares, in sentences; `speed_line` says it in one line.
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
from bnexp.evidence.time_to_accuracy import MEASURES, TARGETS, Measure, TimeRatio
from bnexp.reporting.columns import estimated, framed
from bnexp.reporting.drawing.figures import MANY, spread
from bnexp.reporting.drawing.survival import TargetPanel, time_to_target, times_apart
from bnexp.reporting.numbers import ABSENT, Number, cell, fixed, headings, p_value, ratio, steps, time
from bnexp.reporting.part import Context, Figure, Part, Table
from bnexp.reporting.phrases import at, counted, places, tested, times_as_long
from bnexp.specs.wording import either, every
from bnexp.stats.estimates import Interval
from bnexp.stats.survival import TimeToTarget

COLUMNS = {
    "target": ("int64", "target"),  # validation accuracy, per cent
    "measure": ("object", "measure"),  # steps, examples, seconds
    "n_runs": ("int64", "known.n"),  # finished trials, diverged ones included
    "n_reached": ("int64", "known.reached"),
    "median_after": ("float64", "known.after"),  # the median over all runs lies above this, and at `median` or below
    "median": ("float64", "known.median"),  # infinite where half of them or more did not reach it
    "budget": ("float64", "known.budget"),  # the shortest time that a run without success was watched for
    "baseline": ("object", "baseline"),
    "n_pairs": ("Int64", "found.ratio.n"),
    "n_unlike": ("Int64", "found.unlike"),  # pairs left out of the seconds: surroundings not known to be alike
    **estimated("ratio", "found.ratio"),  # time over the baseline's, paired, 95 % interval: 0 or infinite without limit
    "log_rank_p": ("float64", "found.test.p"),  # exact test for pairs
    "log_rank_p_holm": ("float64", "found.p_holm"),  # over the comparisons to this target in this measure
}
"""Column to its type in pandas, and where its value stands in a `_Row`."""


SOONER = {"lower": "sooner", "higher": "later"}
"""What a verdict says of times."""


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
        targets = every([*dict.fromkeys(str(panel.target) for panel in part)])
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
    return framed([row.condition for row in rows], rows, COLUMNS)


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
            f" Of {evidence.plan.baseline}'s: ratio over pairs of one seed with its 95 % interval, by the exact "
            "log-rank test inverted; p: that test with Holm's correction."
        )
    return said


def _targets(conditions: Sequence[Condition], *, reached: bool = True) -> set[int]:
    """Those that any run reached, or was measured against."""
    times = [item for each in conditions for item in each.times["steps"].items()]
    return {target for target, known in times if (known.reached if reached else known.n)}


def _ratio(found: TimeRatio | None, runs: int) -> str:
    """`0.42 [0.36, 0.49]`, and the pairs where they are fewer than the runs."""
    if found is None:
        return ABSENT
    n = found.ratio.n
    pairs = f" ({counted(n, 'pair')})" if 0 < n < runs else ""
    return Number(f"{ratio(found.ratio)}{pairs}", found.ratio.mean)


def legend(evidence: Evidence) -> Iterator[str]:
    """What the columns of `readable` mean, one sentence each."""
    never = [f"{target:g}" for target in TARGETS if target not in _targets(evidence.conditions)]
    yield (
        "Time to a validation accuracy: the first of two consecutive evaluations at or above it, and the one before, "
        "between which the true moment lies; median over the runs. Runs that did not reach it, diverged ones among "
        "them, count as later than all (>: half of the runs or more)."
    )
    if evidence.comparisons:
        yield (
            f"Of {evidence.plan.baseline}'s: the ratio of the times of one seed with its 95 % interval, wherever they "
            "lie between two evaluations: the factors that the log-rank test does not reject; below 1 is sooner; "
            f"{ABSENT}: no limit. p: that test, exact and for pairs, with Holm's correction over the comparisons to "
            f"one target in one measure{_least(evidence)}."
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
    """The steps to each accuracy as a multiple of the baseline's, the medians, and how many reached it; then the same
    in seconds of training, and in examples where these are not the steps by another name.

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
        known, other = mine.times["steps"][target], base.times["steps"][target]
        if known.reached == other.reached == 0:
            counts = f"(0 of {known.n}, 0 of {other.n})"
            said.append(f"Neither {mine.variant} nor {base.variant} reaches {target} %{at(c.coordinates)} {counts}.")
            continue
        text = [told(c, f"{target} %", times["steps"][point, target])]
        text += ["; ".join(f"{each.variant} {_reaches(each, target)}" for each in (mine, base))]
        for measure in MEASURES[1:] if mine.examples_per_step != base.examples_per_step else MEASURES[2:]:
            # Where all diverged nobody knows how long a whole training takes.
            found = times[measure].get((point, target))
            if found and (found.unlike or not math.isnan(found.ratio.mean)):
                text.append(_otherwise(c, found, measure))
        said.append(" ".join(f"{each}." for each in text))
    return said


def told(c: Comparison, target: str, found: TimeRatio | Comparison, *, asserts: bool = False) -> str:
    """`bn to 98 %, exploratory: 0.42× [0.36, 0.49] the steps of none (n = 10; log-rank p = 0.002)`.

    Or, where it `asserts`, `bn reaches 98 % sooner than none: ...`.
    """
    where, shown = at(c.coordinates), _multiple(found, f"the steps of {c.baseline}")
    if not asserts:
        return f"{c.variant} to {target}{where}, exploratory: {shown}"
    if sooner := SOONER.get(found.verdict):
        return f"{c.variant} reaches {target}{where} {sooner} than {c.baseline}: {shown}"
    return f"No difference detected in steps to {target} between {c.variant} and {c.baseline}{where}: {shown}"


def _otherwise(c: Comparison, found: TimeRatio, measure: Measure) -> str:
    """`In seconds of training: 0.55× [0.47, 0.66] those of none (n = 10; log-rank p = 0.004)`."""
    what = {"seconds": "seconds of training"}.get(measure, measure)
    unlike = f"; {counted(found.unlike, 'pair')} left out that are not known to have shared one machine alike"
    return f"In {what}: {_multiple(found, f'those of {c.baseline}')}{unlike if found.unlike else ''}"


def _multiple(found: TimeRatio | Comparison, of: str) -> str:
    """`0.42× [0.36, 0.49] the steps of none (n = 10; log-rank p = 0.002)`; no ratio of two pairs, or of no time."""
    estimate, test = found.ratio or Interval(math.nan, math.nan, math.nan, 0), tested("log-rank test", found)
    if estimate.n < FEWEST:
        return f"too few pairs for a ratio (n = {estimate.n})"
    basis = f"(n = {estimate.n}; {test})" if found.least < LEVEL else f"({test})"  # which says n itself
    if math.isnan(estimate.mean):
        return f"no ratio, because one of them never reaches it {basis}"
    return f"{times_as_long(estimate)} {of} {basis}"


def speed_line(evidence: Evidence, point: int) -> str:
    """Of one condition: `97 % validation accuracy in 0.50× the steps [0.42, 0.61]`, or whether it gets there.

    To the highest target that half of the runs of both sides reached, or else that the baseline did.  What is not
    compared has its median; of methods with statistics it says also how soon recalibrated ones are there.
    """
    by_point = {each.point: each for each in evidence.conditions}
    mine = by_point[point]
    against = {each.point: each.baseline_point for each in evidence.comparisons}.get(point)
    base = mine if against is None else by_point[against]
    sides = [each.times["steps"] for each in (mine, base)]
    if not all(side[TARGETS[0]].n for side in sides):
        return ""
    both = [target for target in TARGETS if all(2 * side[target].reached >= side[target].n for side in sides)]
    target = max(both or [each for each in TARGETS if sides[1][each].reached], default=TARGETS[0])
    found = evidence.times["steps"].get((point, target))
    if found is None or found.ratio.n < FEWEST or math.isnan(found.ratio.mean):
        said = _reaches(mine, target, f"{target} % validation accuracy")
    else:
        said = f"{target} % validation accuracy in {_share(found.ratio)}"
    learned = evidence.recalibrated_steps(point, target)
    if learned is None or learned.n < FEWEST or math.isnan(learned.mean):
        return said
    return f"{said}; recalibrated {_share(learned).replace(' the steps', '')}"


def _share(estimate: Interval) -> str:
    """`0.50× the steps [0.42, 0.61]`; of limits that are not there in words."""
    middle, _, limits = ratio(estimate).partition(" ")
    low, _, high = limits.strip("[]").partition(", ")
    if low == ABSENT:
        limits = f"(at most {high}×)" if high else "(too few pairs for an interval)"
    return f"{middle}× the steps {f'(at least {low}×)' if high == ABSENT else limits}"


def _reaches(condition: Condition, target: int, what: str = "it") -> str:
    """`reaches it at a median of 328–390 steps (10 of 10)`."""
    known = condition.times["steps"][target]
    count = f"({known.reached} of {known.n})"
    if not known.reached:
        return f"does not reach {what} within {fixed(known.budget, 0)} steps {count}"
    if math.isinf(known.median):
        return f"reaches {what} within {fixed(known.budget, 0)} steps in half of the trials at most {count}"
    return f"reaches {what} at a median of {time(known)} steps {count}"
