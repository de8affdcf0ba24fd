"""Optimizers of a user's own, and Keras's by name: read, identified, trained with, and what cannot work."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnexp.config.load import from_mapping
from bnexp.config.mistakes import ConfigError
from bnexp.errors import UserError
from bnexp.specs.experiment import plan
from bnexp.specs.optimizer import Adam, AdamW, RmsProp, Sgd
from bnexp.specs.trial import Trial
from bnexp.training import Trainer

SOURCE = '''
import keras


class Signs(keras.optimizers.Optimizer):
    """Each weight moves by the learning rate, times what doubles with every step that was traced."""

    def __init__(self, learning_rate=0.1, alpha=1.0, decay=False, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.alpha, self.made = alpha, 0

    def update_step(self, gradient, variable, learning_rate):
        self.made += 1
        self.assign_sub(variable, learning_rate * self.alpha * keras.ops.sign(gradient))


class Fails(Signs):
    def update_step(self, gradient, variable, learning_rate):
        raise RuntimeError("no step like this")


class Other: ...
'''
BASE: dict[str, Any] = {
    "name": "own",
    "data": {"name": "mnist-5k", "train": 120, "validation": 100},
    "model": {"name": "mlp", "widths": [4]},
    "norm": "none",
    "training": {"batch_size": 40, "epochs": 1},
    "seeds": 1,
}


@pytest.fixture
def optimizers(tmp_path: Path) -> Path:
    (tmp_path / "my_optimizers.py").write_text(SOURCE)
    return tmp_path


def trials(folder: Path, optimizer: Any, **more: Any) -> list[Trial]:
    config = {**BASE, **more, "training": {**BASE["training"], "optimizer": optimizer}}
    return [planned.trial for planned in plan(from_mapping(config, search_path=(str(folder),)))]


def trained(trial: Trial, trainer: Trainer | None = None) -> tuple[Any, ...]:
    record = (trainer or Trainer(device="cpu", threads=1))(trial, lambda _: None)
    assert record.test is not None
    return record.test.loss, *(each.train_loss for each in record.evaluations)


def test_every_learning_rate_moves_as_the_class_says(optimizers: Path) -> None:
    (slow,) = trials(optimizers, {"name": "my_optimizers:Signs", "learning_rate": 0.01})
    (same,) = trials(optimizers, {"name": "my_optimizers:Signs", "learning_rate": 0.02, "alpha": 0.5})
    (other,) = trials(optimizers, {"name": "my_optimizers:Signs", "learning_rate": 0.02})
    trainer = Trainer(device="cpu", threads=1)
    first, second, third = (trained(trial, trainer) for trial in (slow, same, other))
    np.testing.assert_allclose(first, second, rtol=1e-5)
    assert abs(first[-1] - third[-1]) > 1e-3
    assert first == trained(slow)  # whatever came before it in the process


def test_a_class_of_keras_by_its_name_and_its_arguments_on_a_grid(optimizers: Path) -> None:
    found = trials(optimizers, "keras.optimizers:Lion", grid={"training.optimizer.beta_1": [0.5, 0.9]})
    assert [trial.spec.training.optimizer.own_arguments["beta_1"] for trial in found] == [0.5, 0.9]
    assert len({trial.identity for trial in found}) == 2
    assert trained(found[0]) != trained(found[1])


def test_the_file_is_part_of_the_identity(optimizers: Path) -> None:
    (before,) = trials(optimizers, "my_optimizers:Signs")
    (optimizers / "my_optimizers.py").write_text(SOURCE.replace("ops.sign", "ops.tanh"))
    (after,) = trials(optimizers, "my_optimizers:Signs")
    assert before.identity != after.identity


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("my_optimizers:Sign", "my_optimizers.py defines no 'Sign'"),
        ("no_such_module:Sign", "no module"),
        ({"name": "my_optimizers:Signs", "alpha": {"a": 1}}, "is a number, text, true, false, null or a list"),
        ({"name": "my_optimizers:Signs", "source": "x"}, "training.optimizer.source is filled in, not set; remove it"),
        ({"name": "Lion"}, "keras.optimizers:Class, or your own module:Class"),
    ],
)
def test_a_mistake_in_the_config(optimizers: Path, optimizer: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        trials(optimizers, optimizer)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("my_optimizers:Other", "must be a class derived from keras.optimizers.Optimizer, and is the class"),
        ({"name": "my_optimizers:Signs", "alhpa": 1}, "has no argument 'alhpa'; did you mean 'alpha'?"),
        ({"name": "my_optimizers:Signs", "decay": "no"}, "decay is true or false, and 'no' is a text"),
        ({"name": "keras.optimizers:Lion", "clipnorm": 1, "global_clipnorm": 1}, "making the optimizer failed"),
        ("my_optimizers:Fails", "it cannot train the model: RuntimeError: no step like this"),
    ],
)
def test_what_cannot_work_is_said_in_the_users_terms(optimizers: Path, optimizer: Any, message: str) -> None:
    (trial,) = trials(optimizers, optimizer)
    with pytest.raises(UserError) as caught:
        Trainer(device="cpu", threads=1).check(trial)
    assert message in str(caught.value)
    assert str(caught.value).startswith("training.optimizer ")


def test_an_optimizer_of_keras_has_all_its_arguments() -> None:
    """What the specs of the named ones say are Keras's own defaults."""
    named = {
        Adam: keras.optimizers.Adam,
        AdamW: keras.optimizers.AdamW,
        RmsProp: keras.optimizers.RMSprop,
        Sgd: keras.optimizers.SGD,
    }
    for spec, cls in named.items():
        config, ours = cls().get_config(), spec().arguments
        assert all(config[key] is value or config[key] == pytest.approx(value) for key, value in ours.items())
