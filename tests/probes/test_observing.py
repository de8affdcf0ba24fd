"""What holds for every probe: the training is the same to the bit, and so is what is seen of it."""

import random

import numpy as np
import pytest
from small_trial import SMALL, TINY_CNN, numbers, small

from bnexp.specs.probes import MODEL, PROBES
from bnexp.specs.trial import Trial, TrialSpec
from bnexp.training.loop import Clock, Stop
from bnexp.training.procedures.central import train
from bnexp.training.trial import train_trial

FEW = {"looks": 2, "draws": 2}
EVERY = [
    {"name": name, **{key: few for key, few in FEW.items() if key in probe.model_fields}}
    for name, probe in PROBES.items()
]
EXACT = [each for each in EVERY if not PROBES[each["name"]].timing]
"""Those whose numbers are the same twice."""
MLP = {"name": "mlp", "widths": [8, 8]}
CASES = {
    "none": {"model": TINY_CNN},
    "batch": {"norm": "batch", "model": TINY_CNN},
    "dropout": {"norm": "batch", "model": {**TINY_CNN, "dropout": 0.5}},
    "spectral": {"norm": "spectral", "model": MLP},
    "batch-renorm": {"norm": {"name": "batch-renorm", "ramp_start": 1, "r_ramp_end": 9, "d_ramp_end": 9}, "model": MLP},
    "after the activation": {"norm": {"name": "batch", "place": "after-activation"}, "model": MLP},
    "brings its activation": {"norm": "evonorm-b0", "model": TINY_CNN},
}


def unprobed(record):
    return {key: value for key, value in numbers(record).items() if key not in ("identity", "spec", "probes")}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case == "dropout" else pytest.mark.slow) for case in CASES]
)
def test_a_training_with_all_probes_is_the_one_without_to_the_bit(case, trainer):
    """Weights at the end, and all that a record has: test predictions, losses, fingerprints."""

    class Weights:
        steps = (14,)

        def __init__(self, setup):
            self._model = setup.program.model

        def at(self, stop):
            self.kept = [variable.numpy() for variable in self._model.variables]

    def trained(**probes):
        made = []
        record = train_trial(
            Trial(small(**CASES[case], **probes), 1),
            trainer,
            lambda _: None,
            [lambda setup: made.append(Weights(setup)) or made[0]],
        )
        return record, made[0].kept

    (alone, weights), (watched, others) = trained(), trained(probes=EVERY)
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)
    assert unprobed(watched) == unprobed(alone)
    assert alone.probes == {}
    assert [*watched.probes] == [*PROBES]


@pytest.mark.parametrize("probe", EVERY, ids=[*PROBES])
def test_after_each_look_every_variable_is_what_it_was(probe, observer):
    one = observer(probe, **CASES["dropout"])
    variables = [*one.model.variables, *one.setup.program._optimizer.variables]
    before = [variable.numpy() for variable in variables]
    state, python = np.random.get_state()[1].copy(), random.getstate()
    for step in one.steps:
        one.at(Stop(step, 0, 0.0, None, 0, 0.0, diverged=False))
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert random.getstate() == python
    assert len(one.looks) == len(one.steps)
    if probe in EXACT:
        assert one.looks[0].values == one.looks[-1].values  # dropout's mask too


@pytest.mark.parametrize("name", PROBES)
def test_what_is_measured_is_what_the_spec_says(name, observer):
    probe = observer(name, norm="batch", model=TINY_CNN)
    found, spec = probe.measured(), PROBES[name]
    assert [*found] == [*spec.values]
    layers = {layer for values in found.values() for layer in values}
    assert layers <= {MODEL, "conv1", "dense1", "output"}
    assert all(np.isfinite(value) for values in found.values() for value in values.values())
    assert spec.title
    assert spec.definition
    assert spec.link.startswith("https://") or not spec.paper


@pytest.mark.slow
def test_the_same_trial_is_seen_the_same_twice(trainer):
    trial = Trial(small(norm="batch", model=MLP, probes=EXACT), 1)
    assert trainer(trial, lambda _: None).probes == trainer(trial, lambda _: None).probes


def test_it_looks_before_the_first_step_and_after_the_last(trainer):
    record = trainer(
        Trial(small(model=TINY_CNN, probes=["dead-units", {"name": "gradient-ratios", "looks": 4}]), 0), lambda _: None
    )
    looks = {name: [look.step for look in found] for name, found in record.probes.items()}
    assert looks["gradient-ratios"] == [0, 4, 8, 14]
    assert looks["dead-units"] == [0, 1, 3, 4, 5, 7, 8, 10, 13, 14]
    assert {*looks["dead-units"]} <= {0, *(row.step for row in record.evaluations)}


def test_what_does_not_follow_the_training_looks_once_at_the_end():
    assert PROBES["inference-latency"]().steps([1, 2, 4, 7]) == [7]


def test_of_a_training_that_diverges_it_keeps_what_came_before(trainer):
    training = {**SMALL["training"], "optimizer": {"name": "sgd", "learning_rate": 1e30}}
    record = trainer(Trial(small(training=training, model=TINY_CNN, probes=["gradient-ratios"]), 1), lambda _: None)
    assert record.status == "diverged"
    assert record.probes["gradient-ratios"][0].step == 0
    assert all(look.step < record.diverged_at_step for look in record.probes["gradient-ratios"])


def test_its_time_is_no_time_of_training(observer):
    probe = observer("smoothness", model="mlp")
    clock = Clock()
    train(probe.setup, [probe], clock)
    assert clock.parts["evaluate"] > 0
    assert len(probe.looks) == 10


def test_the_batch_follows_from_the_seed_and_not_from_the_variant(observer):
    def batch(seed, **blocks):
        probe = observer("smoothness", seed=seed, model="mlp", **blocks)
        return probe.images.numpy(), probe.setup.parts.train

    (one, train_images), (other, _) = batch(3), batch(3, norm="batch")
    np.testing.assert_array_equal(one, other)
    assert len(one) == SMALL["training"]["batch_size"]
    assert not np.array_equal(one, batch(4)[0])
    every = {image.tobytes() for image in observer("dead-units").setup.data.dataset.train_images[train_images]}
    assert {np.round(image * 255).astype(np.uint8).tobytes() for image in one} <= every


@pytest.mark.parametrize(
    ("looks", "steps"), [(2, [0, 64]), (3, [0, 8, 64]), (4, [0, 2, 16, 64]), (100, [0, 1, 2, 4, 8, 16, 32, 64])]
)
def test_looks_are_spread_over_the_logarithm_of_the_steps(looks, steps):
    assert PROBES["smoothness"](looks=looks).steps([1, 2, 4, 8, 16, 32, 64]) == steps


def test_without_probes_a_trial_is_the_one_that_it_always_was():
    assert Trial(small(), 0).identity == Trial(small(probes=[]), 0).identity
    assert Trial(small(probes=["activations"]), 0).identity != Trial(small(), 0).identity


def test_names_and_blocks_and_any_order_say_the_same():
    one = TrialSpec.model_validate({"probes": ["smoothness", {"name": "gradient-ratios"}]})
    other = TrialSpec.model_validate({"probes": [{"name": "gradient-ratios", "looks": 10}, "smoothness"]})
    assert Trial(one, 0).identity == Trial(other, 0).identity
