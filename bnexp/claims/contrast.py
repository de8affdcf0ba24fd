"""What each seed says of a claim at one place of the grid: one number, treatment against control.

Differences are in percentage points, treatment minus control, over pairs that trained on both sides; shifts of the
largest learning rate in log10.  How often each side trained stands beside them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median_low
from typing import Any

import numpy as np

from bnexp.evidence.experiment import Evidence
from bnexp.evidence.learning_rates import AT_BEST_RATE
from bnexp.evidence.metric import metric
from bnexp.evidence.paired import estimate
from bnexp.evidence.side import Pairs, Side, pairs, place, trained
from bnexp.evidence.time_to_accuracy import Runs, TimeRatio, paired_times
from bnexp.records.record import TrialRecord
from bnexp.specs.claims import Claim, Condition, Interaction, Ratio, ThresholdShift, Trains, compared_with, conditions
from bnexp.specs.claims import TimeRatio as TimeRule
from bnexp.specs.experiment import RATE
from bnexp.specs.metrics import BEST_RATE, OfProbe, of_probe
from bnexp.specs.probes import PROBES
from bnexp.stats.estimates import Interval
from bnexp.stats.paired import SignFlip, mcnemar
from bnexp.stats.sequential import DECADES, POINTS, anytime_interval, anytime_p, anytime_test

BEYOND = 1e3
"""In place of an infinite shift, which a bet must not lose by rounding: no λ tells it from infinity."""


TRIALS = "pp of trials"

UNTESTED = mcnemar([])
"""The test of no pairs."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One place."""

    condition: Condition
    planned: int
    """Seeds that all sides planned."""
    pending: int
    """Of them, those of which a trial has no result yet."""
    seeds: tuple[int, ...]
    """Those of `differences`."""
    differences: tuple[float, ...]
    """One per seed; of shifts the least that the grid of rates leaves possible."""
    most: tuple[float, ...] = ()
    """Of shifts the largest that the grid leaves possible."""
    own: tuple[float, ...] = ()
    """Of an interaction, the effect at the claim's own place; `differences` is that minus `there`."""
    there: tuple[float, ...] = ()
    outcomes: tuple[tuple[bool, bool], ...]
    """Of each pair that has a result: whether control and treatment trained.  Of an interaction at the claim's own
    place, of pairs that have a result at the other too."""
    trained_test: SignFlip
    """Of: both train equally often; exact McNemar's once all planned pairs have a result, and of no use before."""
    apart: SignFlip = UNTESTED
    """Of an interaction: the treatment trains more often than the control, seed by seed, as much here as there."""
    trained_apart: tuple[int, int] = (0, 0)
    """Seeds of which it does so more there, and more here."""
    estimate: Interval
    """What the seeds say on average, with its 95 % interval, which holds at every look, but for times; without one of
    how often they train."""
    unit: str
    """Of the estimate: `pp`, `TRIALS` of how often they train, or `×` for factors of rates and times."""
    course: Mapping[int, float] = field(default_factory=dict)
    """Of what a probe measured, the mean factor at each look, by its step."""
    times: TimeRatio | None = None
    """Of times: the test against the rule's ratio."""
    runs: tuple[Runs, Runs] | None = None
    """Of times: when control and treatment got there."""
    fixed: bool = False
    """Whether it is read once, when nothing is pending."""
    refusal: str = ""
    """Why nothing can be decided, whatever the records say."""
    mismatches: Mapping[int, str]
    """Seed to the fingerprints that disagree: pairs that were left out."""

    @property
    def place(self) -> dict[str, Any]:
        return dict(self.condition.place)

    def interval(self, confidence: float) -> Interval:
        """The estimate with an interval of another confidence; of `TRIALS` with none."""
        if self.unit == "pp":
            return anytime_interval(self.differences, confidence=confidence)
        if self.runs:
            control, treatment = self.runs
            return paired_times(treatment, control, confidence=confidence).ratio
        if self.unit != "×":
            return self.estimate
        ends = [anytime_interval(each, confidence=confidence, rates=DECADES) for each in (self.differences, self.most)]
        low, high = ends[0].low, ends[1 if self.most else 0].high
        return self.estimate._replace(low=_power(low), high=_power(high))

    @property
    def trained(self) -> tuple[int, int]:
        """Trials of control and treatment that trained, of the `outcomes`."""
        control, treatment = (sum(pair[k] for pair in self.outcomes) for k in (0, 1))
        return control, treatment


