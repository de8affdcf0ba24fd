"""Which waiting trial a worker gets."""

from collections import deque

import pytest

from bnexp.running.queue import choose
from bnexp.running.survey import Task
from bnexp.specs.trial import Trial, TrialSpec
from bnexp.specs.workers import model_key


def spec(norm="none", **training):
    return TrialSpec.model_validate({"norm": norm, "training": training})


def waiting(*wanted):
    """Tasks of (norm, seed)."""
    return deque(Task(Trial(spec(norm), seed), "e", norm) for norm, seed in wanted)


def models(*norms):
    return [model_key(spec(norm)) for norm in norms]


@pytest.mark.parametrize(
    ("mine", "others", "index"),
    [
        ((), (), 0),
        (("layer",), (), 2),
        (("layer", "batch"), (), 1),
        (("rms",), ("none",), 1),
        ((), ("none", "batch"), 2),
        ((), ("none", "batch", "layer"), 0),
        (("group",), ("none", "batch", "layer"), 0),
    ],
)
def test_a_model_that_the_worker_has_then_one_that_nobody_has_then_the_first(mine, others, index):
    queue = waiting(("none", 0), ("batch", 0), ("layer", 0), ("group", 1))
    assert choose(queue, models(*mine), models(*others)) == index


def test_one_model_serves_any_learning_rate_and_length_but_one_batch_size():
    assert model_key(spec(epochs=3, optimizer={"name": "adam", "learning_rate": 0.1})) == model_key(spec())
    assert model_key(spec(batch_size=8)) != model_key(spec())
    assert model_key(spec(optimizer="sgd")) != model_key(spec())
    assert model_key(spec("batch")) != model_key(spec())


def test_a_choice_among_many_looks_at_few(monkeypatch):
    seen = []
    monkeypatch.setattr("bnexp.running.queue.model_key", seen.append)
    choose(waiting(*(("none", 0) for _ in range(5000))), (), ())
    assert len(seen) < 100
