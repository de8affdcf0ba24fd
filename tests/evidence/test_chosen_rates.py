"""What the choice of a learning rate does to intervals and verdicts, by simulation; beside it choices that fail.

Rates at which a variant does equally well are the worst case: which of them wins is luck, and the seeds that chose it
are those that were lucky there.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from bnexp.evidence.learning_rates import learning_rates
from bnexp.evidence.side import Side
from bnexp.stats.estimates import mean_interval

SEEDS, RATES, EXPERIMENTS = 10, 5, 1000


def experiment(rng, rates):
    """`none` and `bn` at so many rates of each, none of which matters: validation and test accuracy, (seeds, rates)."""
    luck = rng.normal(99, 0.2, (SEEDS, 1))
    for n in rates:
        run = luck + rng.normal(0, 0.15, (SEEDS, n))  # what a run learned shows on both sets of images
        yield run + rng.normal(0, 0.05, (SEEDS, n)), run + rng.normal(0, 0.03, (SEEDS, n))


def evidence(accuracies):
    """The comparison of an experiment with these accuracies, from records that have what it asks for."""
    sides = []
    for name, (validation, test) in zip(("none", "bn"), accuracies, strict=True):
        for k in range(validation.shape[1]):
            spec = {"data": {}, "model": "", "norm": name}
            spec["training"] = {"epochs": 1, "optimizer": {"learning_rate": 0.001 * 3**k}}
            records = {seed: made(*pair) for seed, pair in enumerate(zip(validation[:, k], test[:, k], strict=True))}
            at = {"training.optimizer.learning_rate": 0.001 * 3**k}
            sides.append(Side(name, spec, records, at, len(sides)))
    names, primary = ("none", "bn"), "best-rate-accuracy"
    plan = SimpleNamespace(seeds=tuple(range(SEEDS)), variants=names, baseline="none", margin=0.1, primary=primary)
    return learning_rates(plan, sides)


def made(validation, test):
    look = SimpleNamespace(validation_accuracy=validation / 100, recalibrated_accuracy=None)
    fingerprints = SimpleNamespace(validation="v", order="o", weights={}, normalization=())
    return SimpleNamespace(
        status="ok",
        trained=True,
        data_hash="d",
        fingerprints=fingerprints,
        evaluations=(look,),
        test=SimpleNamespace(accuracy=test / 100, examples=10_000),
        other_statistics=None,
        validation_examples=6000,
    )


def on_the_same_seeds(validation, test):
    return test[:, validation.mean(0).argmax()]


def without_the_seed(validation, test):
    """Each seed at the rate that all others choose."""
    others = validation.sum(0) - validation
    return test[np.arange(len(test)), others.argmax(1)]


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(1, RATES), (RATES, RATES)])
def test_what_is_found_at_the_chosen_rates_holds(rates):
    """True difference 0: standard errors of coverage and verdicts 0.007, of the mean 0.003 points."""
    rng = np.random.default_rng(3)
    found = [c for _ in range(EXPERIMENTS) for c in evidence([*experiment(rng, rates)]).own]
    assert len(found) == EXPERIMENTS
    assert np.mean([c.difference.contains_zero for c in found]) >= 0.93
    assert abs(np.mean([c.difference.mean for c in found])) < 0.01
    assert np.mean([c.verdict in ("higher", "lower") for c in found]) <= 0.05


@pytest.mark.parametrize(("rates", "choose"), [((1, RATES), on_the_same_seeds), ((RATES, RATES), without_the_seed)])
def test_other_choices_do_not_hold(rates, choose):
    """On the seeds that chose, the variant with more rates looks better; without each seed alone, the pairs depend on
    each other through the choice, and the interval covers 0 in 84 of 100."""
    rng = np.random.default_rng(3)
    found = [
        mean_interval(choose(*bn) - choose(*none)) for none, bn in (experiment(rng, rates) for _ in range(EXPERIMENTS))
    ]
    assert np.mean([each.contains_zero for each in found]) < 0.93
    biased = abs(np.mean([each.mean for each in found])) > 0.01
    assert biased == (choose is on_the_same_seeds)
