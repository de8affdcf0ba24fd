"""What may be said of the test accuracy, in plain sentences that are computed: one per comparison.

No difference is ever called none, nothing is called equal, and equivalent only what a test of equivalence shows to be.
A difference is asserted only where interval and corrected test agree (`evidence.rule`).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST, LEVEL, Verdict
from bnexp.reporting.numbers import decimals, ends, fixed, significant
from bnexp.reporting.part import FEW, Context, Part
from bnexp.reporting.parts.moving_averages import caveat
from bnexp.reporting.phrases import at, can_detect, change, left_out, out_of, p_phrase, span, tested, trained, untrained


def overview(evidence: Evidence, _: Context) -> Part | None:
    """How the comparisons went, where they are many."""
    against = evidence.comparisons
    return Part(region="conclusions", paragraphs=(tally(against),)) if len(against) > FEW else None


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


def differences(evidence: Evidence, _: Context) -> Part:
    """One sentence per comparison, with what must be known of moving averages beside it."""
    caveats = {condition.point: caveat(condition) for condition in evidence.conditions}
    said = [difference(each) + caveats[each.point] for each in evidence.comparisons]
    alone = "There is only one variant, and nothing to compare it with."
    return Part(region="conclusions", sentences=tuple(said or [alone]))


def difference(c: Comparison) -> str:
    """What may be said of the test accuracy of one variant against the baseline."""
    pair, n = f"{c.variant} against {c.baseline}{at(c.coordinates)}", c.difference.n
    if c.baseline_point is None:
        return f"{pair}: {c.baseline} was not trained there, so that there is nothing to compare with."
    if c.same:
        return f"{pair}: both are the same trials under two names, so that there is nothing to compare."
    if n == 0:
        none = "no pair in which both trained" if c.outcomes else "no pair of finished trials yet"
        said = f"{pair}: {none} (0 of {c.planned})"
    elif n == 1:
        said = (
            f"{pair}: {fixed(c.difference.mean, 2, sign=True)} pp of test accuracy in the only pair "
            f"({out_of(n, c.planned)}); one pair has no interval, and nothing follows from it"
        )
    else:
        said = _claim(c) + (f"; paired by seed only, as the config declares {c.declared}" if c.declared else "")
    return f"{_trained(c)}{said}{left_out(c.mismatches)}."


def exploratory(c: Comparison) -> str:
    """The same without a verdict, for what is not the experiment's question."""
    if c.baseline_point is None or c.same or c.difference.n < 2:
        return difference(replace(c, trained_p_holm=math.nan))
    counts = trained(c, c.baseline, c.variant)
    both = f"{counts}. Among the pairs in which both trained: " if counts else ""
    n = out_of(c.difference.n, c.planned)
    mean = f"{change(c.difference)} pp of test accuracy ({span(c.difference)}, {n}; exploratory)"
    return f"{both}{c.variant} against {c.baseline}{at(c.coordinates)}: {mean}{left_out(c.mismatches)}."


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
    # Accuracies cannot differ by more than 100 points.
    size = "no difference at all" if c.detectable > 100 else f"{significant(c.detectable, 2)} pp"
    power = "" if c.least >= LEVEL else f"{can_detect(c.difference.n, size)}; "  # the test says it
    if c.verdict == "equivalent":
        return (
            f"{two} are equivalent in test accuracy {within}{where}: {mean} ({interval}; {equivalence}; {power}"
            f"{test}; {untrained(c, c.variant)}){_other_images(c)}"
        )
    return (
        f"No difference detected in test accuracy between {two}{where}: {mean} ({interval}; {power}{test}), and no "
        f"equivalence {within} shown"
    )


def _other_images(c: Comparison) -> str:
    """Where what was found on these test images might not stand on others."""
    if c.sampling is None:
        return ""
    estimate = c.sampling.interval
    if c.verdict == "equivalent":
        beyond = "go beyond the margin" if max(-estimate.low, estimate.high) > c.margin else ""
    else:
        beyond = "include zero" if estimate.contains_zero else ""
    here = f"this is for these {c.sampling.n_images:,} test images: for others as well the 95 % interval would be"
    return f"; {here} {' to '.join(ends(estimate, sign=True))}, and {beyond}" if beyond else ""
