"""How much sooner or later a variant reaches a validation accuracy, in sentences: one per comparison and target."""

import math

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST
from bnexp.evidence.time_to_accuracy import TimeRatio
from bnexp.reporting.numbers import duration, fixed, ratio_decimals, significant
from bnexp.reporting.part import Context, Part
from bnexp.reporting.phrases import at, can_detect, counted, tested
from bnexp.specs.wording import place_label
from bnexp.stats.convergence import TimeToTarget


def convergence(evidence: Evidence, _: Context) -> Part | None:
    """It goes on below the table of times."""
    said = sentences(evidence)
    return Part(sentences=tuple(said)) if said else None


def sentences(evidence: Evidence) -> list[str]:
    """The steps to the accuracy as a share of the baseline's, with its interval, the medians, and how many reached it;
    then the same in seconds of training, and in examples where these are not the steps by another name.

    Nothing on a target that neither side was measured against.
    """
    by_point = {each.point: each for each in evidence.conditions}
    against = {each.point: each for each in evidence.comparisons}
    steps, examples, seconds = (evidence.times[measure] for measure in ("steps", "examples", "seconds"))
    found = []
    for point, target in sorted(steps, key=lambda key: [*against].index(key[0])):
        c = against[point]
        if c.baseline_point is None:
            continue
        mine, base = by_point[point], by_point[c.baseline_point]
        said = f"{_ratio(c, target, steps[point, target])}{_medians(mine, base, target)}"
        if mine.examples_per_step != base.examples_per_step:
            said += _otherwise(c, examples[point, target], "examples")
        if (point, target) in seconds:  # where all diverged nobody knows how long a whole training takes
            said += _otherwise(c, seconds[point, target], "seconds of training")
        found.append(f"{said}.")
    return found


def _ratio(c: Comparison, target: int, time: TimeRatio) -> str:
    """`bn reaches 98 % in 0.42 of the steps of none (95 % interval 0.36 to 0.49, n = 10): `, or only the target."""
    where = at(c.coordinates)
    if _unknown(time):
        label = place_label(c.coordinates)
        return f"At {label}, validation accuracy of {target} %: " if label else f"Validation accuracy of {target} %: "
    share, basis = _share(time)
    shown = f"{share} the steps of {c.baseline} ({basis}; {_censored(c, time)}{_test(time)})"
    if time.verdict == "undecided":
        return f"No detectable difference in steps to {target} % between {c.variant} and {c.baseline}{where}: {shown}; "
    if time.verdict == "signs":
        sooner = "sooner" if time.faster else "later"
        return f"Signs that {c.variant} reaches {target} % {sooner}{where}, not confirmed: in {shown}; "
    return f"{c.variant} reaches {target} %{where} in {shown}; "


def _otherwise(c: Comparison, time: TimeRatio, what: str) -> str:
    """`; in seconds of training 0.55 of those of none (95 % interval 0.47 to 0.66, n = 10; log-rank p = 0.004)`."""
    unlike = f"{counted(time.unlike, 'pair')} left out that are not known to have shared one machine alike"
    if _unknown(time):
        return f"; {what} are not compared ({unlike})" if time.unlike else ""
    within = f"; ratio of the means within {duration(time.ratio.budget)}" if time.ratio.censored else ""
    begins = {
        "undecided": f"no detectable difference in {what}:",
        "signs": f"signs that it takes {'fewer' if time.faster else 'more'} {what}, not confirmed:",
    }.get(time.verdict, f"in {what}")
    share, basis = _share(time, within)
    return f"; {begins} {share} those of {c.baseline} ({basis}; {_test(time)}{f'; {unlike}' if time.unlike else ''})"


def _unknown(time: TimeRatio) -> bool:
    """Whether the pairs are too few for a ratio."""
    return time.ratio.ratio.n < FEWEST or math.isnan(time.ratio.ratio.mean)


def _share(time: TimeRatio, within: str = "") -> tuple[str, str]:
    """`0.42 of`, or `1.31 times`; and its interval, with which factor could have been detected where none was."""
    mean, low, high, n = time.ratio.ratio
    value, *ends = (fixed(each, ratio_decimals(time.ratio.ratio)) for each in (mean, low, high))
    basis = f"95 % interval {' to '.join(ends)}, n = {n}"
    if high - low <= 1e-9 * mean:
        basis = f"the same in each of {n} pairs"
    basis += within
    if time.verdict == "undecided" and math.isfinite(factor := time.ratio.detectable):
        size = "no factor below 100" if factor > 100 else f"a factor of {significant(factor, 3)}"
        basis += f"; {can_detect(n, size)}"
    return f"{value} {'times' if mean > 1 else 'of'}", basis


def _test(time: TimeRatio) -> str:
    return tested("log-rank test", time.test, time.p_holm, time.family)


def _censored(c: Comparison, time: TimeRatio) -> str:
    """Which runs were counted with the whole budget because they did not reach it, and what that does."""
    if not time.ratio.censored:
        return ""
    sides = [(c.variant, time.missed), (c.baseline, time.baseline_missed)]
    runs = " and ".join(f"{missed} of {name}" for name, missed in sides if missed)
    text = f"ratio of the mean steps within {fixed(time.ratio.budget, 0)}, where {runs} had not reached it"
    if not (time.missed and time.baseline_missed):
        text += f": without this limit it would be {'larger' if time.missed else 'smaller'}"
    return f"{text}; "


def _medians(mine: Condition, base: Condition, target: int) -> str:
    time, other = mine.times["steps"][target], base.times["steps"][target]
    if time.reached == other.reached == 0 and time.budget == other.budget:
        within = f"within {fixed(time.budget, 0)} steps (0 of {time.n} trials, 0 of {other.n})"
        return f"neither {mine.variant} nor {base.variant} reaches it {within}"
    return f"{mine.variant} {_median(time)}; {base.variant} {_median(other)}"


def _median(time: TimeToTarget) -> str:
    trials = f"{time.reached} of {counted(time.n, 'trial')}"
    if time.reached == 0:
        return f"does not reach it within {fixed(time.budget, 0)} steps (0 of {time.n})"
    if math.isinf(time.median):
        return f"reaches it in {trials}, so that its median lies above {fixed(time.budget, 0)} steps"
    return f"reaches it at a median of {fixed(time.median, 0)} steps ({trials})"
