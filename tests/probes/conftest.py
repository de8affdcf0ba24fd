"""The small trials of the training tests serve here too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import pytest
from small_trial import images, small, started

from bnexp.data.division import split
from bnexp.lazy import attribute
from bnexp.specs.trial import Trial
from bnexp.training import Trainer
from bnexp.training.device import configure
from bnexp.training.loop import Setup

configure("cpu", threads=1)


@pytest.fixture(scope="session")
def trainer():
    return Trainer(device="cpu", threads=1)


@pytest.fixture(scope="session")
def observer():
    """The observer of the only probe of a small trial that has just started: `observer("smoothness", norm="batch")`."""

    def make(probe, seed=3, change=None, **blocks):
        spec = small(probes=[probe], **blocks)
        if change:
            spec = spec.model_copy(update={"model": spec.model.model_copy(update=change)})
        setup = Setup(Trial(spec, seed), started(spec, seed=seed), images(), split(images().dataset, spec.data, seed))
        return attribute(spec.probes[0].target)(spec.probes[0], setup)

    return make
