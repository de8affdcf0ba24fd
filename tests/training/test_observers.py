"""Who watches a training changes nothing of it: neither the record's numbers nor what is drawn at random."""

from itertools import pairwise

import numpy as np
import pytest
from small_trial import SMALL, numbers, small

from bnexp.specs.trial import Trial
from bnexp.training.trial import train_trial


class Probe:
    """At every second step: scores of examples of its own choice, as at inference and in batches; size of weights."""

    steps = range(1, 1000, 2)

    def __init__(self, setup):
        self._setup = setup
        self.seen, self.sizes = [], []
        self._generator = np.random.default_rng(5)

    def at(self, stop):
        self.seen.append(stop)
        data, program = self._setup.data, self._setup.program
        some = self._generator.choice(self._setup.parts.train, 40, replace=False)
        program.evaluate(data.images, data.labels, some)
        if program.batch_dependent:
            program.evaluate_with_batch_statistics(data.images, data.labels, some, 20)
        self.sizes.append(sum(float(np.abs(weight).sum(dtype="float64")) for weight in program.model.get_weights()))


CASES = {
    "batch and dropout": {"norm": "batch", "model": {"name": "cnn", "dropout": 0.5}},
    "spectral": {"norm": "spectral"},
    "mlp with dropout": {"model": {"name": "mlp", "widths": [16], "dropout": 0.3}},
    "diverges": {"training": {**SMALL["training"], "optimizer": {"name": "sgd", "learning_rate": 1e30}}},
}


@pytest.mark.parametrize("case", CASES)
def test_a_second_observer_with_steps_of_its_own_leaves_the_record_as_it_was(case, trainer):
    trial = Trial(small(**CASES[case]), 1)
    probes = []

    def probe(setup):
        probes.append(Probe(setup))
        return probes[-1]

    alone = trainer(trial, lambda _: None)
    state = np.random.get_state()[1].copy()  # a trial seeds the global generator, and observers draw nothing from it
    watched = train_trial(trial, trainer, lambda _: None, [probe, probe])
    assert numbers(alone) == numbers(watched)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    for one in probes:
        assert one.seen == probes[0].seen
        assert one.sizes == probes[0].sizes or case == "diverges"  # where a size is no number
        assert one.seen[-1].diverged == (case == "diverges")


def test_observers_are_told_of_every_stop_in_order_and_of_what_was_done_since(trainer):
    seen = []

    def probe(setup):
        seen.append(Probe(setup))
        return seen[0]

    training = SMALL["training"] | {"evaluations": 1}
    record = train_trial(Trial(small(training=training), 0), trainer, lambda _: None, [probe])
    stops = seen[0].seen
    # Own steps 1, 3, ..., 13, the evaluations' 1, 2, 4, 8, 14, and the ends of both epochs of seven steps, 50 images
    # each but for the last of 30.
    assert [stop.step for stop in stops] == [1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 14]
    assert [stop.examples for stop in stops] == [50, 50, 50, 50, 50, 80, 50, 50, 100, 100, 30]
    assert [row.step for row in record.evaluations] == [1, 2, 4, 8, 14]
    assert sum(stop.loss_sum for stop in stops[2:4]) == pytest.approx(record.evaluations[2].train_loss * 100)
    assert all(one.seconds < other.seconds for one, other in pairwise(stops))
