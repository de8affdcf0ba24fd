"""What a report promises, held against made-up experiments whose truth is known: nominal and measured.

Each scenario takes a number of experiments and a random generator, and says how often a promise was broken, or kept.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from made_up_reports import Evidence, evidence, experiment

from bnexp.reporting.phrases import counted
from bnexp.specs.training import TrainingSpec

SEEDS = 10
SCATTER = 0.1
"""Percentage points, of a trial beside the luck of its seed, which its pair shares."""


class Measured(NamedTuple):
    """One line of the audit."""

    promise: str
    nominal: str
    """As the report says it: `≤ 5 %`, `≥ 95 %`, `80 %`."""
    share: float
    n: int
    """Of so many."""

    @property
    def error(self) -> float:
        """Standard error of the share."""
        return math.sqrt(max(self.share * (1 - self.share), 1 / self.n) / self.n)

    @property
    def kept(self) -> bool:
        """Whether it is as promised, or better, but for three standard errors; power to three points besides."""
        bound = float(self.nominal.strip("<≤≥ %")) / 100
        if self.nominal.startswith("≥"):
            return self.share >= bound - 3 * self.error
        if not self.nominal.startswith("≤"):
            return abs(self.share - bound) <= 0.03 + 3 * self.error
        return self.share <= bound + 3 * self.error


def accuracies(rng: np.random.Generator, variants: int, seeds: int = SEEDS, difference: float = 0.0) -> np.ndarray:
    """(variants, seeds): all but the first differ from it by so many points in truth."""
    found = 99 + rng.normal(0, 0.1, seeds) + rng.normal(0, SCATTER, (variants, seeds))
    found[1:] += difference
    return found


def asserts(found: Evidence) -> bool:
    """Whether the report asserts any difference: in the primary metric, or in how often one trains."""
    return any(each.verdict in ("higher", "lower") or each.trains != "undecided" for each in found.primary)


def _rare_failures(rng: np.random.Generator, variants: int, share: float, first: int = 0) -> dict[tuple[int, int], str]:
    return {
        (k, seed): ("failed", "diverged", "untrained")[(k + seed) % 3]
        for k in range(first, variants)
        for seed in range(SEEDS)
        if rng.random() < share
    }


def null_reports(n: int, rng: np.random.Generator) -> Iterator[Measured]:
    """Where no variant differs from the baseline."""
    for comparisons in (1, 4, 8):
        plan = experiment(1 + comparisons, SEEDS)
        found = [asserts(evidence(plan, accuracies(rng, 1 + comparisons))) for _ in range(n)]
        yield Measured(
            f"a whole null report, {counted(comparisons, 'comparison')}, asserts a difference",
            "≤ 5 %",
            np.mean(found),
            n,
        )
    plan = experiment(5, SEEDS)
    for share in (0.1, 0.3):
        found = [asserts(evidence(plan, accuracies(rng, 5), fates=_rare_failures(rng, 5, share))) for _ in range(n)]
        promise = f"a null report in which {100 * share:g} % of all trials fail asserts anything"
        yield Measured(promise, "≤ 5 %", np.mean(found), n)


def coverage(n: int, rng: np.random.Generator) -> Iterator[Measured]:
    """Of the interval of a difference of 0.1 points."""
    plan = experiment(2, SEEDS)
    for share in (0.0, 0.05):
        inside = []
        for _ in range(n):
            fates = _rare_failures(rng, 2, share, first=1)
            (each,) = evidence(plan, accuracies(rng, 2, difference=0.1), fates=fates).primary
            inside.append(each.difference.low <= 0.1 <= each.difference.high)
        also = f", {100 * share:g} % of the variant's trials failing" if share else ""
        yield Measured(
            f"the 95 % interval holds the true difference among trials that train{also}", "≥ 95 %", np.mean(inside), n
        )


def power(n: int, rng: np.random.Generator) -> Iterator[Measured]:
    """At the printed detectable difference: of each experiment a multiple of its scatter, here of the true one."""
    for comparisons in (1, 4, 8):
        plan = experiment(1 + comparisons, SEEDS)
        printed = [
            each.detectable for _ in range(200) for each in evidence(plan, accuracies(rng, 1 + comparisons)).primary
        ]
        shown = []
        for _ in range(n):
            scores = accuracies(rng, 1 + comparisons)
            scores[1] += np.sqrt(np.mean(np.square(printed)))  # the others do not differ: Holm's first step decides
            shown.append(evidence(plan, scores).primary[0].verdict == "higher")
        promise = f"the detectable difference is found, {counted(comparisons, 'comparison')}"
        yield Measured(promise, "80 %", np.mean(shown), n)


def equivalence(n: int, rng: np.random.Generator) -> Iterator[Measured]:
    """Where the true difference is the margin."""
    plan = experiment(5, SEEDS)
    for share in (0.0, 0.05):
        false = []
        for _ in range(n):
            fates = _rare_failures(rng, 5, share, first=1)
            false.append(
                any(each.equivalent for each in evidence(plan, accuracies(rng, 5, difference=0.1), fates=fates).primary)
            )
        also = f", {100 * share:g} % of the variants' trials failing" if share else ""
        yield Measured(
            f"a difference as large as the margin is called equivalent, 4 comparisons{also}", "≤ 5 %", np.mean(false), n
        )


def early_looks(n: int, rng: np.random.Generator) -> Iterator[Measured]:
    """A null report that is read after every seed, until it says something."""
    plan = experiment(5, SEEDS)
    false = []
    for _ in range(n):
        scores = accuracies(rng, 5)
        false.append(any(asserts(evidence(plan, scores, missing_from=k)) for k in range(6, SEEDS + 1)))
    yield Measured(
        "a null report that is read after every seed from the 6th on asserts a difference", "≤ 5 %", np.mean(false), n
    )


def until_decided(n: int, rng: np.random.Generator) -> Iterator[Measured]:
    """Seeds added until all is decided, 30 at most; the rule does not forget, so that the last look says it all."""
    plan = experiment(5, 30, sequential=True)
    wrong, false = [], []
    for _ in range(n):
        wrong.append(asserts(evidence(plan, accuracies(rng, 5, 30))))
        found = evidence(plan, accuracies(rng, 5, 30, difference=0.1)).primary
        false.append(any(each.equivalent for each in found))
    yield Measured("seeds until decided: a null report asserts a difference", "≤ 5 %", np.mean(wrong), n)
    yield Measured(
        "seeds until decided: a difference as large as the margin is called equivalent", "≤ 5 %", np.mean(false), n
    )
    plan = experiment(2, 30, sequential=True)
    covered = []
    for _ in range(n):
        (each,) = evidence(plan, accuracies(rng, 2, 30, difference=0.1)).primary
        covered.append(each.difference.low <= 0.1 <= each.difference.high)
    yield Measured(
        "seeds until decided: the interval holds the true difference at every look", "≥ 95 %", np.mean(covered), n
    )


def times(n: int, rng: np.random.Generator) -> Iterator[Measured]:
    """Of steps to 97 %, seen on the grid of the looks, where a variant takes a known part of the baseline's steps."""
    for factor, median, rest in (
        (0.5, 600, ""),
        (0.8, 600, ""),
        (0.8, 2000, ", a third of the runs too late to be seen"),
    ):
        plan = experiment(2, SEEDS, primary="steps-to-97")
        looks = TrainingSpec(epochs=3).evaluation_steps(54_000)
        inside = []
        for _ in range(n):
            took = median * np.exp(rng.normal(0, 0.3, SEEDS) + rng.normal(0, 0.2, (2, SEEDS)))
            took[1] *= factor
            (each,) = evidence(plan, accuracies(rng, 2), reached={97: took}, looks=looks).primary
            inside.append(not (each.difference.low > factor or each.difference.high < factor))
        yield Measured(
            f"the 95 % interval holds a true ratio of steps of {factor:g}{rest}", "≥ 95 %", np.mean(inside), n
        )
    plan = experiment(5, SEEDS, primary="steps-to-97")
    false = []
    for _ in range(n):
        took = 600 * np.exp(rng.normal(0, 0.3, SEEDS) + rng.normal(0, 0.2, (5, SEEDS)))
        false.append(asserts(evidence(plan, accuracies(rng, 5), reached={97: took}, looks=looks)))
    yield Measured("a null report whose primary metric is a time asserts a difference", "≤ 5 %", np.mean(false), n)


def learning_rates(n: int, rng: np.random.Generator) -> Iterator[Measured]:
    """Where no rate matters, and no variant differs at its best one."""
    for primary in ("test-accuracy", "best-rate-accuracy"):
        plan = experiment(4, SEEDS, (1e-3, 3e-3, 1e-2), primary)
        false, inside = [], []
        for _ in range(n):
            scores = 99 + rng.normal(0, 0.1, SEEDS) + rng.normal(0, SCATTER, (12, SEEDS))
            validation = scores + rng.normal(0, 0.03, (12, SEEDS))
            found = evidence(plan, scores, validation=validation)
            false.append(asserts(found))
            inside += [each.difference.contains_zero for each in found.primary]
        promise = f"a null report with three learning rates, primary metric {primary}, asserts a difference"
        yield Measured(promise, "≤ 5 %", np.mean(false), n)
    promise = "the 95 % interval at each variant's own best rate holds the true difference"
    yield Measured(promise, "≥ 95 %", np.mean(inside), len(inside))


SCENARIOS: tuple[Callable[[int, np.random.Generator], Iterator[Measured]], ...] = (
    null_reports,
    coverage,
    power,
    equivalence,
    early_looks,
    until_decided,
    times,
    learning_rates,
)
