"""Steps as a graph, as on a CPU, and compiled by XLA, as on a GPU, train alike but for rounding."""

import gc

import keras
import numpy as np
import pytest
from small_trial import SMALL, TINY_CNN, images, small, started

from bnexp.specs.trial import Trial
from bnexp.training.program import Program

TENS = {**SMALL["training"], "batch_size": 10}


@pytest.mark.parametrize(
    "norm",
    [
        "batch",
        *(
            pytest.param(norm, marks=pytest.mark.slow)
            for norm in ("none", {"name": "group", "groups": 4}, "weight", "spectral", "filter-response")
        ),
    ],
)
def test_compiled_and_plain_steps_train_alike_the_smaller_last_batch_included(norm):
    spec, data = small(norm=norm, model=TINY_CNN, training=TENS), images()
    results = []
    for chosen in ("graph", "xla"):
        program = started(spec, chosen, first=10)
        whole = program.train(data.images, data.labels, np.arange(50).reshape(5, 10))
        rest = program.train(data.images, data.labels, np.arange(50, 57)[None])
        results.append((whole.loss_sum / 50, rest.loss_sum / 7, whole.correct, rest.correct, whole.steps))
    (one, last, *counts), (other, other_last, *other_counts) = results
    assert one == pytest.approx(other, rel=1e-3)
    assert last == pytest.approx(other_last, rel=1e-2)
    assert counts == pytest.approx(other_counts, abs=1)


@pytest.mark.slow
def test_the_same_compiled_training_twice_gives_the_same_bits():
    data, weights = images(), []
    for _ in range(2):
        program = started(small(norm="batch", training=TENS), "xla")
        program.train(data.images, data.labels, np.arange(200).reshape(20, 10))
        weights.append(program.model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("norm", "chosen", "optimizer"),
    [
        ("batch", "graph", "adamw"),
        pytest.param("none", "xla", "adam", marks=pytest.mark.slow),
        pytest.param("none", "graph", "sgd", marks=pytest.mark.slow),
        pytest.param("none", "graph", "rmsprop", marks=pytest.mark.slow),
        pytest.param("group", "graph", "adam", marks=pytest.mark.slow),
    ],
)
def test_a_compiled_model_that_is_let_go_leaves_nothing_behind(norm, chosen, optimizer):
    """A worker trains hundreds of trials.  What a trace would register for good is some thousand objects."""
    arguments = {"groups": 4} if norm == "group" else {}
    training = {**TENS, "optimizer": optimizer}
    spec, data = small(norm={"name": norm, **arguments}, model=TINY_CNN, training=training), images()

    def objects_after_one_more():
        program = started(spec, chosen, first=10)
        program.train(data.images, data.labels, np.arange(20).reshape(2, 10))
        program.evaluate(data.images, data.labels, np.arange(20))
        if program.batch_dependent:
            program.evaluate_with_batch_statistics(data.images, data.labels, np.arange(20), 10)
            program.recalibrate(data.images, np.arange(20))
        del program
        gc.collect()
        return len(gc.get_objects())

    objects_after_one_more()
    before = objects_after_one_more()
    assert objects_after_one_more() - before < 500


@pytest.fixture
def as_on_a_gpu(trainer, monkeypatch):
    """The trainer of this CPU, which takes its device for a GPU."""
    monkeypatch.setitem(trainer.device, "device", "gpu")
    return trainer


def test_on_a_gpu_steps_are_compiled_with_the_smaller_last_batch_before_the_clock_runs(as_on_a_gpu, monkeypatch):
    traces, update = [], Program.update

    def traced(*given):
        traces.append(given)
        return update(*given)

    monkeypatch.setattr(Program, "update", traced)
    trial, parts = Trial(small(norm="batch", model=TINY_CNN), 0), np.arange(330)
    data = as_on_a_gpu.data(trial)
    program, _ = as_on_a_gpu.program(trial, data, parts[:50], parts[:30])
    before = len(traces)
    for batch in (parts[:50], parts[:30]):
        program.train(data.images, data.labels, batch[None])
    assert len(traces) == before > 0
    assert as_on_a_gpu(trial, lambda _: None).execution["step"] == "xla"


def test_a_plain_lstm_is_computed_as_a_normalized_one_not_by_cudnn():
    model = started(small(model="lstm")).model
    assert [one.use_cudnn for one in model.layers if isinstance(one, keras.layers.LSTM)] == [False]
