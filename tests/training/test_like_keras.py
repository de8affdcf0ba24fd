"""The loop trains as Keras's own `train_on_batch` does: same weights and batches, same losses and weights.

Held in float64.  In float32 two correct ways of computing round differently by some 1e-7, and training with batch
norm multiplies such a difference about tenfold a step at first, so that after 14 steps only 2 digits agree; in
float64 that growth starts at 1e-16 and stays invisible.  1e-6 leaves room for what is reported in float32 (6e-8
relative), and a wrong ε, momentum, bias correction or average shows at 1e-3.
"""

import keras
import numpy as np
import pytest
from beside_keras import held_against_keras, labels, pixels
from small_trial import SMALL, images, small, started

from bnexp.data.division import split
from bnexp.training.loop import batches, epoch_order

pytestmark = pytest.mark.numeric

SGD = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
CASES = {
    "none, adam": {"norm": "none"},
    "batch, adam": {"norm": "batch"},
    "batch after the activation, sgd": {
        "norm": {"name": "batch", "place": "after-activation"},
        "training": {**SMALL["training"], "optimizer": SGD},
    },
    "layer, nesterov": {"norm": "layer", "training": {**SMALL["training"], "optimizer": {**SGD, "nesterov": True}}},
    "group, adam": {"norm": "group"},
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "case", [case if case == "batch, adam" else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
)
def test_losses_weights_and_moving_statistics_are_those_of_train_on_batch(case):
    spec = small(**CASES[case])
    order = split(images().dataset, spec.data, 0).train
    stretches = [one for epoch in range(2) for one in batches(epoch_order(order, 3, epoch), 50, 0, 7)]
    steps = [batch for stretch in stretches for batch in stretch]
    assert len(steps) == 14
    held_against_keras(started(spec), spec, steps)


def test_a_stretch_of_steps_is_the_same_as_its_steps_one_by_one():
    spec, data = small(norm="batch"), images()
    order = split(data.dataset, spec.data, 0).train[:300].astype(np.int32).reshape(6, 50)
    program = started(spec)
    together = program.train(data.images, data.labels, order)
    weights = program.model.get_weights()
    program.reset(spec, seed=3)
    single = [program.train(data.images, data.labels, batch[None]) for batch in order]
    assert together.steps == 6
    assert together.loss_sum == sum(done.loss_sum for done in single)
    assert together.correct == sum(done.correct for done in single)
    for one, other in zip(weights, program.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_scores_are_those_of_keras_evaluate():
    program, data = started(small(norm="batch")), images()
    program.train(data.images, data.labels, np.arange(60).reshape(2, 30))
    indices = np.arange(1, 1502)  # more than one evaluation batch, the last of them smaller
    scores = program.evaluate(data.images, data.labels, indices)
    program.model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    loss, accuracy = program.model.evaluate(pixels(indices), labels(indices), verbose=0)
    assert scores.loss == pytest.approx(loss, rel=1e-5)
    assert scores.correct.mean() == pytest.approx(accuracy, abs=1e-6)
    np.testing.assert_array_equal(scores.predicted, program.model.predict(pixels(indices), verbose=0).argmax(-1))
    np.testing.assert_array_equal(scores.correct, scores.predicted == labels(indices))
