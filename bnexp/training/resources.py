"""What a worker keeps from trial to trial, and what changes no result: its device, a dataset, compiled models."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from bnexp.data.loading import load
from bnexp.errors import UserError
from bnexp.models.own_state import seed_everything
from bnexp.records.environment import environment
from bnexp.specs.trial import Trial, cautions, problems
from bnexp.specs.workers import MODELS_KEPT, model_parts
from bnexp.training.device import DeviceData, configure
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

    def program(self, trial: Trial, data: DeviceData, *batches: np.ndarray) -> tuple[Program, bool]:
        """The compiled model for this spec and shape of data, tried on batches, and whether it served before.

        They are a whole batch and, if there is one, the smaller one at the end of an epoch.  A program with a user's
        own layer or optimizer serves one trial: what it keeps for itself nobody else can set back.
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
                new = partial(Program, spec, image, classes, data.images.dtype, seed=trial.seed)
                program = self._tried(new, data, batches)
            else:
                _try(program, data, batches)
            if not own:
                self._programs[key] = program
        program.files_read = read if own else []
        return program, reused

    def _tried(self, new: Callable[..., Program], data: DeviceData, batches: Sequence[np.ndarray]) -> Program:
        """A new program whose graphs are there.

        On a GPU its step is compiled by XLA, or is a graph's where XLA cannot: it has no cuDNN kernels of cells, no
        `tf.py_function` of a user's, and no integers of 32 bits that are variables, which TensorFlow keeps on the CPU.
        On a CPU XLA is no gain: its steps were 0.9 to 1.1 times as fast as a graph's at batch 2 for half of the methods
        that were tried (weight normalization: 1.3) and slower from 8 on, and cost seconds to compile.
        """
        if self.device["device"] == "gpu":
            with suppress(tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, tf.errors.NotFoundError):
                return _try(new(step="xla"), data, batches)
        return _try(new(), data, batches)


def _try(program: Program, data: DeviceData, batches: Sequence[np.ndarray]) -> Program:
    """Graphs are traced and optimized by their first use; what that changes, `reset` sets right."""
    for batch in batches if program.step == "xla" else batches[:1]:  # a graph serves batches of any size
        program.train(data.images, data.labels, batch[None])
    program.evaluate(data.images, data.labels, batches[0])
    return program


def trains_with(trial: Trial) -> list[UserCode]:
    """A user's code that is called while a trial is trained."""
    return [code for block, code in code_of(trial.spec, trial.search_path).items() if block != "data"]


def noticed(trial: Trial, data: DeviceData) -> tuple[str, ...]:
    """What may surprise, and could not be known of a user's own dataset before it was loaded."""
    spec, before = trial.spec, cautions(trial.spec)
    of_norm = (f"norm {spec.norm.name}: {text}" for text in cautions(spec, data.sizes) if text not in before)
    return (*data.dataset.cautions, *of_norm)
