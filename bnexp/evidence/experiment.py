"""All that the records of one experiment show: read once, computed once, for a report and whoever else asks."""

from collections.abc import Mapping
from functools import cached_property

import pandas as pd

from bnexp.evidence.condition import Condition, condition
from bnexp.evidence.confounds import Audit, audit
from bnexp.evidence.learning_rates import RateComparison, learning_rates
from bnexp.evidence.metric import METRICS, metric
from bnexp.evidence.paired import Comparison, comparisons, estimate
from bnexp.evidence.rule import in_family
from bnexp.evidence.side import Side, ordered_points, pairs
from bnexp.evidence.time_to_accuracy import MEASURES, TARGETS, Measure, TimeRatio, Times, paired_times
from bnexp.records import frames
from bnexp.records.plan import StoredPlan
from bnexp.records.record import TrialRecord
from bnexp.records.store import Store
from bnexp.specs.metrics import ACCURACIES, BEST_RATE
from bnexp.stats.estimates import Interval


class Evidence:
    """What an experiment's records show, part by part; raises UserError at a damaged record."""

    def __init__(self, store: Store, plan: StoredPlan) -> None:
        self.store = store
        self.plan = plan

    @cached_property
    def planned(self) -> list[frames.Planned]:
        """Every planned trial with its record, in the order of the plan: the one pass over the folder."""
        return list(frames.read(self.store, self.plan))

    @cached_property
    def sides(self) -> list[Side]:
        """The trials of each point of the plan, in its order, as a side of a comparison."""
        records: list[dict[int, TrialRecord | None]] = [{} for _ in self.plan.points]
        for each in self.planned:
            records[each.point][each.seed] = each.record
        points = enumerate(self.plan.points)
        return [Side(point.variant, point.spec, records[k], point.coordinates, k) for k, point in points]

    @cached_property
    def ordered(self) -> list[Side]:
        """The same place by place, variants in the order of the config."""
        return [self.sides[k] for k in ordered_points(self.plan)]

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per planned trial (`frames.trials`)."""
        return frames.trials(self.plan, self.planned)

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """One row per evaluation (`frames.evaluations`)."""
        return frames.evaluations(self.plan, self.planned)

    @cached_property
    def probes(self) -> pd.DataFrame:
        """One row per number that a probe took (`frames.probes`)."""
        return frames.probes(self.plan, self.planned)

    @cached_property
    def conditions(self) -> list[Condition]:
        """One per point of the plan, as `ordered`."""
        return [condition(each) for each in self.ordered]

    @cached_property
    def primary(self) -> list[Comparison]:
        """In the primary metric, with each baseline: the one family in which something is asserted."""
        plan = self.plan
        if plan.primary == BEST_RATE:
            return [*self.learning_rates.own] if self.learning_rates else []
        baselines, sequential = (plan.baseline, *plan.further_baselines), plan.looks is not None
        test_accuracy = plan.primary == "test-accuracy"
        return comparisons(
            self.ordered,
            baselines,
            metric(plan.primary),
            plan.margin,
            sequential=sequential,
            sampled=test_accuracy and not sequential,
        )

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Of test accuracy with the first baseline: one per point of the plan that is not its own, as `ordered`."""
        if self.plan.primary == "test-accuracy":
            return [each for each in self.primary if each.baseline == self.plan.baseline]
        options = {"asserts": False, "sequential": self.plan.looks is not None}
        margin = self.plan.margin if self.plan.primary in (*ACCURACIES, BEST_RATE) else None
        return comparisons(self.ordered, [self.plan.baseline], METRICS["test-accuracy"], margin, **options)

    @cached_property
    def recalibrated(self) -> Mapping[int, Comparison]:
        """By point, of methods with statistics: test accuracy with recalibrated ones, as `comparisons`; exploratory."""
        metric, options = METRICS["recalibrated-accuracy"], {"asserts": False, "sampled": False}
        sides = [each for each in self.ordered if each.name == self.plan.baseline or self._recalibrates(each)]
        sequential = self.plan.looks is not None
        found = comparisons(sides, [self.plan.baseline], metric, None, sequential=sequential, **options)
        return {each.point: each for each in found}

    def recalibrated_steps(self, point: int, target: int) -> Interval | None:
        """The same of the steps to a validation accuracy in per cent: their ratio to the baseline's; exploratory."""
        looks = [look for each in self.sides[point].of("ok", "diverged").values() for look in each.evaluations]
        base = self.recalibrated[point].baseline_point if point in self.recalibrated else None
        if base is None or all(look.recalibrated_accuracy is None for look in looks):
            return None
        return estimate(pairs(self.sides[base], self.sides[point]), metric(f"recalibrated-steps-to-{target}")).ratio

    def _recalibrates(self, side: Side) -> bool:
        return any(each.other_statistics for each in side.of("ok").values())

    @cached_property
    def times(self) -> Mapping[Measure, Times]:
        """In each measure, by point and target: the time to an accuracy beside the baseline's."""
        return {measure: self._times(measure) for measure in MEASURES}

    def _times(self, measure: Measure) -> Times:
        """Where both sides have runs that were measured against a target; those to one target are a family of Holm."""
        runs = {each.point: each.runs[measure] for each in self.conditions}
        found: dict[tuple[int, int], TimeRatio] = {}
        for target in TARGETS:
            here = {
                (c.point, target): paired_times(mine, base, without=c.mismatches, alike=measure == "seconds")
                for c in self.comparisons
                if c.baseline_point is not None and not c.same
                for mine, base in [(runs[c.point][target], runs[c.baseline_point][target])]
                if mine.seeds and base.seeds
            }
            found |= zip(here, in_family([*here.values()]), strict=True)
        return found

    @cached_property
    def confounds(self) -> Mapping[int, Audit]:
        """Point to what differs from the baseline besides the thing compared, where there is one to compare with."""
        return {
            each.point: audit(self.sides[each.baseline_point], self.sides[each.point])
            for each in self.comparisons
            if each.baseline_point is not None and not each.same
        }

    @cached_property
    def learning_rates(self) -> RateComparison | None:
        """At one rate for all and each at its own best; None where the rate is not varied."""
        return learning_rates(self.plan, self.sides)

    @property
    def complete(self) -> bool:
        """Whether every planned trial has a result; divergence is one."""
        return all(each.record is not None and each.record.status != "failed" for each in self.planned)
