"""What may be said of the test accuracy, in plain sentences that are computed: one per comparison.

No difference is ever called none, nothing is called equal, and equivalent only what a test of equivalence shows to be.
A difference is asserted only where interval and corrected test agree (`evidence.rule`).
"""

from collections.abc import Sequence
from typing import get_args

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST, LEVEL, Verdict
from bnexp.reporting.numbers import decimals, ends, fixed, significant
from bnexp.reporting.part import Context, Part
from bnexp.reporting.parts.moving_averages import caveat
from bnexp.reporting.phrases import (
    at,
    can_detect,
    change,
    counted,
    left_out,
    out_of,
    p_phrase,
    span,
    tested,
    trained,
    untrained,
)
from bnexp.specs.experiment import seeds_needed


def tally(against: Sequence[Comparison]) -> str:
    """How many comparisons came to which verdict."""
    verdicts = [each.verdict for each in against]
    higher, lower, equivalent, undecided, nothing = map(verdicts.count, get_args(Verdict))
    text = (
        f"Of {len(against)} comparisons with {against[0].baseline}, test accuracy is higher in {higher} and lower in "
        f"{lower}, equivalent within ±{against[0].margin:g} pp in {equivalent}, and no difference is detected in "
        f"{undecided}"
    )
    text += f"; in {nothing} nothing can be said of the mean." if nothing else "."
    more, less = (sum(each.trains == found for each in against) for found in ("higher", "lower"))
    return text + (f" It trains more often in {more} and less often in {less}." if more or less else "")


def differences(evidence: Evidence, _: Context) -> Part | None:
    """One sentence per comparison, with what must be known of moving averages beside it."""
    caveats = {condition.point: caveat(condition) for condition in evidence.conditions}
    said = [difference(each) + caveats[each.point] for each in evidence.comparisons]
    about = counted(len(said), "comparison of test accuracy", "comparisons of test accuracy")
    return Part("Every test, in words", about, sentences=tuple(said)) if said else None


def headline(c: Comparison) -> str:
    """`no difference detected, +0.11 pp [−0.04, +0.27], n = 10 (could have detected 0.29 pp)`: the first screen's."""
    n = out_of(c.difference.n, c.planned)
    if c.baseline_point is None or c.same or not c.differences:
        return f"nothing to compare: {_nothing(c)}"
    between = f" [{', '.join(ends(c.difference, sign=True))}]" if c.difference.n > 1 else ""
    shown = f"{change(c.difference)} pp{between}, {n}"
    if c.verdict in ("higher", "lower", "equivalent"):
        within, name, p = "", "Holm-adjusted" if c.family > 1 else "sign-flip", c.p_holm
        if c.verdict == "equivalent":
            within, name, p = f" within ±{c.margin:g} pp", "TOST", c.equivalence_p_holm
        here = " on these test images" if _elsewhere(c) else ""
        return f"{c.verdict}{within}{here}, {shown} ({p_phrase(name, p, 1)})"
    if c.difference.n > 1 and not any(c.differences):
        return f"no difference detected, 0 pp in each pair, {n}"
    if c.verdict == "nothing" or c.least >= LEVEL:
        needed = seeds_needed(c.family)
        why = f"at least {needed} needed" if needed > c.test.n else f"{counted(c.test.ties, 'tie')} among them"
        return f"too few pairs to detect a difference, {shown} ({why})"
    return f"no difference detected, {shown} (could have detected {_detectable(c)})"


def _nothing(c: Comparison) -> str:
    if c.same:
        return "both are the same trials under two names"
    if c.baseline_point is None:
        return f"{c.baseline} was not trained there"
    return "no pair in which both trained" if c.outcomes else "no pair of finished trials yet"


def outcomes(c: Comparison) -> str:
    """`less often, 3 of 10 trials, none 10 of 10`; empty where all trials of both trained."""
    n, (first, second) = len(c.outcomes), c.trained
    often = {"higher": "more often, ", "lower": "less often, "}.get(c.trains, "")
    return f"{often}{second} of {n} trials, {c.baseline} {first} of {n}" if min(first, second) < n else ""


