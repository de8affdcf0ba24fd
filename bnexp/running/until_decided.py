"""Seeds that are added until each primary comparison is decided, by a rule that holds at every look.

The first look is after so many seeds as can decide anything; then one seed is added at a time, and only where a
comparison is open (`stats.sequential`: its tests and intervals hold whenever one stops).
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bnexp.errors import UserError
from bnexp.evidence.experiment import Evidence
from bnexp.evidence.paired import Comparison
from bnexp.evidence.rule import FEWEST
from bnexp.records.plan import united_plan
from bnexp.records.store import Store
from bnexp.running.progress import Watcher
from bnexp.running.survey import Outcome
from bnexp.specs.experiment import MARGIN, Experiment, compared_points, seeds_needed
from bnexp.specs.metrics import ACCURACIES
from bnexp.stats.sequential import decided_after

MAX_SEEDS = 40

Train = Callable[[Experiment], Outcome]
"""Trains what is missing of an experiment, and stores its plan."""


def until_decided(experiment: Experiment, store: Store, train: Train, watch: Watcher, *, max_seeds: int) -> Outcome:
    """Train seed after seed of an experiment, 0 to `max_seeds` - 1 at most, as long as a comparison is open.

    Ends before where a run ends before its end.  Raises UserError for a primary metric that is no accuracy, for fewer
    seeds than can decide anything, and where more are planned already.
    """
    growing, total = _begun(experiment, store, first_look(experiment, max_seeds), max_seeds), None
    while True:
        outcome = train(growing)
        total = outcome if total is None else _sum(total, outcome)
        if outcome.interrupted is not None or outcome.left:
            return total
        looks = growing.looks or ()
        growing = replace(growing, looks=(*looks, *{len(growing.seeds)}.difference(looks)))
        found = Evidence(store, store.keep_plan(growing)).primary
        still = [each for each in found if _is_open(each)]
        watch.looked(_told(growing, found, still))
        grown = _grown(growing, still, max_seeds)
        if grown == growing:
            return total
        growing = grown


def first_look(experiment: Experiment, max_seeds: int) -> int:
    """The fewest seeds that can decide anything, of accuracy or of how often it trains; raises UserError as above."""
    if experiment.primary not in ACCURACIES:
        raise UserError(
            f"{experiment.name}: --until-decided takes a primary metric whose scale its rule knows "
            f"({', '.join(ACCURACIES)}), not {experiment.primary}"
        )
    compared = _declared(experiment)
    if not compared:
        raise UserError(f"{experiment.name}: there is only one variant, and nothing to decide")
    if (needed := seeds_needed(2 * compared)) > max_seeds:
        raise UserError(
            f"--max-seeds: to decide {compared} comparison{'s' * (compared > 1)} takes {needed} seeds at least, "
            f"not {max_seeds}"
        )
    return needed


def _declared(experiment: Experiment) -> int:
    """How many comparisons there are."""
    points = [(each.variant, each.coordinates) for each in experiment.points]
    return sum(base is not None for _, _, base in compared_points(points, experiment.baselines))


def expected(experiment: Experiment, store: Store, max_seeds: int) -> list[str]:
    """What is to be expected, as text: the first look, and with a scatter that is known from stored pairs, the last."""
    first = first_look(experiment, max_seeds)
    said = [f"{experiment.name}: looked at after {first} seeds, and after each one more; {max_seeds} at most"]
    plan = united_plan(experiment, store.read_plan(experiment.name))
    found = [each for each in Evidence(store, plan).primary if each.difference.n >= FEWEST]
    scatters = [float(np.std(each.differences, ddof=1)) for each in found]
    if not any(scatters):
        return [*said, "how many it takes depends on the scatter of the pairs, which none has measured yet"]
    scatter, margin = float(np.median(scatters)), experiment.margin or MARGIN
    for true in (0.0, margin, 2 * margin):
        after = decided_after(true, scatter, margin=margin, comparisons=_declared(experiment), most=max_seeds)
        half, most = np.quantile(after, [0.5, 0.8], method="higher")
        told = [f"{'more than ' * math.isinf(n)}{max_seeds if math.isinf(n) else int(n)}" for n in (half, most)]
        said.append(
            f"pairs that scatter by {scatter:.2g} pp, as {len(found)} comparisons so far, decide a true difference of "
            f"{true:g} pp after {told[0]} seeds in half of all cases, and {told[1]} in 80 %"
        )
    return said


def _is_open(each: Comparison) -> bool:
    """Whether more seeds could decide it."""
    can_be = each.baseline_point is not None and not each.same
    return can_be and each.trains == "undecided" and each.verdict in ("undecided", "nothing")


def _begun(experiment: Experiment, store: Store, first: int, max_seeds: int) -> Experiment:
    """The experiment with the seeds of the first look, and those that its stored plan has."""
    start = tuple(range(first))
    points = tuple(replace(point, seeds=start) for point in experiment.points)
    plan = united_plan(replace(experiment, seeds=start, points=points), store.read_plan(experiment.name))
    if sorted(plan.seeds) != [*range(len(plan.seeds))]:
        raise UserError(f"{experiment.name}: its stored seeds are not 0, 1, 2, ...; --name begins anew")
    if len(plan.seeds) > max_seeds:
        raise UserError(
            f"{experiment.name}: {len(plan.seeds)} seeds are planned already; raise --max-seeds, or begin anew with "
            "--name"
        )
    stored = zip(points, plan.points, strict=True)
    return replace(
        experiment,
        seeds=tuple(sorted(plan.seeds)),
        points=tuple(replace(point, seeds=tuple(sorted(known.trials))) for point, known in stored),
        looks=plan.looks or (),
    )


def _grown(experiment: Experiment, still: list[Comparison], max_seeds: int) -> Experiment:
    """With one more seed at the points of each open comparison."""
    seeds = [set(point.seeds or ()) for point in experiment.points]
    more: dict[int, set[int]] = {}
    for each in still:
        both = [index for index in (each.point, each.baseline_point) if index is not None]
        pairs = set.intersection(*(seeds[index] for index in both))
        missing = next(seed for seed in range(max_seeds + 1) if seed not in pairs)
        for index in both if missing < max_seeds else ():
            more.setdefault(index, set()).add(missing)
    points = tuple(
        replace(point, seeds=tuple(sorted(seeds[index] | more.get(index, set()))))
        for index, point in enumerate(experiment.points)
    )
    every = set().union(*(point.seeds or () for point in points))
    return replace(experiment, seeds=tuple(sorted(every)), points=points)


def _told(experiment: Experiment, found: list[Comparison], still: list[Comparison]) -> str:
    compared = sum(each.baseline_point is not None and not each.same for each in found)
    names = ", ".join(dict.fromkeys(each.variant for each in still))
    open_ones = (
        f"{len(still)} of {compared} comparisons open ({names})" if still else f"all {compared} comparisons decided"
    )
    return f"{experiment.name}: after {len(experiment.seeds)} seeds {open_ones}"


def _sum(one: Outcome, other: Outcome) -> Outcome:
    """Of two runs, one after the other: what the second found finished, or failed, was counted by the first."""
    return replace(
        other,
        skipped=one.skipped,
        failed_before=one.failed_before,
        trained=one.trained + other.trained,
        diverged=one.diverged + other.diverged,
        failed=other.failed + other.failed_before - one.failed_before,
    )