def contrasts(claim: Claim, evidence: Evidence) -> list[Contrast]:
    """One per condition of the claim, in the order of the plan."""
    points = [(point.variant, point.coordinates) for point in evidence.plan.points]
    if claim.metric == BEST_RATE:
        return [_at_best_rates(claim, each, evidence) for each in conditions(claim, points)]
    at = {(side.name, place(side.coordinates)): side for side in evidence.ordered}
    sequential = evidence.plan.looks is not None
    return [_contrast(claim, each, at, sequential=sequential) for each in conditions(claim, points)]


def measure(claim: Claim) -> str:
    """What the claim is about, in words; empty where the rule takes no metric."""
    if claim.measured == BEST_RATE:
        return AT_BEST_RATE.label
    if found := of_probe(claim.measured):
        return f"{found.probe.replace('-', ' ')} ({found.value.label})"
    return metric(claim.measured).label if claim.measured else ""


Sides = Mapping[tuple[str, str], Side]
"""By variant and place."""


def _contrast(claim: Claim, condition: Condition, at: Sides, *, sequential: bool) -> Contrast:
    if isinstance(claim.rule, ThresholdShift):
        return _shift(claim, condition, at)
    here = dict(condition.place)
    control, treatment = (at[name, place(here)] for name in (claim.control, claim.treatment))
    found = pairs(control, treatment).without_copies()
    if isinstance(claim.rule, TimeRule):
        return _times(claim, condition, found, sequential=sequential)
    if isinstance(claim.rule, Trains):
        return _trains(condition, found, sequential=sequential)
    if isinstance(claim.rule, Ratio):
        return _ratios(claim, claim.rule, condition, found, sequential=sequential)
    known = estimate(found, metric(claim.measured), sequential=sequential)
    d = dict(zip(known.seeds, known.differences, strict=True))
    contrast = replace(
        _trains(condition, found, sequential=sequential),
        seeds=known.seeds,
        differences=known.differences,
        estimate=anytime_interval(known.differences),
        unit="pp",
        fixed=False,
    )
    if not isinstance(claim.rule, Interaction):
        return contrast
    than, beside = compared_with(claim), place(dict(condition.than))
    others = pairs(*(at[str(name), beside] for name in (than.control, than.treatment))).without_copies()
    theirs = estimate(others, metric(claim.measured), sequential=sequential)
    elsewhere = dict(zip(theirs.seeds, theirs.differences, strict=True))
    seeds = tuple(seed for seed in d if seed in elsewhere)
    differences = tuple(round(d[seed] - elsewhere[seed], 9) for seed in seeds)
    pending = max(found.pending, others.pending)
    both = {seed: (pair, others.outcomes[seed]) for seed, pair in found.outcomes.items() if seed in others.outcomes}
    gains = [(here[1] - here[0]) - (there[1] - there[0]) for here, there in both.values()]
    more = [(gain < 0, gain > 0) for gain in gains]
    return replace(
        contrast,
        planned=len({*found.planned} & {*others.planned}),
        pending=pending,
        apart=_shares_test(more, pending, sequential=sequential),
        trained_apart=(sum(gain < 0 for gain in gains), sum(gain > 0 for gain in gains)),
        seeds=seeds,
        differences=differences,
        outcomes=tuple(pair for pair, _ in both.values()),
        own=tuple(d[seed] for seed in seeds),
        there=tuple(elsewhere[seed] for seed in seeds),
        estimate=anytime_interval(differences),
        mismatches={**others.mismatches, **found.mismatches},
    )


def _at_best_rates(claim: Claim, condition: Condition, evidence: Evidence) -> Contrast:
    """Each at the rate that some seeds choose, on the others (`evidence.learning_rates`); read once."""
    known = evidence.learning_rates
    compared = [
        each
        for each in (known.own if known else ())
        if claim.treatment in each.variant.split("/")
        and claim.control in each.baseline.split("/")
        and place(each.coordinates) == place(dict(condition.place))
    ]
    refusal = "" if compared else "no learning rate can be chosen yet"
    if evidence.plan.looks is not None:
        refusal = "seeds were added until all was decided, and a choice of learning rates does not hold there"
    if not compared:
        none = Pairs((), {}, {}, declared="", mismatches={}, copies=())
        return replace(_trains(condition, none, sequential=False), unit="pp", refusal=refusal)
    (found,) = compared
    return Contrast(
        condition=condition,
        planned=found.planned,
        pending=found.pending,
        seeds=found.seeds,
        differences=found.differences,
        outcomes=found.outcomes,
        trained_test=found.trained_test,
        estimate=anytime_interval(found.differences),
        unit="pp",
        fixed=True,
        refusal=refusal,
        mismatches=found.mismatches,
    )


