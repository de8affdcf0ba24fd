"""The loop trains as Keras's own `train_on_batch` does: same weights and batches, same losses and weights.

Held in float64.  In float32 two correct ways of computing round differently by some 1e-7, and training with batch
norm multiplies such a difference about tenfold a step at first, so that after 14 steps only 2 digits agree; in
float64 that growth starts at 1e-16 and stays invisible.  What remains is that Keras reports losses in float32
(6e-8 relative): 1e-6 leaves room for it, and a wrong ε, momentum, bias correction or average shows at 1e-3.
"""

import keras
import numpy as np
import pytest
from small_trial import SMALL

from bnexp.data import load, split
from bnexp.specs.trial import TrialSpec
from bnexp.training.device import DeviceData
from bnexp.training.loop import batches, epoch_order
from bnexp.training.program import Program

pytestmark = pytest.mark.numeric

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


@pytest.fixture
def float64():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(before)


def keras_optimizer(spec):
    arguments = spec.model_dump()
    return {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[arguments.pop("name")](**arguments)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", CASES)
def test_losses_weights_and_moving_statistics_are_those_of_train_on_batch(case):
    spec = TrialSpec.model_validate({**SMALL, **CASES[case]})
    dataset = load(spec.data)
    data, order = DeviceData.of(dataset), split(dataset, spec.data, 0).train
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
                x, y = pixels(dataset, batch), dataset.train_labels[batch]
                other.reset_metrics()
                theirs.append(float(other.train_on_batch(x, y)))
    assert len(ours) == 14
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    for variable, expected in zip(program.model.variables, other.variables, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected.numpy(), atol=3e-6, err_msg=variable.path)


def test_without_normalization_and_adam_even_the_bits_are_those_of_train_on_batch():
    """The operations are the same ones, so float32 gives the same bits.  Adam's update is a kernel of its own."""
    sgd = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
    spec = TrialSpec.model_validate({**SMALL, "training": {**SMALL["training"], "optimizer": sgd}})
    dataset = load(spec.data)
    data, order = DeviceData.of(dataset), split(dataset, spec.data, 0).train[:300].reshape(6, 50)
    program = Program(spec, (28, 28, 1), 10, data.images.dtype)
    program.reset(spec, seed=3)
    other = keras.models.clone_model(program.model)
    other.set_weights(program.model.get_weights())
    other.compile(keras_optimizer(spec.training.optimizer), keras.losses.SparseCategoricalCrossentropy(True))
    for batch in order:
        program.train(data.images, data.labels, batch[None])
        other.train_on_batch(pixels(dataset, batch), dataset.train_labels[batch])
    for variable, expected in zip(program.model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), expected.numpy(), err_msg=variable.path)


def pixels(dataset, batch):
    """Images of the batch in [0,1]; TensorFlow's graph turns a division by 255 into this product."""
    return dataset.train_images[batch].astype("float32") * np.float32(1 / 255)


def test_a_stretch_of_steps_is_the_same_as_its_steps_one_by_one():
    spec = TrialSpec.model_validate({**SMALL, "norm": "batch"})
    dataset = load(spec.data)
    data, order = DeviceData.of(dataset), split(dataset, spec.data, 0).train[:300].astype(np.int32).reshape(6, 50)
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
    data = DeviceData.of(dataset)
    program = Program(spec, (28, 28, 1), 10, data.images.dtype)
    program.reset(spec, seed=3)
    program.train(data.images, data.labels, np.arange(60).reshape(2, 30))
    indices = np.arange(1, 1502)  # more than one evaluation batch, the last of them smaller
    scores = program.evaluate(data.images, data.labels, indices)
    program.model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    x, y = pixels(dataset, indices), dataset.train_labels[indices]
    loss, accuracy = program.model.evaluate(x, y, verbose=0)
    assert scores.loss == pytest.approx(loss, rel=1e-5)
    assert scores.correct.mean() == pytest.approx(accuracy, abs=1e-6)
