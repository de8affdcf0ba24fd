"""What may be said of the test accuracy, in plain sentences that are computed: one per comparison.

No difference is ever called none, nothing is called equal, and equivalent only what a test of equivalence shows to be.
A difference is asserted only where interval and corrected test agree; where one of them alone sees it, it says so.
"""

from collections.abc import Sequence
from typing import get_args

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST, Verdict
from bnexp.evidence.side import Counts
from bnexp.reporting.numbers import decimals, ends, fixed, significant
from bnexp.reporting.part import FEW, Context, Part
from bnexp.reporting.parts.moving_averages import caveat
from bnexp.reporting.phrases import at, left_out, p_phrase, tested


def overview(evidence: Evidence, _: Context) -> Part | None:
    """How the comparisons went, where they are many."""
    against = evidence.comparisons
    return Part(region="conclusions", paragraphs=(tally(against),)) if len(against) > FEW else None


def tally(against: Sequence[Comparison]) -> str:
    """How many comparisons came to which verdict."""
    found = [each.verdict for each in against]
    higher, lower, signs, equivalent, undecided, nothing = map(found.count, get_args(Verdict))
    text = (
        f"Of {len(against)} comparisons with {against[0].baseline}, test accuracy is higher in {higher} and lower in "
        f"{lower}, with signs of a difference, not confirmed, in {signs}, equivalence within ±{against[0].margin:g} "
        f"pp in {equivalent}, and neither shown in {undecided}"
    )
    return text + (f"; in {nothing} nothing can be said of the mean." if nothing else ".")


def differences(evidence: Evidence, _: Context) -> Part:
    """One sentence per comparison, with what must be known of moving averages beside it."""
    caveats = {condition.point: caveat(condition) for condition in evidence.conditions}
    said = [difference(each) + caveats[each.point] for each in evidence.comparisons]
    alone = "There is only one variant, and nothing to compare it with."
    return Part(region="conclusions", sentences=tuple(said or [alone]))


def difference(c: Comparison) -> str:
    """What may be said of the test accuracy of one variant against the baseline."""
    return f"{_said(c)}{_left_out(c)}."


def _said(c: Comparison) -> str:
    pair, n = f"{c.variant} against {c.baseline}{at(c.coordinates)}", c.difference.n
    if c.baseline_point is None:
        return f"{pair}: {c.baseline} was not trained there, so that there is nothing to compare with"
    if c.same:
        return f"{pair}: both are the same trials under two names, so that there is nothing to compare"
    if c.too_many_diverged:
        return f"{pair}: nothing is said of the mean test accuracy, because {_diverged(c)}"
    if n == 0:
        return f"{pair}: no pair of finished trials yet (0 of {c.planned})"
    if n == 1:
        return (
            f"{pair}: {fixed(c.difference.mean, 2, sign=True)} pp of test accuracy in the only pair of finished "
            f"trials ({_n(c)}); one pair has no interval, and nothing follows from it"
        )
    basis = f"; paired by seed only, as the config declares {c.declared}" if c.declared else ""
    return f"{_two_pairs(c) if n < FEWEST and any(c.differences) else _claim(c)}{basis}"


def _two_pairs(c: Comparison) -> str:
    """Two pairs are told, and no more: one more could turn everything."""
    return (
        f"{c.variant} against {c.baseline}{at(c.coordinates)}: {_mean(c)} of test accuracy on average over two pairs "
        f"({_span(c)}; {_test(c)}); two pairs neither show a difference nor rule one out"
    )


def _claim(c: Comparison) -> str:
    """What three or more pairs show, by `Comparison.verdict`."""
    where, two = at(c.coordinates), f"{c.variant} and {c.baseline}"
    direction = "higher" if c.difference.mean > 0 else "lower"
    if not any(c.differences):
        return (
            f"No detectable difference in test accuracy between {two}{where}: 0 pp in each pair ({_n(c)}; without "
            "scatter, the detectable difference is unknown)"
        )
    if c.verdict in ("higher", "lower"):
        size = fixed(abs(c.difference.mean), decimals(c.difference.half_width))
        return (
            f"{c.variant} has a test accuracy {size} pp {direction} than {c.baseline}{where} ({_span(c)}; {_test(c)})"
            f"{_yet(c)}{_other_images(c)}"
        )
    if c.verdict == "signs":
        despite = "; the interval includes zero" if c.difference.contains_zero else ""
        return (
            f"Signs that {c.variant} has a {direction} test accuracy than {c.baseline}{where}, not confirmed: "
            f"{_mean(c)} ({_span(c)}; {_test(c)}{despite}){_yet(c)}"
        )
    if c.verdict == "equivalent":
        return (
            f"{two} are equivalent in test accuracy within {_margin(c)}{where}: {_mean(c)} ({_span(c)}; "
            f"{_equivalence(c)}; {_power(c)}; {_test(c)}){_other_images(c)}"
        )
    return (
        f"No detectable difference in test accuracy between {two}{where}: {_mean(c)} ({_span(c)}; {_power(c)}; "
        f"{_test(c)}), and no equivalence within {_margin(c)} shown"
    )


def _mean(c: Comparison) -> str:
    return f"{fixed(c.difference.mean, decimals(c.difference.half_width), sign=True)} pp"


def _span(c: Comparison) -> str:
    return f"95 % interval {' to '.join(ends(c.difference, sign=True))}, {_n(c)}"


def _n(c: Comparison) -> str:
    return f"n = {c.difference.n}" + (f" of {c.planned}" if c.difference.n < c.planned else "")


def _margin(c: Comparison) -> str:
    return f"±{c.margin:g} pp"


def _yet(c: Comparison) -> str:
    """A difference that was found, and that is shown to be too small to matter."""
    return f", yet the two are equivalent within {_margin(c)} ({_equivalence(c)})" if c.equivalent else ""


def _equivalence(c: Comparison) -> str:
    return p_phrase("equivalence", c.equivalence_p_holm, c.family)


def _other_images(c: Comparison) -> str:
    """Where what was found on these test images might not stand on others."""
    if c.sampling is None:
        return ""
    estimate = c.sampling.interval
    if c.verdict == "equivalent":
        beyond = "go beyond the margin" if max(-estimate.low, estimate.high) > c.margin else ""
    else:
        beyond = "include zero" if estimate.contains_zero else ""
    span = " to ".join(ends(estimate, sign=True))
    here = f"this is for these {c.sampling.n_images:,} test images: for others as well the 95 % interval would be"
    return f"; {here} {span}, and {beyond}" if beyond else ""


def _power(c: Comparison) -> str:
    """Which difference could have been detected; accuracies cannot differ by more than 100 points."""
    size = "no difference at all" if c.detectable > 100 else f"{significant(c.detectable, 2)} pp"
    return f"n = {c.difference.n} can detect {size} (80 % power)"


def _test(c: Comparison) -> str:
    return tested("sign-flip test", c.test, c.p_holm, c.family)


def _left_out(c: Comparison) -> str:
    """Pairs that should have started alike and did not."""
    return "" if c.baseline_point is None or c.same else left_out(c.mismatches)


def _diverged(c: Comparison) -> str:
    sides: list[tuple[str, Counts | None]] = [(c.variant, c.counts), (c.baseline, c.baseline_counts)]
    return " and ".join(
        f"{counts.diverged} of {counts.ok + counts.diverged} finished trials of {name} diverged"
        for name, counts in sides
        if counts is not None and counts.too_many_diverged
    )
