"""Whether probabilities are what they say (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

from contextlib import nullcontext
from functools import partial

import numpy as np
import tensorflow as tf

from bnexp.probes.base import Probe, Values, graph
from bnexp.specs import probes as specs
from bnexp.training.loop import Setup, epoch_order
from bnexp.training.program import EVALUATION_BATCH, examples
from bnexp.training.statistics import EVALUATED_RECALIBRATION

BINS = 15


class Calibration(Probe[specs.Calibration]):
    """NLL, Brier score and ECE of the validation images."""

    def __init__(self, spec: specs.Calibration, setup: Setup) -> None:
        super().__init__(spec, setup)
        self._logits = graph(partial(self.model, training=False))

    def measured(self) -> Values:
        setup, validation = self.setup, self.setup.parts.validation
        images, labels = setup.data.images, setup.data.labels
        some = epoch_order(setup.parts.train, setup.trial.seed, 0)[:EVALUATED_RECALIBRATION]
        logits = []
        with setup.program.recalibrated(images, some) if setup.recalibrates else nullcontext():
            for start in range(0, len(validation), EVALUATION_BATCH):
                x, _ = examples(images, labels, validation[start : start + EVALUATION_BATCH])
                logits.append(self._logits(x).numpy())
        found = scores(np.concatenate(logits), tf.gather(labels, validation).numpy())
        return {name: {specs.MODEL: value} for name, value in found.items()}


def scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Of logits (N,classes) and true classes (N,), as the spec defines them; in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    p, true = np.exp(log_p), np.eye(logits.shape[1])[labels]
    sure, right = p.max(axis=1), p.argmax(axis=1) == labels
    # Bins are closed above, as in the paper: (0, 1/15], (1/15, 2/15], ...
    bins = np.ceil(sure * BINS).astype(int)
    gaps = np.bincount(bins, right - sure)
    return {
        "nll": -log_p[np.arange(len(labels)), labels].mean(),
        "brier": np.square(p - true).sum(axis=1).mean(),
        "ece": np.abs(gaps).sum() / len(labels),
    }