def _trains(condition: Condition, found: Pairs, *, sequential: bool) -> Contrast:
    """How often each side trains."""
    outcomes = tuple(found.outcomes.values())
    d = [100.0 * (treatment - control) for control, treatment in outcomes]
    return Contrast(
        condition=condition,
        planned=len(found.planned),
        pending=found.pending,
        seeds=tuple(found.outcomes),
        differences=tuple(d),
        outcomes=outcomes,
        trained_test=_shares_test(outcomes, found.pending, sequential=sequential),
        estimate=Interval(float(np.mean(d)) if d else math.nan, math.nan, math.nan, len(d)),
        unit=TRIALS,
        fixed=not sequential,
        mismatches=found.mismatches,
    )


def _shares_test(outcomes: Sequence[tuple[bool, bool]], pending: int, *, sequential: bool) -> SignFlip:
    """Of: both of each pair are true equally often; none before all planned pairs are there."""
    if sequential:
        return anytime_test([float(second) - float(first) for first, second in outcomes])
    test = mcnemar(outcomes)
    return test._replace(p=math.nan, smallest=1.0) if pending else test


def _times(claim: Claim, condition: Condition, found: Pairs, *, sequential: bool) -> Contrast:
    """The ratio of times, and its test against the rule's by the paired log-rank test of times that are scaled by it.

    Over all pairs that finished: who never gets there is censored.
    """
    assert isinstance(claim.rule, TimeRule)
    runs = metric(claim.measured).runs
    assert runs is not None
    control, treatment = (runs({seed: both[k] for seed, both in found.finished.items()}) for k in (0, 1))
    scale = claim.rule.at_most
    scaled = replace(
        control,
        reached=tuple(scale * each for each in control.reached),
        watched=tuple(scale * each for each in control.watched),
        looks=tuple(tuple(scale * look for look in each) for each in control.looks),
    )
    return replace(
        _trains(condition, found, sequential=sequential),
        seeds=control.seeds,
        differences=(),
        estimate=paired_times(treatment, control).ratio,
        unit="×",
        times=paired_times(treatment, scaled),
        runs=(control, treatment),
        fixed=True,
        refusal="seeds were added until all was decided, and the test of times does not hold there" * sequential,
    )


def _ratios(claim: Claim, rule: Ratio, condition: Condition, found: Pairs, *, sequential: bool) -> Contrast:
    """log10 of treatment by control in what a probe measured, of all trials that finished, trained or not."""
    measured = of_probe(claim.measured)
    assert measured is not None
    known = {seed: each for seed, both in found.finished.items() if (each := _decades(measured, rule.look, *both))}
    d = tuple(round(float(np.mean(list(each.values()))), 9) for each in known.values())
    told = anytime_interval(d, rates=DECADES)
    steps = sorted(set.intersection(*map(set, known.values()))) if known else []
    return replace(
        _trains(condition, found, sequential=sequential),
        seeds=tuple(known),
        differences=d,
        estimate=Interval(_power(told.mean), _power(told.low), _power(told.high), told.n),
        course={step: _power(float(np.mean([each[step] for each in known.values()]))) for step in steps},
        unit="×",
        fixed=False,
        refusal=_crowded(found) if PROBES[measured.probe].timing else "",
    )


def _crowded(found: Pairs) -> str:
    """Why times that were taken beside other trials decide nothing; empty where each was alone."""
    records = [record for both in found.finished.values() for record in both]
    crowded = sum(record.execution.get("jobs", 1) > 1 for record in records)
    told = f"{crowded} of {len(records)} trials were timed while others ran beside them"
    return f"{told}; train them again with --jobs 1 --force" if crowded else ""


def _decades(measured: OfProbe, look: str, control: TrialRecord, treatment: TrialRecord) -> dict[int, float] | None:
    """By step, log10 of treatment by control; None where a look has none, or one of them diverged before the other."""
    one, other = (_looks(measured, record) for record in (control, treatment))
    if one is None or other is None or one.keys() != other.keys():
        return None
    steps = sorted(one)
    steps = {"every": steps, "first": [step for step in steps if step == 0], "last": steps[-1:]}[look]
    return {step: other[step] - one[step] for step in steps} or None


