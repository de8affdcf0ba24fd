"""The comparison itself: sides in, one judged comparison for each place out; what cannot be compared is refused."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from bnexp.errors import UserError
from bnexp.evidence.confounds import Audit, Difference, Mode, audit
from bnexp.evidence.metric import Metric
from bnexp.evidence.pairing import proof
from bnexp.evidence.rule import Judgement, judge
from bnexp.evidence.sides import Matched, Sides
from bnexp.records.record import TrialRecord
from bnexp.stats.estimates import Interval, mean_interval
from bnexp.stats.multiplicity import holm

FEWEST = 3
"""Pairs below which nothing is judged: the scatter of two pairs is a single number."""

FailOn = Literal["regression", "difference"]


@dataclass(frozen=True)
class Compared:
    """One side against the other at one place of the grid, pair by pair.  Differences are second minus first."""

    experiment: str
    label: str
    coordinates: Mapping[str, Any]
    one: str
    other: str
    planned: int
    """Seeds that both sides planned."""
    seeds: tuple[int, ...]
    """Of the pairs that are compared."""
    values: tuple[tuple[float, float], ...]
    """Of both trials of each pair, in the metric's unit."""
    judgement: Judgement
    p_holm: float
    """The sign-flip p after Holm's correction over all comparisons of this call."""
    diverged: tuple[int, int]
    """Trainings of each side whose loss became infinite, among `finished` pairs."""
    finished: int
    reached: tuple[int, int] | None
    """Trainings of each side that reached the target; None where the metric has none."""
    declared: str
    """Why the pairs are by seed only; empty where fingerprints prove them."""
    mismatches: Mapping[int, str]
    """Seed to the fingerprints that disagree: pairs that were left out."""
    copies: tuple[int, ...]
    """Seeds at which both sides hold the very same record: left out."""
    audit: Audit

    @property
    def means(self) -> tuple[Interval, Interval]:
        """Of each side over the pairs, with its own t interval."""
        first, second = (np.array([pair[k] for pair in self.values]) for k in (0, 1))
        return mean_interval(first), mean_interval(second)


@dataclass(frozen=True)
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

    @property
    def family(self) -> int:
        """Comparisons that have a p."""
        return sum(not math.isnan(each.judgement.test.p) for each in self.comparisons)

    def failed(self, fail_on: FailOn = "regression", *, require_noninferior: bool = False) -> bool:
        """Whether a job should stop here: at a regression; with `difference` at an improvement too.

        With `require_noninferior`, wherever the whole interval does not lie on the better side of -margin.
        """
        verdicts = {each.judgement.verdict for each in self.comparisons}
        if "regression" in verdicts or (fail_on == "difference" and "improvement" in verdicts):
            return True
        return require_noninferior and not all(each.judgement.noninferior for each in self.comparisons)


def compare(
    sides: Sides,
    metric: Metric,
    *,
    margin: float = 0.0,
    confidence: float = 0.95,
    simultaneous: bool = False,
    allow_differs: bool = False,
) -> Comparisons:
    """Compare all places of `sides` in one metric.

    `simultaneous`: Bonferroni's intervals of confidence 1 - (1 - c)/m for m places, so that the chance of even one
    false verdict is 1 - c at most.  Raises UserError where a margin is none, where the audit finds differences that are
    not declared (unless `allow_differs`), and where a place has fewer than three pairs.
    """
    if not (math.isfinite(margin) and margin >= 0):
        raise UserError(f"--margin: a number from 0, in {metric.unit_of_differences}, not {margin!r}")
    if not allow_differs:
        _check_confounds(sides, metric)
    each_confidence = 1 - (1 - confidence) / len(sides.matched) if simultaneous else confidence
    found = [_compared(matched, sides.mode, metric, margin, each_confidence) for matched in sides.matched]
    _check_pairs(found, metric)
    corrected = holm([each.judgement.test.p for each in found])
    return Comparisons(
        mode=sides.mode,
        metric=metric,
        margin=margin,
        confidence=each_confidence,
        simultaneous=simultaneous,
        comparisons=tuple(replace(each, p_holm=float(p)) for each, p in zip(found, corrected, strict=True)),
        unmatched=sides.unmatched,
    )


