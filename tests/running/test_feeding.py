"""Which waiting trial a worker gets."""

from collections import deque

import pytest

from bnexp.running.feeding import REMEMBERED, choose, model_of
from bnexp.running.survey import Task
from bnexp.specs.trial import Trial, TrialSpec


def spec(norm="none", **training):
    return TrialSpec.model_validate({"norm": norm, "training": training})


def waiting(*wanted):
    """Tasks of (norm, seed)."""
    return deque(Task(Trial(spec(norm), seed), "e", norm) for norm, seed in wanted)


def models(*norms):
    return [model_of(spec(norm)) for norm in norms]


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
    assert model_of(spec(epochs=3, optimizer={"name": "adam", "learning_rate": 0.1})) == model_of(spec())
    assert model_of(spec(batch_size=8)) != model_of(spec())
    assert model_of(spec(optimizer="sgd")) != model_of(spec())
    assert model_of(spec("batch")) != model_of(spec())


def test_as_many_models_are_remembered_as_a_worker_keeps():
    from bnexp.training import trainer  # noqa: PLC0415  # TensorFlow, for this alone

    assert trainer._PROGRAMS_KEPT == REMEMBERED


def test_a_choice_among_many_looks_at_few(monkeypatch):
    seen = []
    monkeypatch.setattr("bnexp.running.feeding.model_of", seen.append)
    choose(waiting(*(("none", 0) for _ in range(5000))), (), ())
    assert len(seen) < 100
