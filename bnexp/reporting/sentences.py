"""What may be said, in plain sentences that are computed: what is missing first, then one per comparison.

No difference is ever called none, nothing is called equal, and equivalent only what a test of equivalence shows to be.
A difference is asserted only where interval and corrected test agree; where one of them alone sees it, it says so.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST, LEVEL
from bnexp.evidence.side import Counts, ordered_points
from bnexp.evidence.time_to_accuracy import TimeRatio, time_ratios
from bnexp.records.plan import StoredPlan, StoredPoint
from bnexp.reporting.numbers import (
    decimals,
    duration,
    ends,
    fixed,
    p_value,
    significant,
    whole_numbers,
)
from bnexp.specs.wording import place_label
from bnexp.stats.estimates import Interval
from bnexp.stats.paired import SignFlip

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
    said = _two_pairs(c) if n < FEWEST and any(c.differences) else _claim(c)
    return f"{said}{_basis(c)}{_left_out(c)}."


def _two_pairs(c: Comparison) -> str:
    """Two pairs are told, and no more: one more could turn everything."""
    mean = fixed(c.difference.mean, decimals(c.difference.half_width), sign=True)
    return (
        f"{c.variant} against {c.baseline}{_where(c.coordinates)}: {mean} points of test accuracy on average over two "
        f"pairs ({_span(c)}, {_n(c)}; {_test(c)}); two pairs neither show a difference nor rule one out"
    )


def _claim(c: Comparison) -> str:
    """What three or more pairs show, by `Comparison.verdict`."""
    where, places = _where(c.coordinates), decimals(c.difference.half_width)
    mean = fixed(c.difference.mean, places, sign=True)
    direction = "higher" if c.difference.mean > 0 else "lower"
    if not any(c.differences):
        return (
            f"No detectable difference in test accuracy between {c.variant} and {c.baseline}{where}: "
            f"0 points in each pair ({_n(c)}; without scatter, what so many seeds could see is unknown)"
        )
    if c.verdict in ("higher", "lower"):
        return (
            f"{c.variant} has a test accuracy {fixed(abs(c.difference.mean), places)} points {direction} than "
            f"{c.baseline}{where} ({_span(c)}, {_n(c)}; {_test(c)}){_yet(c)}{_other_images(c)}"
        )
    if c.verdict == "signs":
        despite = "; the interval holds zero" if c.difference.contains_zero else ""
        return (
            f"Signs that {c.variant} has a {direction} test accuracy than {c.baseline}{where}, not confirmed: "
            f"{mean} points ({_span(c)}, {_n(c)}; {_test(c)}{despite}){_yet(c)}"
        )
    if c.verdict == "equivalent":
        return (
            f"{c.variant} and {c.baseline} are equivalent in test accuracy within {_margin(c)}{where}: "
            f"{mean} points ({_span(c)}, {_n(c)}; {_equivalence(c)}; {_power(c)}; {_test(c)}){_other_images(c)}"
        )
    return (
        f"No detectable difference in test accuracy between {c.variant} and {c.baseline}{where}: "
        f"{mean} points ({_span(c)}, {_n(c)}; {_power(c)}; {_test(c)}), and no equivalence within {_margin(c)} shown"
    )


def _span(c: Comparison) -> str:
    return f"95 % interval {' to '.join(ends(c.difference, sign=True))}"


def _margin(c: Comparison) -> str:
    return f"±{c.margin:g} {'point' if c.margin == 1 else 'points'}"


def _yet(c: Comparison) -> str:
    """A difference that was found, and that is shown to be too small to matter."""
    return f", yet the two are equivalent within {_margin(c)} ({_equivalence(c)})" if c.equivalent else ""


def _equivalence(c: Comparison) -> str:
    text = f"equivalence p={p_value(c.equivalence_p_holm)}".replace("=<", "<")
    return text + (f" after Holm's correction over {c.family} comparisons" if c.family > 1 else "")


def _other_images(c: Comparison) -> str:
    """Where what was found on these test images might not stand on others."""
    if c.sampling is None:
        return ""
    estimate = c.sampling.interval
    if c.verdict == "equivalent":
        beyond = "go beyond the margin" if max(-estimate.low, estimate.high) > c.margin else ""
    else:
        beyond = "hold zero" if estimate.contains_zero else ""
    span = " to ".join(ends(estimate, sign=True))
    here = f"this is for these {c.sampling.n_images:,} test images: for others as well the 95 % interval would be"
    return f"; {here} {span}, and {beyond}" if beyond else ""


def _power(c: Comparison) -> str:
    """Which difference could have been seen; accuracies cannot differ by more than 100 points."""
    if c.detectable > 100:
        return "this many seeds could see no difference at all"
    return f"this many seeds could see {significant(c.detectable, 2)} points"


def _test(c: Comparison) -> str:
    """The sign-flip test of the test accuracy."""
    return _tested("sign-flip test", c.test, c.p_holm, c.family)


def _tested(name: str, test: SignFlip, p: float, family: int) -> str:
    """A test over swaps of the pairs, corrected over its family, and what it cannot do with so few of them."""
    least, correction = test.smallest, f"Holm's correction over {family} comparisons"
    ties = {0: "", 1: ", 1 of them a tie"}
    n = f"n={test.n}" + ties.get(test.ties, f", {test.ties} of them ties")
    if least >= LEVEL:
        return f"the {name} cannot go below .05 with {n}: its smallest p is {least:.3g}"
    if least * family >= LEVEL:
        return (
            f"the {name} cannot go below .05 with {n} and {correction}: "
            f"its smallest p is {min(1.0, least * family):.3g}"
        )
    text = f"{name.removesuffix(' test')} p={p_value(p)}".replace("=<", "<")
    return text + (f" after {correction}" if family > 1 else "")


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
    """One sentence per comparison and target: the steps to that validation accuracy as a share of the baseline's,
    with its interval, the medians, and how many got there; then the same in seconds of training, and in examples
    where these are not the steps by another name.

    Nothing on a target that neither side was measured against.
    """
    by_point = {each.point: each for each in conditions}
    against = {each.point: each for each in comparisons}
    examples, seconds = (time_ratios(conditions, comparisons, measure) for measure in ("examples", "seconds"))
    found = []
    for (point, target), pace in sorted(
        time_ratios(conditions, comparisons, "steps").items(), key=lambda item: [*against].index(item[0][0])
    ):
        c = against[point]
        if c.baseline_point is None:
            continue
        mine, base = by_point[point], by_point[c.baseline_point]
        said = f"{_ratio(c, target, pace)}{_paces(mine, base, target)}"
        if mine.examples_per_step != base.examples_per_step:
            said += _otherwise(c, examples[point, target], "examples")
        if (point, target) in seconds:  # where all diverged nobody knows how long a whole training takes
            said += _otherwise(c, seconds[point, target], "seconds of training")
        found.append(f"{said}.")
    return found


def _otherwise(c: Comparison, pace: TimeRatio, what: str) -> str:
    """`; in seconds of training 0.55 of those of none (95 % interval 0.47 to 0.66, n=10; log-rank p=0.004)`."""
    estimate = pace.ratio.ratio
    pairs = "pair" if pace.unlike == 1 else "pairs"
    left_out = f"{pace.unlike} {pairs} left out that are not known to have shared one machine alike"
    if estimate.n < FEWEST or math.isnan(estimate.mean):
        return f"; {what} are not compared ({left_out})" if pace.unlike else ""
    places = max(2, decimals(estimate.half_width))
    share = f"{fixed(estimate.mean, places)} {'times' if estimate.mean > 1 else 'of'} those of {c.baseline}"
    within = f"; ratio of the means within {duration(pace.ratio.budget)}" if pace.ratio.censored else ""
    power = _factor(pace) if pace.verdict == "undecided" else ""
    tested = _tested("log-rank test", pace.test, pace.p_holm, pace.family)
    fewer = "fewer" if pace.faster else "more"
    begins = {
        "undecided": f"no detectable difference in {what}:",
        "signs": f"signs that it takes {fewer} {what}, not confirmed:",
    }.get(pace.verdict, f"in {what}")
    span = _span_of_ratio(estimate, places)
    return f"; {begins} {share} ({span}{within}{power}; {tested}{f'; {left_out}' if pace.unlike else ''})"


def _span_of_ratio(estimate: Interval, places: int) -> str:
    low, high = fixed(estimate.low, places), fixed(estimate.high, places)
    if estimate.high - estimate.low <= 1e-9 * estimate.mean:
        return f"the same in each of {estimate.n} pairs"
    return f"95 % interval {low} to {high}, n={estimate.n}"


def _factor(pace: TimeRatio) -> str:
    """Which factor could have been seen."""
    if not math.isfinite(pace.ratio.detectable):
        return ""
    if pace.ratio.detectable > 100:
        return "; this many seeds could see no factor below 100"
    return f"; this many seeds could see a factor of {significant(pace.ratio.detectable, 3)}"


def _ratio(c: Comparison, target: int, pace: TimeRatio) -> str:
    """`bn reaches 98 % in 0.42 of the steps of none (95 % interval 0.36 to 0.49, n=10): `, or only the target."""
    where, estimate = _where(c.coordinates), pace.ratio.ratio
    if estimate.n < FEWEST or math.isnan(estimate.mean):
        label = place_label(c.coordinates)
        return f"At {label}, validation accuracy of {target} %: " if label else f"Validation accuracy of {target} %: "
    places = max(2, decimals(estimate.half_width))
    share = f"{fixed(estimate.mean, places)} {'times' if estimate.mean > 1 else 'of'} the steps of {c.baseline}"
    span, power = _span_of_ratio(estimate, places), _factor(pace) if pace.verdict == "undecided" else ""
    tested = _tested("log-rank test", pace.test, pace.p_holm, pace.family)
    shown = f"{share} ({span}{power}; {_censored(c, pace)}{tested})"
    if pace.verdict == "undecided":
        return f"No detectable difference in steps to {target} % between {c.variant} and {c.baseline}{where}: {shown}; "
    if pace.verdict == "signs":
        sooner = "sooner" if pace.faster else "later"
        return f"Signs that {c.variant} reaches {target} % {sooner}{where}, not confirmed: in {shown}; "
    return f"{c.variant} reaches {target} %{where} in {shown}; "


def _censored(c: Comparison, pace: TimeRatio) -> str:
    """Which runs were counted with the whole budget because they did not get there, and what that does."""
    if not pace.ratio.censored:
        return ""
    sides = [(c.variant, pace.missed), (c.baseline, pace.baseline_missed)]
    runs = " and ".join(f"{missed} of {name}" for name, missed in sides if missed)
    are = "is" if pace.ratio.censored == 1 else "are"
    text = f"ratio of the mean steps within {fixed(pace.ratio.budget, 0)}, where {runs} {are} not there yet"
    if pace.missed and pace.baseline_missed:
        return f"{text}; "
    return f"{text}: without this limit it would be {'larger' if pace.missed else 'smaller'}; "


def _paces(mine: Condition, base: Condition, target: int) -> str:
    time, other = mine.times["steps"][target], base.times["steps"][target]
    if time.reached == other.reached == 0 and time.budget == other.budget:
        within = f"within {fixed(time.budget, 0)} steps (0 of {time.n} trials, 0 of {other.n})"
        return f"neither {mine.variant} nor {base.variant} gets there {within}"
    return f"{mine.variant} {_pace(mine, target)}; {base.variant} {_pace(base, target)}"


def _pace(condition: Condition, target: int) -> str:
    time = condition.times["steps"][target]
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
