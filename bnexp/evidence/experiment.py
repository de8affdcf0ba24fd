"""All that the records of one experiment show: read once, computed once, for a report and whoever else asks."""

from collections.abc import Mapping
from functools import cached_property

import pandas as pd

from bnexp.evidence.comparisons import Comparison, Condition, Measure, comparisons, conditions
from bnexp.evidence.confounds import Audit, Side, audit
from bnexp.evidence.learning_rates import RateComparison, learning_rates
from bnexp.evidence.sampling import with_sampling
from bnexp.evidence.time_to_accuracy import Pace, paces
from bnexp.records import frames
from bnexp.records.plan import StoredPlan
from bnexp.records.record import TrialRecord
from bnexp.records.remembering import RememberingStore
from bnexp.records.store import Store


class Evidence:
    """What an experiment's records show, part by part; raises UserError at a damaged record."""

    def __init__(self, store: Store, plan: StoredPlan) -> None:
        self.store = RememberingStore(store.root)
        self.plan = plan

    @cached_property
    def records(self) -> Mapping[int, Mapping[int, TrialRecord | None]]:
        """Point of the plan to seed to record, of every planned trial; None where there is none yet."""
        found: dict[int, dict[int, TrialRecord | None]] = {k: {} for k in range(len(self.plan.points))}
        for planned in frames.read(self.store, self.plan):
            found[planned.point][planned.seed] = planned.record
        return found

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per planned trial (`frames.trials`)."""
        return frames.trials(self.store, self.plan)

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """One row per evaluation (`frames.evaluations`)."""
        return frames.evaluations(self.store, self.plan)

    @cached_property
    def conditions(self) -> list[Condition]:
        """One per point of the plan, place by place, variants in the order of the config."""
        return conditions(self.trials, self.evaluations, self.plan)

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """One per point of the plan that is not the baseline's."""
        return with_sampling(comparisons(self.trials, self.plan), self.store, self.plan)

    @cached_property
    def times(self) -> Mapping[Measure, Mapping[tuple[int, int], Pace]]:
        """In each measure, by point and target: the time to an accuracy beside the baseline's."""
        return {
            measure: paces(self.conditions, self.comparisons, measure) for measure in ("steps", "examples", "seconds")
        }

    @cached_property
    def confounds(self) -> Mapping[int, Audit]:
        """Point to what differs from the baseline besides the thing compared, where there is one to compare with."""
        return {
            each.point: audit(self.side(each.baseline_point), self.side(each.point))
            for each in self.comparisons
            if each.baseline_point is not None and not each.same
        }

    @cached_property
    def learning_rates(self) -> RateComparison | None:
        """At one rate for all and each at its own best; None where the rate is not varied."""
        return learning_rates(self.trials, self.plan)

    @property
    def complete(self) -> bool:
        """Whether every planned trial has a result; divergence is one."""
        return bool(self.trials["status"].isin(["ok", "diverged"]).all())

    def side(self, point: int) -> Side:
        """The trials of one point as a side of a comparison."""
        return Side(self.plan.points[point].variant, self.plan.points[point].spec, self.records[point])
