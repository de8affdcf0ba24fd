"""The trainer of a worker: trials one after the other, in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bnexp.records.record import Progress, TrialRecord
from bnexp.specs.trial import Trial
from bnexp.training.procedures.central import central
from bnexp.training.resources import Resources
from bnexp.usercode.code import code_of, in_use


class Trainer:
    """Trains trials on one device, for which it configures the process."""

    def __init__(self, device: str = "auto", threads: int = 1, data_folder: Path | None = None) -> None:
        self._resources = Resources(device, threads, data_folder)

    def describe(self) -> dict[str, Any]:
        """The device, its name, threads and determinism, as the record keeps them."""
        return dict(self._resources.device)

    def __call__(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """Train a trial; `progress` is told of each evaluation.

        Raises UserError where the data cannot be had or do not fit the spec.
        """
        try:
            return central(trial, self._resources, progress)
        except BaseException:
            self._resources.forget_programs()
            raise

    def check(self, trial: Trial) -> None:
        """Build the trial's model and use it once, as it will be trained.

        Raises UserError where a user's own layer cannot work in it.
        """
        data = self._resources.data(trial)
        batch = np.arange(min(trial.spec.training.batch_size, len(data.dataset.train_labels)))
        examples = trial.spec.data.train_examples(len(data.dataset.train_labels))
        program, _ = self._resources.program(trial, data, batch, self._resources.execution(trial, examples))
        if program.batch_dependent:
            with in_use(code_of(trial.spec, trial.search_path).get("norm")):
                program.evaluate_with_batch_statistics(data.images, data.labels, batch, len(batch))
                program.recalibrate(data.images, batch)
