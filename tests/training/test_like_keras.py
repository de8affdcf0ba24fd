"""The loop trains as Keras's own `train_on_batch` does: same weights and batches, same losses and weights.

Both compute in float32 and in different graphs, so sums are rounded differently: 1e-6 relative per step, and Adam
divides by the root of a squared gradient, which magnifies it where gradients are tiny.  Over these 14 steps
differences stay below 2e-4; a wrong ε, momentum or average shows in the second digit.
"""

import keras
import numpy as np
import pytest
from conftest import SMALL

from bnexp.data import load, split
from bnexp.experiment.spec import TrialSpec
from bnexp.training.order import batches, epoch_order
from bnexp.training.program import Program
from bnexp.training.trainer import _Resident

CASES = {
    "none, adam": {"norm": "none"},
    "batch, adam": {"norm": "batch"},
    "batch after the activation, sgd": {
        "norm": {"name": "batch", "place": "after-activation"},
        "training": {**SMALL["training"], "optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}},
    },
    "layer, nesterov": {
        "norm": "layer",
        "training": {
            **SMALL["training"],
            "optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
        },
    },
    "group, adam": {"norm": "group"},
}


def keras_optimizer(spec):
    arguments = spec.model_dump()
    return {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[arguments.pop("name")](**arguments)


@pytest.mark.parametrize("case", CASES)
def test_losses_weights_and_moving_statistics_are_those_of_train_on_batch(case):
    spec = TrialSpec.model_validate({**SMALL, **CASES[case]})
    dataset = load(spec.data)
    data, order = _Resident.of(dataset), split(dataset, spec.data, 0).train
    program = Program(spec, (28, 28, 1), 10, data.images.dtype)
    program.reset(spec, seed=3)
    other = keras.models.clone_model(program.model)
    other.set_weights([np.array(weight) for weight in program.model.get_weights()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    other.compile(keras_optimizer(spec.training.optimizer), loss)
    ours, theirs = [], []
    for epoch in range(2):
        for stretch in batches(epoch_order(order, 3, epoch), spec.training.batch_size, 0, 7):
            for batch in stretch:
                done = program.train(data.images, data.labels, batch[None])
                ours.append(done.loss_sum / len(batch))
                x, y = dataset.train_images[batch].astype("float32") / 255, dataset.train_labels[batch]
                other.reset_metrics()
                theirs.append(float(other.train_on_batch(x, y)))
    assert len(ours) == 14
    np.testing.assert_allclose(ours, theirs, rtol=2e-4)
    for variable, expected in zip(program.model.variables, other.variables, strict=True):
        np.testing.assert_allclose(variable, expected, atol=2e-4, err_msg=variable.path)


def test_a_stretch_of_steps_is_the_same_as_its_steps_one_by_one():
    spec = TrialSpec.model_validate({**SMALL, "norm": "batch"})
    dataset = load(spec.data)
    data, order = _Resident.of(dataset), split(dataset, spec.data, 0).train[:300].astype(np.int32).reshape(6, 50)
    program = Program(spec, (28, 28, 1), 10, data.images.dtype)
    program.reset(spec, seed=3)
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
    spec = TrialSpec.model_validate({**SMALL, "norm": "batch"})
    dataset = load(spec.data)
    data = _Resident.of(dataset)
    program = Program(spec, (28, 28, 1), 10, data.images.dtype)
    program.reset(spec, seed=3)
    program.train(data.images, data.labels, np.arange(60).reshape(2, 30))
    indices = np.arange(1, 1502)  # more than one evaluation batch, the last of them smaller
    scores = program.evaluate(data.images, data.labels, indices)
    program.model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    x, y = dataset.train_images[indices].astype("float32") / 255, dataset.train_labels[indices]
    loss, accuracy = program.model.evaluate(x, y, verbose=0)
    assert scores.loss == pytest.approx(loss, rel=1e-5)
    assert scores.correct.mean() == pytest.approx(accuracy, abs=1e-6)
