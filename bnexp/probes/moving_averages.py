"""What moving averages are worth at inference (Li et al. 2019, https://arxiv.org/abs/1801.05134)."""

from functools import partial

import numpy as np

from bnexp.probes.base import OfBatch, Values, graph
from bnexp.specs import probes as specs
from bnexp.training.loop import Setup

AVERAGES = ("moving_mean", "moving_variance")


class MovingAverageError(OfBatch[specs.MovingAverageError]):
    """Moving mean and variance of each normalizing layer beside those of its inputs in inference mode."""

    def __init__(self, spec: specs.MovingAverageError, setup: Setup) -> None:
        super().__init__(spec, setup)
        seen = [norm for norm in self.built.norms if norm.block.kind != "cell"]
        self._norms = [norm for norm in seen if all(hasattr(norm.layer, name) for name in AVERAGES)]
        part = self.part([norm.layer.input for norm in self._norms]) if self._norms else None
        self._inputs = part and graph(partial(part, training=False))

    def measured(self) -> Values:
        if self._inputs is None:
            return {}
        inputs = self._inputs(self.images)
        found = {
            norm.block.name: errors(np.asarray(x), *(getattr(norm.layer, name).numpy() for name in AVERAGES))
            for norm, x in zip(self._norms, inputs, strict=True)
        }
        return {name: {layer: each[k] for layer, each in found.items()} for k, name in enumerate(self.spec.values)}


def errors(x: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Of inputs (N,...,C) and moving averages (C): variance by true variance, and the mean's error in deviations.

    Medians over the channels; one that does not vary has no ratio.
    """
    flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
    true = flat.var(axis=0)
    varies = true > 0
    if not varies.any():
        return np.nan, np.nan
    gaps = np.abs(mean - flat.mean(axis=0))[varies] / np.sqrt(true[varies])
    return float(np.median(variance[varies] / true[varies])), float(np.median(gaps))
