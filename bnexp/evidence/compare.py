"""The comparison itself: sides in, one judged comparison for each place out; what cannot be compared is refused."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bnexp.errors import UserError
from bnexp.evidence.confounds import Audit, Mode, audit
from bnexp.evidence.metric import Metric
from bnexp.evidence.paired import Estimate, corrected, estimate
from bnexp.evidence.rule import FEWEST, enough
from bnexp.evidence.side import pairs
from bnexp.evidence.sides import Matched, Sides, at
from bnexp.evidence.time_to_accuracy import summary
from bnexp.specs.experiment import seeds_needed
from bnexp.specs.wording import listed
from bnexp.stats.estimates import Interval, mean_interval
from bnexp.stats.survival import TimeToTarget

FailOn = Literal["regression", "difference"]


@dataclass(frozen=True, kw_only=True)
class Compared(Estimate):
    """One side against the other at one place of the grid; `seeds` and `values` are of the pairs that are compared."""

    experiment: str
    label: str
    coordinates: Mapping[str, Any]
    one: str
    other: str
    higher_is_better: bool
    times: tuple[TimeToTarget, TimeToTarget] | None
    """How long the trainings of each side took to the target; None where the metric has none."""
    copies: tuple[int, ...]
    """Seeds at which both sides hold the very same record: left out."""
    audit: Audit

    @property
    def means(self) -> tuple[Interval, Interval]:
        """Of each side over the pairs, with its own t interval; times have none."""
        first, second = (mean_interval([pair[k] for pair in self.values if not self.times]) for k in (0, 1))
        return first, second

    @property
    def verdict(self) -> Literal["regression", "improvement", "not shown"]:
        """Of the second side, in how often it trains and in its values; a regression in either.

        Nothing is shown before all planned pairs have a result: whoever looks early and stops there errs more often.
        """
        if self.pending:
            return "not shown"
        worse = "lower" if self.higher_is_better else "higher"
        if self.trains == "lower" or self.shift == worse:
            return "regression"
        return "not shown" if self.trains == self.shift == "undecided" else "improvement"

    @property
    def noninferior(self) -> bool:
        """Whether the whole interval lies on the better side of -margin, over nine tenths of the planned pairs.

        Not where the second side was shown to train less often, or never reaches the target.
        """
        if self.ratio:
            within = self.ratio.high <= 1 + self.beyond
        else:
            within = (self.difference.low if self.higher_is_better else -self.difference.high) > -self.beyond
        never = self.times is not None and not self.times[1].reached
        complete = enough(len(self.values), self.planned) and not self.pending
        return within and complete and self.trains != "lower" and not never


@dataclass(frozen=True, repr=False)
class Comparisons:
    """What a call of `compare` comes to."""

    mode: Mode
    metric: Metric
    margin: float
    """In the unit of differences."""
    confidence: float
    """Of each interval."""
    simultaneous: bool
    """Whether the intervals hold together: each has the confidence that the whole needs."""
    comparisons: tuple[Compared, ...]
    unmatched: tuple[str, ...]
    """What one side alone has, and is not compared."""

    def __repr__(self) -> str:
        """A line for each place, as a notebook shows it."""
        lines = []
        for each in self.comparisons:
            verdict = {"not shown": "no regression shown"}.get(each.verdict, each.verdict)
            mean, low, high, n = each.difference
            what = f"{each.label}{at(each.coordinates)}: {self.metric.label} of {each.other}"
            if each.ratio:
                lines.append(f"{what} over {each.one} {mean:.3g} [{low:.3g}, {high:.3g}], n={n}: {verdict}")
                continue
            unit = self.metric.unit_of_differences
            lines.append(f"{what} minus {each.one} {mean:+.3g} [{low:+.3g}, {high:+.3g}] {unit}, n={n}: {verdict}")
        return "\n".join(lines)

    @property
    def undecidable(self) -> tuple[Compared, ...]:
        """Where nothing could be shown, whatever the difference: for want of pairs, or before all planned ones."""
        silent = [each for each in self.comparisons if each.verdict == "not shown"]
        return tuple(each for each in silent if each.pending or len(each.values) < seeds_needed(each.family))

    def failed(self, fail_on: FailOn = "regression", *, require_noninferior: bool = False) -> bool:
        """Whether a job should stop here: at a regression; with `difference` at an improvement too.

        With `require_noninferior`, wherever B is not `noninferior`.
        """
        verdicts = {each.verdict for each in self.comparisons}
        if "regression" in verdicts or (fail_on == "difference" and "improvement" in verdicts):
            return True
        return require_noninferior and not all(each.noninferior for each in self.comparisons)


def compare(sides: Sides, metric: Metric, *, margin: float, simultaneous: bool, allow_differs: bool) -> Comparisons:
    """Compare all places of `sides` in one metric.

    The places are one family of Holm's, so that the chance of even one false verdict is 0.05 at most.  `simultaneous`:
    Bonferroni's intervals of confidence 1 - 0.05/m for m places, which hold together.  Raises UserError where a margin
    is none, where the audit finds differences that are not declared (unless `allow_differs`), and where a place has
    fewer than three pairs.
    """
    if not (math.isfinite(margin) and margin >= 0):
        raise UserError(f"--margin: a number from 0, in {metric.unit_of_differences}, not {margin!r}")
    if metric.runs and (added := {each.experiment for each in sides.matched if each.sequential}):
        raise UserError(
            f"--metric {metric.name}: the seeds of {listed(added)} were added until all was decided, and the test of "
            "times does not hold there; compare an accuracy"
        )
    audits = [audit(each.one, each.other, sides.mode) for each in sides.matched]
    if not allow_differs:
        _check_confounds(sides, audits, metric)
    confidence = 1 - (1 - 0.95) / len(sides.matched) if simultaneous else 0.95
    found = [
        _compared(matched, metric, margin, confidence, audited)
        for matched, audited in zip(sides.matched, audits, strict=True)
    ]
    _check_pairs(found, metric)
    return Comparisons(
        mode=sides.mode,
        metric=metric,
        margin=margin,
        confidence=confidence,
        simultaneous=simultaneous,
        comparisons=tuple(corrected(found)),
        unmatched=sides.unmatched,
    )


def _compared(matched: Matched, metric: Metric, margin: float, confidence: float, audited: Audit) -> Compared:
    found = pairs(matched.one, matched.other).without_copies()
    estimated = estimate(found, metric, confidence=confidence, margin=margin, sequential=matched.sequential)
    first, second = ({seed: found.finished[seed][k] for seed in estimated.seeds} for k in (0, 1))
    return Compared(
        experiment=matched.experiment,
        label=matched.label,
        coordinates=matched.one.coordinates,
        one=matched.one.name,
        other=matched.other.name,
        higher_is_better=metric.higher_is_better,
        times=(summary(metric.runs(first), "steps"), summary(metric.runs(second), "steps")) if metric.runs else None,
        copies=found.copies,
        audit=audited,
        **vars(estimated),
    )


def _check_confounds(sides: Sides, audits: Sequence[Audit], metric: Metric) -> None:
    """UserError where the sides differ in more than what is compared."""
    seconds = metric.unit == "s"
    found = Counter(replace(each, pairs=0) for one in audits for each in one.confounds(seconds=seconds))
    if not found:
        return
    one, other = sides.matched[0].one.name, sides.matched[0].other.name
    lines = [
        f"  {each.what}: {one} has {each.one}, {other} has {each.other}"
        + (f" ({places} of {len(audits)} comparisons)" if places < len(audits) else "")
        for each, places in found.items()
    ]
    declares = "what is compared" if sides.mode == "versions" else "what the config declares"
    refusal = f"{one} and {other} are not compared, because their trials differ in more than {declares}:"
    remedy = "train both sides alike, or compare nevertheless with --allow-differs"
    raise UserError("\n".join([refusal, *lines, remedy]))


def _check_pairs(found: Sequence[Compared], metric: Metric) -> None:
    """UserError where a place has too few pairs: a guard that sees nothing must not say that all is well."""
    silent = [each for each in found if len(each.values) < FEWEST and each.trains == "undecided"]
    if not silent:
        return
    lines = [f"  {each.label}{at(each.coordinates)}: {_why(each, metric)}" for each in silent]
    remedy = ["--only leaves places out"] if len(silent) < len(found) else []
    raise UserError("\n".join([f"not compared: that takes {FEWEST} pairs of trials or more", *lines, *remedy]))


def _why(each: Compared, metric: Metric) -> str:
    """Why a place has too few pairs."""
    number = len(each.values)
    reasons = list(each.audit.unpaired)
    reasons += [f"seed {seed} did not start alike ({text})" for seed, text in each.mismatches.items()]
    if each.copies:
        reasons.append(
            f"both sides hold the very same record of {len(each.copies)} trials, so that nothing was trained anew"
        )
    both = sum(map(all, each.outcomes))
    if both < len(each.outcomes):
        reasons.append(f"in {len(each.outcomes) - both} of {len(each.outcomes)} pairs one side or both did not train")
    if both > number:
        reasons.append(f"the records have no {metric.label}")
    counted = f"{number} of {each.planned} planned {'pair' if each.planned == 1 else 'pairs'}"
    return f"{counted}; {'; '.join(reasons)}" if reasons else counted