def _looks(measured: OfProbe, record: TrialRecord) -> dict[int, float] | None:
    """By step, log10 of the median over layers; None where a look has no positive number."""
    found = {
        look.step: [value for value in look.values.get(measured.name, {}).values() if value is not None]
        for look in record.probes.get(measured.probe, ())
    }
    middle = {step: float(np.median(values)) if values else math.nan for step, values in found.items()}
    positive = all(0 < value < math.inf for value in middle.values())  # NaN is not
    return {step: math.log10(value) for step, value in middle.items()} if positive else None


def _shift(claim: Claim, condition: Condition, at: Sides) -> Contrast:
    """By how much larger, in log10, the rates are at which the treatment still trains.

    T is the largest rate of the grid below the first at which a seed fails to train; the true one lies between T and
    the next rate.  Where all rates train there is no next one, and where none does there is no T.
    """
    control, treatment = (_by_rate(name, condition, at) for name in (claim.control, claim.treatment))
    planned = set.intersection(*(set(side.records) for sides in (control, treatment) for side in sides.values()))
    wrong = {
        seed: text
        for rate in control.keys() & treatment.keys()
        for seed, text in pairs(control[rate], treatment[rate]).mismatches.items()
    }
    known = [
        seed
        for seed in sorted(planned - wrong.keys())
        if all(side.records[seed] for sides in (control, treatment) for side in sides.values())
    ]
    bounds = [(_threshold(control, seed), _threshold(treatment, seed)) for seed in known]
    least = tuple(_finite(mine[0] - base[1]) for base, mine in bounds)
    most = tuple(_finite(mine[1] - base[0]) for base, mine in bounds)
    low, high = (anytime_interval(each, rates=DECADES) for each in (least, most))
    ends = ((one, other) for one, other in zip(least, most, strict=True) if (one, other) != (-BEYOND, BEYOND))
    middle = [math.copysign(BEYOND, a + b) if BEYOND in (abs(a), abs(b)) else (a + b) / 2 for a, b in ends]
    # Of two in the middle the smaller: between a shift and one without an end nothing lies.
    centre = median_low(middle) if middle else math.nan
    return Contrast(
        condition=condition,
        planned=len(planned),
        pending=len(planned) - len(wrong) - len(known),
        seeds=tuple(known),
        differences=least,
        most=most,
        outcomes=(),
        trained_test=UNTESTED,
        estimate=Interval(_power(centre), _power(low.low), _power(high.high), len(known)),
        unit="×",
        mismatches=wrong,
    )


def _by_rate(variant: str, condition: Condition, at: Sides) -> dict[float, Side]:
    """The sides of a variant at the condition's place, by learning rate, ascending."""
    found = {
        float(side.coordinates[RATE]): side
        for (name, _), side in at.items()
        if name == variant and _without_rate(side) == condition.place
    }
    return dict(sorted(found.items()))


def _without_rate(side: Side) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in side.coordinates.items() if key != RATE)


def _threshold(sides: Mapping[float, Side], seed: int) -> tuple[float, float]:
    """log10 of the largest rate below the first at which a seed fails to train, and of the next rate."""
    largest = -math.inf
    for rate, side in sides.items():
        record = side.records[seed]
        if record is None or not trained(record):
            return largest, math.log10(rate)
        largest = math.log10(rate)
    return largest, math.inf


def _finite(shift: float) -> float:
    return min(BEYOND, max(-BEYOND, round(shift, 9)))


def _power(shift: float) -> float:
    """The factor of a shift; 0 or infinite beyond what the grid can tell."""
    if abs(shift) > BEYOND / 2:
        return math.inf if shift > 0 else 0.0
    return 10.0**shift if not math.isnan(shift) else math.nan


def p_above(d: Sequence[float], theta: float, *, shift: bool = False) -> float:
    """One-sided p against: the centre is θ at most; 1 for no seeds."""
    return anytime_p(d, theta, rates=DECADES if shift else POINTS) if len(d) else 1.0


def p_below(d: Sequence[float], theta: float, *, shift: bool = False) -> float:
    """One-sided p against: the centre is θ at least; 1 for no seeds."""
    return p_above([-x for x in d], -theta, shift=shift)
