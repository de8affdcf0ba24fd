"""What may be said, in plain sentences that are computed: what is missing first, then one per comparison.

No difference is ever called none, and nothing is called equal: that needs a test of equivalence.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bnexp.report.comparisons import TARGETS, Comparison, Condition, Counts, ordered_points
from bnexp.report.numbers import decimals, ends, fixed, p_value, place_label, significant, whole_numbers
from bnexp.results.plan import StoredPlan, StoredPoint

LISTED = 6
"""So many places are named; the rest is counted."""


def incomplete(trials: pd.DataFrame, plan: StoredPlan) -> list[str]:
    """What stands above everything else: trials that are missing, failed or diverged; [] if none.

    "3 of 50 trials are missing: ln at batch size 16 (seeds 3, 4), gn at batch size 64 (seed 4)."
    """
    remarks = {
        "missing": ("is missing", "are missing", ""),
        "failed": ("failed", "failed", ""),
        "diverged": ("diverged", "diverged", " Diverged trials are counted as such, and are in no mean."),
    }
    found = []
    for status, (one, many, remark) in remarks.items():
        concerned = trials[trials["status"] == status]
        if n := len(concerned):
            where = _listed(
                f"{_at(plan.points[k])} ({_seeds(concerned.loc[concerned['point'] == k, 'seed'])})"
                for k in ordered_points(plan)
                if (concerned["point"] == k).any()
            )
            found.append(f"{n} of {len(trials)} trials {one if n == 1 else many}: {where}.{remark}")
    return found


def differences(comparisons: Sequence[Comparison]) -> list[str]:
    """One sentence on test accuracy per comparison, in their order."""
    return [difference(each) for each in comparisons]


def difference(c: Comparison) -> str:
    """What may be said of the test accuracy of one variant against the baseline."""
    pair = f"{c.variant} against {c.baseline}{_where(c.coordinates)}"
    if c.baseline_point is None:
        return f"{pair}: {c.baseline} was not trained there, so that there is nothing to compare with."
    if c.same:
        return f"{pair}: both are the same trials under two names, so that there is nothing to compare."
    if c.too_many_diverged:
        return f"{pair}: nothing is said of the mean test accuracy, because {_diverged(c)}{_left_out(c)}."
    n = c.difference.n
    if n == 0:
        return f"{pair}: no pair of finished trials yet (0 of {c.planned}){_left_out(c)}."
    if n == 1:
        return (
            f"{pair}: {fixed(c.difference.mean, 2, sign=True)} points of test accuracy in the only pair of finished "
            f"trials ({_n(c)}); one pair has no interval, and nothing follows from it{_left_out(c)}."
        )
    return f"{_claim(c)}{_basis(c)}{_left_out(c)}."


def _claim(c: Comparison) -> str:
    estimate, where = c.difference, _where(c.coordinates)
    places = decimals(estimate.half_width)
    span = f"95 % interval {' to '.join(ends(estimate, sign=True))}"
    if not any(c.differences):
        return (
            f"No detectable difference in test accuracy between {c.variant} and {c.baseline}{where}: "
            f"0 points in each pair ({_n(c)}; without scatter, what so many seeds could see is unknown)"
        )
    if estimate.contains_zero:
        return (
            f"No detectable difference in test accuracy between {c.variant} and {c.baseline}{where}: "
            f"{fixed(estimate.mean, places, sign=True)} points ({span}, {_n(c)}; {_power(c)}; {_test(c)})"
        )
    direction = "higher" if estimate.mean > 0 else "lower"
    return (
        f"{c.variant} has a test accuracy {fixed(abs(estimate.mean), places)} points {direction} than "
        f"{c.baseline}{where} ({span}, {_n(c)}; {_test(c)})"
    )


def _power(c: Comparison) -> str:
    """Which difference could have been seen; accuracies cannot differ by more than 100 points."""
    if c.detectable > 100:
        return "this many seeds could see no difference at all"
    return f"this many seeds could see {significant(c.detectable, 2)} points"


def _test(c: Comparison) -> str:
    """The sign-flip test, and what it cannot do with so few pairs."""
    least, family = c.test.smallest, f"Holm's correction over {c.family} comparisons"
    if least >= 0.05:
        return f"the sign-flip test cannot go below .05 with n={c.test.n}: its smallest p is {least:.3g}"
    if least * c.family >= 0.05:
        return (
            f"the sign-flip test cannot go below .05 with n={c.test.n} and {family}: "
            f"its smallest p is {min(1.0, least * c.family):.3g}"
        )
    text = f"sign-flip p={p_value(c.p_holm)}".replace("=<", "<") + (f" after {family}" if c.family > 1 else "")
    if c.p_holm >= 0.05 and not c.difference.contains_zero:
        return f"{text}, which does not confirm it"
    return text


def _n(c: Comparison) -> str:
    return f"n={c.difference.n}" + (f" of {c.planned}" if c.difference.n < c.planned else "")


def _basis(c: Comparison) -> str:
    return f"; paired by seed only, as the config declares {c.declared}" if c.declared else ""


def _left_out(c: Comparison) -> str:
    """Pairs that should have started alike and did not."""
    if not c.mismatches:
        return ""
    why = "; ".join(f"seed {seed}: {text}" for seed, text in c.mismatches.items())
    number = len(c.mismatches)
    return f"; {number} {'pair' if number == 1 else 'pairs'} left out, because they did not start alike ({why})"


def _diverged(c: Comparison) -> str:
    sides: list[tuple[str, Counts | None]] = [(c.variant, c.counts), (c.baseline, c.baseline_counts)]
    return " and ".join(
        f"{counts.diverged} of {counts.ok + counts.diverged} finished trials of {name} diverged"
        for name, counts in sides
        if counts is not None and counts.too_many_diverged
    )


def convergence(conditions: Sequence[Condition], comparisons: Sequence[Comparison]) -> list[str]:
    """One sentence per comparison and target: median steps to that validation accuracy, and how many got there.

    Nothing on a target that neither side was measured against.
    """
    by_point = {each.point: each for each in conditions}
    found = []
    for c in comparisons:
        if c.baseline_point is None:
            continue
        mine, base = by_point[c.point], by_point[c.baseline_point]
        for target in TARGETS:
            if mine.steps[target].n and base.steps[target].n:
                label = place_label(c.coordinates)
                at = f"At {label}, validation" if label else "Validation"
                found.append(f"{at} accuracy of {target} %: {_paces(mine, base, target)}.")
    return found


def _paces(mine: Condition, base: Condition, target: int) -> str:
    time, other = mine.steps[target], base.steps[target]
    if time.reached == other.reached == 0 and time.budget == other.budget:
        within = f"within {fixed(time.budget, 0)} steps (0 of {time.n} trials, 0 of {other.n})"
        return f"neither {mine.variant} nor {base.variant} gets there {within}"
    return f"{mine.variant} {_pace(mine, target)}; {base.variant} {_pace(base, target)}"


def _pace(condition: Condition, target: int) -> str:
    time = condition.steps[target]
    count = f"{time.reached} of {time.n} {'trial' if time.n == 1 else 'trials'}"
    if time.reached == 0:
        return f"does not get there within {fixed(time.budget, 0)} steps (0 of {time.n})"
    if math.isinf(time.median):
        return f"gets there in {count}, so that its median lies above {fixed(time.budget, 0)} steps"
    return f"gets there after a median of {fixed(time.median, 0)} steps ({count})"


def _where(coordinates: Mapping[str, Any]) -> str:
    label = place_label(coordinates)
    return f" at {label}" if label else ""


def _at(point: StoredPoint) -> str:
    return f"{point.variant}{_where(point.coordinates)}"


def _seeds(seeds: Iterable[int]) -> str:
    numbers = [int(seed) for seed in seeds]
    return f"{'seed' if len(numbers) == 1 else 'seeds'} {whole_numbers(numbers)}"


def _listed(items: Iterable[str]) -> str:
    texts = list(items)
    more = f", and at {len(texts) - LISTED} more places" if len(texts) > LISTED else ""
    return ", ".join(texts[:LISTED]) + more