def difference(c: Comparison) -> str:
    """What may be said of the test accuracy of one variant against the baseline."""
    pair, n = f"{c.variant} against {c.baseline}{at(c.coordinates)}", c.difference.n
    if c.baseline_point is None or c.same:
        return f"{pair}: {_nothing(c)}, so that there is nothing to compare."
    if n == 0:
        said = f"{pair}: {_nothing(c)} (0 of {c.planned})"
    elif n == 1:
        said = (
            f"{pair}: {fixed(c.difference.mean, 2, sign=True)} pp of test accuracy in the only pair "
            f"({out_of(n, c.planned)}); one pair has no interval, and nothing follows from it"
        )
    else:
        said = _claim(c) + (f"; paired by seed only, as the config declares {c.declared}" if c.declared else "")
    return f"{_trained(c)}{said}{left_out(c.mismatches)}."


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
    where, two, mean = at(c.coordinates), f"{c.variant} and {c.baseline}", f"{change(c.difference)} pp"
    n, test = out_of(c.difference.n, c.planned), tested("sign-flip test", c)
    interval = f"{span(c.difference)}, {n}"
    direction = "higher" if c.difference.mean > 0 else "lower"
    within = f"within ±{c.margin:g} pp"
    equivalence = p_phrase("equivalence", c.equivalence_p_holm, c.family)
    # A difference that was found, and that is shown to be too small to matter.
    yet = f", yet the two are equivalent {within} ({equivalence})" if c.equivalent else ""
    if not any(c.differences):
        return (
            f"No difference detected in test accuracy between {two}{where}: 0 pp in each pair ({n}; without scatter, "
            "the detectable difference is unknown)"
        )
    if c.difference.n < FEWEST:  # told, and no more: one more pair could turn everything
        return (
            f"{c.variant} against {c.baseline}{where}: {mean} of test accuracy on average over two pairs ({interval}; "
            f"{test}); two pairs neither show a difference nor rule one out"
        )
    if c.verdict in ("higher", "lower"):
        points = fixed(abs(c.difference.mean), decimals(c.difference.half_width))
        return (
            f"{c.variant} has a test accuracy {points} pp {direction} than {c.baseline}{where} ({interval}; {test})"
            f"{yet}{_other_images(c)}"
        )
    power = "" if c.least >= LEVEL else f"{can_detect(c.difference.n, _detectable(c))}; "  # the test says it
    if c.verdict == "equivalent":
        return (
            f"{two} are equivalent in test accuracy {within}{where}: {mean} ({interval}; {equivalence}; {power}"
            f"{test}; {untrained(c, c.variant)}){_other_images(c)}"
        )
    return (
        f"No difference detected in test accuracy between {two}{where}: {mean} ({interval}; {power}{test}), and no "
        f"equivalence {within} shown"
    )


def _detectable(c: Comparison) -> str:
    """Accuracies cannot differ by more than 100 points."""
    return "no difference at all" if c.detectable > 100 else f"{significant(c.detectable, 2)} pp"


def _elsewhere(c: Comparison) -> str:
    """What the interval for other test images does where it does not bear out what was found on these."""
    if c.sampling is None:
        return ""
    estimate = c.sampling.interval
    if c.verdict == "equivalent":
        return "go beyond the margin" if max(-estimate.low, estimate.high) > c.margin else ""
    return "include zero" if estimate.contains_zero else ""


def _other_images(c: Comparison) -> str:
    """Where what was found on these test images might not stand on others."""
    if c.sampling is None or not (beyond := _elsewhere(c)):
        return ""
    here = f"this is for these {c.sampling.n_images:,} test images: for others as well the 95 % interval would be"
    return f"; {here} {' to '.join(ends(c.sampling.interval, sign=True))}, and {beyond}"
