"""What a worker keeps from trial to trial, and what changes no result: its device, a dataset, compiled models."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bnexp.data import load
from bnexp.errors import UserError
from bnexp.models.own_state import seed_everything
from bnexp.records.environment import environment
from bnexp.specs.trial import Trial, cautions, problems
from bnexp.specs.workers import MODELS_KEPT, model_parts
from bnexp.training.device import DeviceData, configure
from bnexp.training.fast_layers import Step
from bnexp.training.program import Program
from bnexp.training.settings import settings
from bnexp.usercode.code import UserCode, code_of, in_use
from bnexp.usercode.files import files_read


class Resources:
    """Of one process, which it configures for one device."""

    def __init__(self, device: str = "auto", threads: int = 1, data_folder: Path | None = None) -> None:
        self.device = configure(device, threads)
        self._settings: dict[Any, object] | None = None  # as they were before the first of a user's code
        self.environment = environment()
        self._data_folder = data_folder
        self._data: tuple[str, DeviceData] | None = None
        self._programs: dict[str, Program] = {}

    def note_settings(self, trial: Trial) -> None:
        """To be called before a trial, which may have a user's code that alters them."""
        if self._settings is None and code_of(trial.spec, trial.search_path):
            self._settings = settings()

    def data(self, trial: Trial) -> DeviceData:
        """The trial's dataset on the device; that of the trial before, if it is the same.

        Raises UserError where it cannot be had, or does not fit the spec.
        """
        spec = trial.spec.data
        key = json.dumps([spec.name, spec.source, trial.search_path])
        if self._data is None or self._data[0] != key:
            self._data = None  # let go of the old one before the new one is read
            seed_everything(0, "data")  # what a user's loader draws without a seed is the same in every worker
            self._data = key, DeviceData.of(load(spec, folder=self._data_folder, search_path=trial.search_path))
        data = self._data[1]
        trial.check_data(data.dataset.content_hash)
        if found := problems(trial.spec, data.sizes):
            raise UserError("\n".join(f"{'.'.join(problem.path)}: {problem.message}" for problem in found))
        return data

    @property
    def step(self) -> Step:
        """How steps are computed on this device.

        On a CPU XLA is no gain: its steps were 0.9 to 1.1 times as fast as a graph's at batch 2 for half of the methods
        that were tried (weight normalization: 1.3) and slower from 8 on, and cost seconds to compile.
        """
        return "xla" if self.device["device"] == "gpu" else "graph"

    def program(self, trial: Trial, data: DeviceData, batch: np.ndarray) -> tuple[Program, bool]:
        """The compiled model for this spec and shape of data, tried on a batch, and whether it served before.

        One with a user's own layer or optimizer serves one trial: what it keeps for itself nobody else can set back.
        """
        spec, own = trial.spec, trains_with(trial)
        image, classes = data.dataset.train_images.shape[1:], data.dataset.classes
        parts = [model_parts(spec), spec.training.batch_size, image, classes, data.images.dtype.name]
        key = json.dumps(parts, sort_keys=True)
        program = self._programs.pop(key, None)
        reused = program is not None
        with files_read() as read, in_use(*own):
            if program is None:
                if len(self._programs) >= MODELS_KEPT:
                    del self._programs[next(iter(self._programs))]  # the last used are kept
                program = Program(spec, image, classes, data.images.dtype, self.step, seed=trial.seed)
            if not own:
                self._programs[key] = program
            # Both graphs are traced and optimized by their first use; what that changes, `reset` sets right.
            program.train(data.images, data.labels, batch[None])
            program.evaluate(data.images, data.labels, batch)
        program.files_read = read if own else []
        return program, reused


def trains_with(trial: Trial) -> list[UserCode]:
    """A user's code that is called while a trial is trained."""
    return [code for block, code in code_of(trial.spec, trial.search_path).items() if block != "data"]


def noticed(trial: Trial, data: DeviceData) -> tuple[str, ...]:
    """What may surprise, and could not be known of a user's own dataset before it was loaded."""
    spec, before = trial.spec, cautions(trial.spec)
    of_norm = (f"norm {spec.norm.name}: {text}" for text in cautions(spec, data.sizes) if text not in before)
    return (*data.dataset.cautions, *of_norm)
