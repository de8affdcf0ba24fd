"""All that is reported of one experiment: what may be said, the figures, the tables, and where it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pandas as pd

from bnexp.evidence.condition import Condition
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.learning_rates import RateComparison
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import Verdict
from bnexp.records.plan import StoredPlan
from bnexp.records.store import Store
from bnexp.reporting import sentences, tables, times
from bnexp.reporting.audits import Audited, audited
from bnexp.reporting.averages import averages, caveat
from bnexp.reporting.commands import Named, PointCommands, commands, point_commands
from bnexp.reporting.curves_data import curves_data
from bnexp.reporting.drawings import Drawing, drawings
from bnexp.reporting.figures import Variant
from bnexp.reporting.palette import Look
from bnexp.reporting.provenance import provenance
from bnexp.reporting.sampling import sampling
from bnexp.reporting.trial_table import readable_trials


@dataclass(frozen=True)
class Section:
    """One experiment of a report."""

    plan: StoredPlan
    slug: str
    """The name as part of file names and links: ASCII letters, digits, dots, hyphens and underscores."""
    trials: pd.DataFrame
    evaluations: pd.DataFrame
    incomplete: list[str]
    """Sentences on trials that are missing, failed or diverged."""
    audit: Audited
    """What differs between the sides of the comparisons besides the variant."""
    complete: bool
    """Whether every planned trial has a result; divergence is one."""
    overview: str
    """How the comparisons went, counted by verdict; empty where there are only a few."""
    conclusions: list[str]
    convergence: list[str]
    averages: list[str]
    """What moving averages do to the figures of batch-dependent methods."""
    learning_rates: RateComparison | None
    """The comparison at one learning rate and at each variant's own best; None where the rate is not varied."""
    sampling: list[str]
    """What of the errors comes from the seeds and what from the test images."""
    drawings: list[Drawing]
    curves: Mapping[str, Any]
    """Of the interactive learning curves (`curves_data`); empty where there are none."""
    row_commands: list[Named]
    """What repeats each row of `table`."""
    trial_rows: pd.DataFrame
    """One row per planned trial, as text."""
    trial_commands: list[Named]
    """What repeats each of `trial_rows`."""
    summary: pd.DataFrame
    table: pd.DataFrame
    legend: list[str]
    times: pd.DataFrame
    """When which validation accuracy was reached, unrounded; `n_runs` is 0 where there is no validation split."""
    times_table: pd.DataFrame
    times_legend: list[str]
    provenance: pd.DataFrame

    @property
    def data(self) -> list[str]:
        """What the networks were trained on, and how much of it."""
        return [str(value) for value in self.provenance.loc[self.provenance["what"] == "data", "value"]]


FEW = 6
"""So many sentences are read as they stand; more want an overview."""


def section(store: Store, plan: StoredPlan, slug: str, looks: Mapping[str, Look]) -> Section:
    """Read the records of an experiment and say what follows; raises UserError at a damaged record."""
    evidence = Evidence(store, plan)
    store = evidence.store
    trials, evaluations, every, against = (
        evidence.trials,
        evidence.evaluations,
        evidence.conditions,
        evidence.comparisons,
    )
    variants = [Variant(name, looks[name]) for name in plan.variants]
    repeats = point_commands(plan, store.root)
    return Section(
        plan=plan,
        slug=slug,
        trials=trials,
        evaluations=evaluations,
        incomplete=sentences.incomplete(trials, plan),
        complete=evidence.complete,
        overview=overview(against) if len(against) > FEW else "",
        audit=audited(evidence),
        conclusions=_conclusions(every, against),
        convergence=sentences.convergence(every, against),
        averages=averages(every, plan),
        learning_rates=evidence.learning_rates,
        sampling=sampling(against),
        drawings=list(drawings(every, against, trials, evaluations, variants)),
        curves=curves_data(every, trials, evaluations, variants),
        row_commands=[repeats[condition.point].every for condition in every],
        trial_rows=readable_trials(trials, plan),
        trial_commands=_trial_commands(trials, repeats),
        summary=tables.summary(every, against),
        table=tables.readable(every, against),
        legend=tables.legend(every, against, trials),
        times=times.numbers(every, against),
        times_table=times.readable(every, against),
        times_legend=times.legend(every, against),
        provenance=provenance(evidence, commands=commands(plan, store.root)),
    )


def _trial_commands(trials: pd.DataFrame, repeats: Sequence[PointCommands]) -> list[Named]:
    """What repeats each trial; only one that has a result can be verified."""
    found = []
    for point, seed, status in zip(trials["point"], trials["seed"], trials["status"], strict=True):
        named = repeats[point].trials[seed]
        finished = status in ("ok", "diverged")
        found.append({name: command for name, command in named.items() if finished or name != "verify"})
    return found


def _conclusions(every: Sequence[Condition], against: Sequence[Comparison]) -> list[str]:
    """One sentence per comparison, with what must be known of moving averages beside it."""
    caveats = {condition.point: caveat(condition) for condition in every}
    said = zip(against, sentences.differences(against), strict=True)
    return [sentence + caveats[comparison.point] for comparison, sentence in said]


def overview(against: Sequence[Comparison]) -> str:
    """How many comparisons came to which verdict."""
    found = [each.verdict for each in against]
    higher, lower, signs, equivalent, undecided, nothing = map(found.count, get_args(Verdict))
    text = (
        f"Of {len(against)} comparisons with {against[0].baseline}, test accuracy is higher in {higher} and lower in "
        f"{lower}, with signs of a difference, not confirmed, in {signs}, equivalence within ±{against[0].margin:g} "
        f"points in {equivalent}, and neither shown in {undecided}"
    )
    return text + (f"; in {nothing} nothing can be said of the mean." if nothing else ".")


def slugs(names: Sequence[str]) -> dict[str, str]:
    """A different slug for each name."""
    found: dict[str, str] = {}
    for name in names:
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name).strip(".-")[:60]
        slug, k = plain or "experiment", 2
        while slug.casefold() in {used.casefold() for used in found.values()}:
            slug, k = f"{plain or 'experiment'}-{k}", k + 1
        found[name] = slug
    return found
