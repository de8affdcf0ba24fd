"""Optimizers, clipping, weight decay, schedules, label smoothing and class weights train as Keras's own do.

Held in float64, as in `test_like_keras`, over an epoch of seven steps, schedules over two; each key makes a difference.
"""

from functools import cache

import keras
import numpy as np
import pytest
from beside_keras import labels, pixels
from small_trial import SMALL, images, small, started

from bnexp.data.division import split
from bnexp.specs.schedule import Constant, Cosine, StepDecay
from bnexp.specs.trial import Trial
from bnexp.training.loop import batches, epoch_order

STEPS = 14
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
WEIGHTS = tuple(0.25 * k for k in range(1, 11))


def sgd(rate):
    return keras.optimizers.SGD(rate)


def held(training, optimizer, loss=CROSS_ENTROPY, *, one_hot=False, class_weight=None, norm="batch", epochs=1):
    """From one start, the same weights as Keras's `train_on_batch` with this optimizer; returns them."""
    spec = small(norm=norm, training={**SMALL["training"], **training})
    program, keys = started(spec), spec.training
    other = keras.models.clone_model(program.model)
    other.set_weights([np.array(weight) for weight in program.model.get_weights()])
    other.compile(optimizer, loss)
    data, order = images(), split(images().dataset, spec.data, 0).train
    stretches = [each for epoch in range(epochs) for each in batches(epoch_order(order, 3, epoch), 50, 0, 7)]
    rates, done = keys.optimizer.learning_rate * np.array(keys.schedule.shares(STEPS)), 0
    for stretch in stretches:
        now = rates[done : done + len(stretch)] if keys.scheduled else None
        assert program.train(data.images, data.labels, stretch, now).finite
        for batch in stretch:
            y = np.eye(10)[labels(batch)] if one_hot else labels(batch)
            other.train_on_batch(pixels(batch), y, class_weight=class_weight)
        done += len(stretch)
    assert done == 7 * epochs
    for variable, expected in zip(program.model.variables, other.variables, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected.numpy(), rtol=0, atol=3e-6, err_msg=variable.path)
    return np.concatenate([weight.ravel() for weight in program.model.get_weights()])


ADAM = {"name": "adam", "learning_rate": 1e-3}
PLAIN = {"name": "sgd", "learning_rate": 0.1}


@cache
def plain(*, sgd_alone=False, norm="batch", epochs=1):
    """Without the keys: the weights of `held`."""
    optimizer, theirs = (PLAIN, sgd(0.1)) if sgd_alone else (ADAM, keras.optimizers.Adam(1e-3))
    return held({"optimizer": optimizer}, theirs, norm=norm, epochs=epochs)


