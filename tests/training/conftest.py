"""One trainer for all tests: TensorFlow takes threads and determinism only before its first use."""

from collections.abc import Callable
from typing import Any

import pytest
from small_trial import SMALL

from bnexp.records.record import TrialRecord
from bnexp.specs.trial import Trial, TrialSpec
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
        return trainer(Trial(TrialSpec.model_validate({**SMALL, **blocks}), seed), lambda _: None)

    return run