def _compared(matched: Matched, mode: Mode, metric: Metric, margin: float, confidence: float) -> Compared:
    one, other = matched.one, matched.other
    seeds = sorted(one.records.keys() & other.records.keys())
    pairs: dict[int, tuple[TrialRecord, TrialRecord]] = {}
    mismatches: dict[int, str] = {}
    copies: list[int] = []
    declared = ""
    for seed in seeds:
        mine, twin = one.records[seed], other.records[seed]
        if mine is None or twin is None or "failed" in (mine.status, twin.status):
            continue
        if mine == twin:
            copies.append(seed)
            continue
        declared, mismatch = proof(mine, twin)
        if mismatch:
            mismatches[seed] = mismatch
        else:
            pairs[seed] = mine, twin
    values = {seed: value for seed, pair in pairs.items() if (value := metric.pair(*pair)) is not None}
    diverged = tuple(sum(pair[k].status == "diverged" for pair in pairs.values()) for k in (0, 1))
    return Compared(
        experiment=matched.experiment,
        label=matched.label,
        coordinates=matched.coordinates,
        one=one.name,
        other=other.name,
        planned=len(seeds),
        seeds=tuple(values),
        values=tuple(values.values()),
        # Shares of the same test set: without the rounding error of the subtraction, so that ties are ties.
        judgement=judge(
            [round(second - first, 9) for first, second in values.values()],
            higher_is_better=metric.higher_is_better,
            margin=margin,
            confidence=confidence,
            resolution=max((metric.resolution(record) or 0 for pair in pairs.values() for record in pair), default=0),
            diverged=(diverged[0], diverged[1]),
            finished=len(pairs),
        ),
        p_holm=math.nan,
        diverged=(diverged[0], diverged[1]),
        finished=len(pairs),
        reached=_reached(metric, [pairs[seed] for seed in values]),
        declared=declared,
        mismatches=mismatches,
        copies=tuple(copies),
        audit=audit(one, other, mode),
    )


def _reached(metric: Metric, pairs: Sequence[tuple[TrialRecord, TrialRecord]]) -> tuple[int, int] | None:
    if metric.budget is None:
        return None
    first, second = (sum(metric.value(pair[k]) != math.inf for pair in pairs) for k in (0, 1))
    return first, second


def _check_confounds(sides: Sides, metric: Metric) -> None:
    """UserError where the sides differ in more than what is compared."""
    found: dict[Difference, list[str]] = {}
    for matched in sides.matched:
        for each in audit(matched.one, matched.other, sides.mode).confounds(seconds=metric.seconds):
            found.setdefault(replace(each, pairs=0), []).append(matched.label)
    if not found:
        return
    one, other = sides.matched[0].one.name, sides.matched[0].other.name
    lines = [
        f"  {each.what}: {one} has {each.one}, {other} has {each.other}"
        + (f" ({len(places)} of {len(sides.matched)} comparisons)" if len(places) < len(sides.matched) else "")
        for each, places in found.items()
    ]
    declares = "what is compared" if sides.mode == "versions" else "what the config declares"
    raise UserError(
        "\n".join(
            [
                f"{one} and {other} are not compared, because their trials differ in more than {declares}:",
                *lines,
                "train both sides alike, or compare nevertheless with --allow-differs",
            ]
        )
    )


def _check_pairs(found: Sequence[Compared], metric: Metric) -> None:
    """UserError where a place has too few pairs: a guard that sees nothing must not say that all is well."""
    silent = [each for each in found if len(each.values) < FEWEST and not each.judgement.by_divergence]
    if not silent:
        return
    lines = [f"  {each.label}{_at(each.coordinates)}: {_why(each, metric)}" for each in silent]
    raise UserError(
        "\n".join([f"not compared: that takes {FEWEST} pairs of trials or more", *lines])
        + ("\n--only leaves places out" if len(silent) < len(found) else "")
    )


def _why(each: Compared, metric: Metric) -> str:
    """Why a place has too few pairs."""
    number = len(each.values)
    reasons = list(each.audit.unpaired)
    reasons += [f"seed {seed} did not start alike ({text})" for seed, text in each.mismatches.items()]
    if each.copies:
        reasons.append(
            f"both sides hold the very same record of {len(each.copies)} trials, so that nothing was trained anew"
        )
    if each.finished > number and not any(each.diverged):
        reasons.append(f"the records have no {metric.words}")
    counted = f"{number} of {each.planned} planned {'pair' if each.planned == 1 else 'pairs'}"
    return f"{counted}; {'; '.join(reasons)}" if reasons else counted


def _at(coordinates: Mapping[str, Any]) -> str:
    return "".join(f" {key.rpartition('.')[2]}={value}" for key, value in coordinates.items())