OPTIMIZERS = {
    "adam with weight decay": ({**ADAM, "weight_decay": 0.5}, lambda: keras.optimizers.Adam(1e-3, weight_decay=0.5)),
    "adamw": ({"name": "adamw", "weight_decay": 0.5}, lambda: keras.optimizers.AdamW(1e-3, 0.5)),
    "adam, clipnorm": ({**ADAM, "clipnorm": 0.01}, lambda: keras.optimizers.Adam(1e-3, clipnorm=0.01)),
    "adam, global": ({**ADAM, "global_clipnorm": 0.01}, lambda: keras.optimizers.Adam(1e-3, global_clipnorm=0.01)),
    "sgd, clipped and decayed": (
        {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1, "global_clipnorm": 0.3},
        lambda: keras.optimizers.SGD(0.1, 0.9, weight_decay=0.1, global_clipnorm=0.3),
    ),
    "rmsprop": ({"name": "rmsprop", "learning_rate": 1e-4}, lambda: keras.optimizers.RMSprop(1e-4)),
    "rmsprop, centred": (
        {"name": "rmsprop", "rho": 0.8, "momentum": 0.5, "centered": True, "epsilon": 1e-3},
        lambda: keras.optimizers.RMSprop(1e-3, 0.8, 0.5, 1e-3, True),
    ),
    "one of Keras's by name": (
        {"name": "keras.optimizers:Nadam", "learning_rate": 2e-3, "beta_1": 0.8},
        lambda: keras.optimizers.Nadam(2e-3, beta_1=0.8),
    ),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.slow
@pytest.mark.parametrize("case", OPTIMIZERS)
def test_an_optimizer(case):
    ours, theirs = OPTIMIZERS[case]
    found = held({"optimizer": ours}, theirs())
    assert np.abs(found - plain()).max() > 1e-4


class Table(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rates by hand."""

    def __init__(self, rates):
        self.rates = rates

    def __call__(self, step):
        return keras.ops.take(keras.ops.convert_to_tensor(self.rates, "float64"), keras.ops.cast(step, "int32"))


SCHEDULES = {
    "cosine": ({"name": "cosine"}, keras.optimizers.schedules.CosineDecay(0.1, STEPS)),
    "cosine to a tenth": (
        {"name": "cosine", "final": 0.1},
        keras.optimizers.schedules.CosineDecay(0.1, STEPS, alpha=0.1),
    ),
    "step": (
        {"name": "step", "at": [4, 0.75]},  # three quarters of 14 are 10.5, to the even number
        keras.optimizers.schedules.PiecewiseConstantDecay([3, 9], [0.1, 0.01, 0.001]),  # the last step at each value
    ),
    "warm-up": ({"warmup": 4}, Table([0.025, 0.05, 0.075] + [0.1] * 11)),
    "warm-up and step": (
        {"name": "step", "warmup": 2, "at": [3], "factor": 0.5},
        Table([0.05, 0.1, 0.1] + [0.05] * 11),
    ),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case == "warm-up and step" else pytest.mark.slow) for case in SCHEDULES]
)
def test_a_schedule(case):
    ours, theirs = SCHEDULES[case]
    found = held({"optimizer": PLAIN, "schedule": ours}, sgd(theirs), epochs=2)
    assert np.abs(found - plain(sgd_alone=True, epochs=2)).max() > 1e-4


def test_shares_of_a_schedule_by_hand():
    assert Constant().shares(3) == [1, 1, 1]
    assert Constant(warmup=0.5).shares(4) == [0.5, 1, 1, 1]
    assert Cosine(warmup=2, final=0.2).shares(6) == pytest.approx([0.5, 1, 1, 0.882843, 0.6, 0.317157], abs=1e-6)
    assert StepDecay(at=(1, 0.5)).shares(4) == pytest.approx([1, 0.1, 0.01, 0.01])
    assert len(Cosine(warmup=0.9).shares(1)) == 1


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("norm", ["none", pytest.param("batch", marks=pytest.mark.slow)])
def test_label_smoothing(norm):
    smooth = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    found = held({"optimizer": PLAIN, "label_smoothing": 0.2}, sgd(0.1), smooth, one_hot=True, norm=norm)
    assert np.abs(found - plain(sgd_alone=True, norm=norm)).max() > 1e-4


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("smoothing", [pytest.param(0.0, marks=pytest.mark.slow), 0.2])
def test_class_weights(smoothing):
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    weights = {
        "class_weights": WEIGHTS,
        "label_smoothing": smoothing,
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
    }
    held(weights, sgd(0.1), loss, one_hot=True, class_weight=dict(enumerate(WEIGHTS)))


def test_recorded_losses_are_those_of_the_true_labels(train):
    """So that variants with and without smoothing, or weights, can be compared: at the first step they are the same."""
    records = [
        train(training={**SMALL["training"], **keys})
        for keys in ({}, {"label_smoothing": 0.3}, {"class_weights": WEIGHTS}, {"schedule": {"warmup": 3}})
    ]
    assert len({record.evaluations[0].train_loss for record in records}) == 1
    assert len({record.evaluations[-1].train_loss for record in records}) == len(records)


def test_so_many_steps_are_the_first_of_so_many_epochs(train):
    """9 of the 14 steps of two epochs: the same start, order and losses, and an end in the middle of an epoch."""
    whole, part = train(), train(training={"batch_size": 50, "steps": 9})
    assert part.spec["training"]["epochs"] is None
    assert [each.step for each in part.evaluations] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert part.evaluations[-1].examples == 330 + 2 * 50
    assert part.evaluations[-1].epoch == pytest.approx(430 / 330)
    for one, other in zip(part.evaluations[:-1], whole.evaluations, strict=False):
        assert (one.step, one.train_loss, one.validation_loss) == (other.step, other.train_loss, other.validation_loss)


def test_a_compiled_model_is_shared_by_learning_rates_and_lengths_of_one_schedule_alone(trainer, train):
    keys = {**SMALL["training"], "optimizer": {"name": "sgd", "learning_rate": 0.1}}
    train(training=keys)
    again = train(training={**keys, "optimizer": {"name": "sgd", "learning_rate": 0.2}, "epochs": 1})
    other = train(training={**keys, "schedule": "cosine"})
    both = train(training={**keys, "schedule": {"name": "step", "warmup": 2}, "epochs": 1}, seed=1)
    reused = [record.execution["compiled_model_reused"] for record in (again, other, both)]
    assert reused == [True, False, True]
    fresh = type(trainer)(device="cpu", threads=1)
    trial = small(training={**keys, "schedule": {"name": "step", "warmup": 2}, "epochs": 1})
    alone = fresh(Trial(trial, 1), lambda _: None)
    assert [each.train_loss for each in alone.evaluations] == [each.train_loss for each in both.evaluations]
