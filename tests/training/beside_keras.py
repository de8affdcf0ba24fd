"""The same start and batches for bnexp's loop and for Keras's `train_on_batch`."""

from collections.abc import Iterable

import keras
import numpy as np
from small_trial import images

from bnexp.specs.trial import TrialSpec
from bnexp.training.program import Program


def pixels(batch):
    """Images of the batch in [0,1]; TensorFlow's graph turns a division by 255 into this product."""
    return images().dataset.train_images[batch].astype("float32") * np.float32(1 / 255)


def labels(batch):
    return images().dataset.train_labels[batch]


def compiled(model: keras.Model, spec: TrialSpec) -> keras.Model:
    """The model, compiled with Keras's own optimizer and loss."""
    arguments = spec.training.optimizer.model_dump()
    optimizer = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[arguments.pop("name")](**arguments)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def keras_step(model: keras.Model, batch) -> float:
    """The loss of one step."""
    model.reset_metrics()
    return float(model.train_on_batch(pixels(batch), labels(batch)))


def our_step(program: Program, batch) -> float:
    """The loss of one step, with what the model adds to it."""
    done = program.train(images().images, images().labels, np.asarray(batch)[None])
    assert done.finite
    return (done.loss_sum + (done.penalty_sum or 0.0)) / len(batch)


def held_against_keras(program: Program, spec: TrialSpec, batches: Iterable, rtol: float = 1e-6, atol: float = 3e-6):
    """From the same start, the same losses to `rtol` and in the end the same weights to `atol`."""
    other = keras.models.clone_model(program.model)
    other.set_weights([np.array(weight) for weight in program.model.get_weights()])
    compiled(other, spec)
    losses = [(our_step(program, batch), keras_step(other, batch)) for batch in batches]
    np.testing.assert_allclose(*zip(*losses, strict=True), rtol=rtol)
    for variable, expected in zip(program.model.variables, other.variables, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected.numpy(), rtol=0, atol=atol, err_msg=variable.path)
