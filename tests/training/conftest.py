"""One trainer for all tests: TensorFlow takes threads and determinism only before its first use."""

from collections.abc import Callable
from typing import Any

import pytest

from bnexp.experiment.spec import TrialSpec
from bnexp.experiment.trial import Trial
from bnexp.results.record import TrialRecord
from bnexp.training import Trainer

SMALL: dict[str, Any] = {
    "data": {"name": "mnist-5k", "train": 330, "validation": 100},
    "training": {"batch_size": 50, "epochs": 2, "evaluations": {"first_epoch": 3}},
}
"""330 real images in batches of 50: six whole batches and one of 30."""


@pytest.fixture(scope="session")
def trainer() -> Trainer:
    return Trainer(device="cpu", threads=1)


@pytest.fixture(scope="session")
def train(trainer: Trainer) -> Callable[..., TrialRecord]:
    """Train the small trial with some blocks replaced: `train(norm="batch", seed=3)`."""

    def run(seed: int = 0, **blocks: Any) -> TrialRecord:
        return trainer(Trial(TrialSpec.model_validate({**SMALL, **blocks}), seed), lambda _: None)

    return run
