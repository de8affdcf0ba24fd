"""Training: a trial in, a record out.  Importing this imports TensorFlow."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bnexp.records.record import Progress, TrialRecord
from bnexp.specs.trial import Trial
from bnexp.training.resources import Resources, trains_with
from bnexp.training.settings import altered
from bnexp.training.trial import train_trial
from bnexp.usercode.code import in_use


class Trainer(Resources):
    """Trains trials on one device, for which it configures the process."""

    def altered(self) -> bool:
        """Whether a user's code has changed what other trials in this process would be trained with."""
        return self._settings is not None and altered(self._settings)

    def describe(self) -> dict[str, Any]:
        """The device, its name, threads and determinism, as the record keeps them."""
        return dict(self.device)

    def __call__(self, trial: Trial, progress: Callable[[Progress], None]) -> TrialRecord:
        """Train a trial; `progress` is told of each evaluation.

        Raises UserError where the data cannot be had or do not fit the spec.
        """
        self.note_settings(trial)
        try:
            return train_trial(trial, self, progress)
        except BaseException:
            self._programs.clear()  # none is known to be whole
            raise

    def check(self, trial: Trial) -> None:
        """Build the trial's model and use it once, as it will be trained.

        Raises UserError where a user's own layer cannot work in it.
        """
        self.note_settings(trial)
        data = self.data(trial)
        available = len(data.dataset.train_labels)
        batch = np.arange(min(trial.spec.training.batch_size, available))
        program, _ = self.program(trial, data, batch)
        if program.batch_dependent:
            with in_use(*trains_with(trial)):
                program.evaluate_with_batch_statistics(data.images, data.labels, batch, len(batch))
                program.recalibrate(data.images, batch)
