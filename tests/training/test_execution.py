"""How steps are computed: chosen from the spec alone, noted in the record, and of no consequence but for rounding."""

import gc

import numpy as np
import pytest
from small_trial import SMALL, TINY_CNN, images, small, started

from bnexp.training.execution import GRAPH, XLA_FEWEST_STEPS, Execution, execution_for

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize(
    ("batch_size", "steps", "device", "expected"),
    [
        (64, 10**6, "cpu", GRAPH),
        (3, 10**6, "cpu", GRAPH),
        (2, XLA_FEWEST_STEPS, "cpu", Execution("xla", 2)),
        (2, XLA_FEWEST_STEPS - 1, "cpu", GRAPH),
        (1, 10**6, "cpu", Execution("xla", 1)),
        (64, 10, "gpu", Execution("xla", 64)),
    ],
)
def test_the_execution_follows_from_batch_size_steps_and_device(batch_size, steps, device, expected):
    assert execution_for(batch_size, steps, device) == expected


def test_the_record_says_how_steps_were_computed(train, monkeypatch):
    blocks = {"model": {"name": "mlp", "widths": [8]}, "data": {"name": "mnist-5k", "train": 41, "validation": 20}}
    training = {**SMALL["training"], "batch_size": 2}
    assert train(training=training, **blocks).execution["step"] == "graph"
    monkeypatch.setattr("bnexp.training.execution.XLA_FEWEST_STEPS", 40)
    compiled = train(training=training, **blocks)
    assert compiled.execution["step"] == "xla"
    assert compiled.execution["compiled_model_reused"] is False
    assert [row.examples for row in compiled.evaluations] == [14, 28, 41, 82]  # 20 compiled steps of 2, one of 1


@pytest.mark.parametrize(
    "norm", ["none", "batch", {"name": "group", "groups": 4}, "weight", "spectral", "filter-response"]
)
def test_compiled_and_plain_steps_train_alike_the_smaller_last_batch_included(norm):
    spec, data = small(norm=norm, model=TINY_CNN), images()
    results = []
    for chosen in (GRAPH, Execution("xla", 10)):
        program = started(spec, chosen, first=10)
        whole = program.train(data.images, data.labels, np.arange(50).reshape(5, 10))
        rest = program.train(data.images, data.labels, np.arange(50, 57)[None])
        results.append((whole.loss_sum / 50, rest.loss_sum / 7, whole.correct, rest.correct, whole.steps))
    (one, last, *counts), (other, other_last, *other_counts) = results
    assert one == pytest.approx(other, rel=1e-3)
    assert last == pytest.approx(other_last, rel=1e-2)
    assert counts == pytest.approx(other_counts, abs=1)


def test_the_same_compiled_training_twice_gives_the_same_bits():
    data, weights = images(), []
    for _ in range(2):
        program = started(small(norm="batch"), Execution("xla", 10))
        program.train(data.images, data.labels, np.arange(200).reshape(20, 10))
        weights.append(program.model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("norm", "chosen"),
    [
        ("none", Execution("xla", 10)),
        ("batch", GRAPH),
        *(pytest.param(name, GRAPH, marks=pytest.mark.slow) for name in ("group", "spectral", "ghost-batch")),
    ],
)
def test_a_compiled_model_that_is_let_go_leaves_nothing_behind(norm, chosen):
    """A worker trains hundreds of trials.  What a trace would register for good is some thousand objects."""
    arguments = {"groups": 4} if norm == "group" else {}
    spec, data = small(norm={"name": norm, **arguments}, model=TINY_CNN), images()

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
