"""One trainer for all tests: TensorFlow takes threads and determinism only before its first use."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import pytest
from small_trial import small

from bnexp.records.record import TrialRecord
from bnexp.specs.trial import Trial
from bnexp.training import Trainer
from bnexp.training.device import configure

configure("cpu", threads=1)


@pytest.fixture(scope="session")
def trainer() -> Trainer:
    return Trainer(device="cpu", threads=1)


@pytest.fixture(scope="session")
def train(trainer: Trainer) -> Callable[..., TrialRecord]:
    """Train the small trial with some blocks replaced: `train(norm="batch", seed=3)`."""

    def run(seed: int = 0, **blocks: Any) -> TrialRecord:
        return trainer(Trial(small(**blocks), seed), lambda _: None)

    return run


@pytest.fixture
def float64() -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    keras.config.set_floatx("float64")  # of the loss, to which Keras adds those of layers
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(before)
