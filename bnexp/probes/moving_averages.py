"""What moving averages are worth at inference (Li et al. 2019, https://arxiv.org/abs/1801.05134)."""

from functools import partial
from typing import Any

import numpy as np

from bnexp.probes.base import OfBatch, Values, graph
from bnexp.specs import probes as specs
from bnexp.specs.norms.own import OwnNorm
from bnexp.training.loop import Setup


class MovingAverageError(OfBatch[specs.MovingAverageError]):
    """Moving mean and variance of each normalizing layer beside those of its inputs in inference mode."""

    def __init__(self, spec: specs.MovingAverageError, setup: Setup) -> None:
        super().__init__(spec, setup)
        seen = [norm for norm in self.built.norms if norm.block.kind != "cell"]
        fit = setup.recalibrates or not isinstance(setup.trial.spec.norm, OwnNorm)
        self._norms = [norm for norm in seen if fit and averages(norm.layer)]
        part = self.part([norm.layer.input for norm in self._norms]) if self._norms else None
        self._inputs = part and graph(partial(part, training=False))

    def measured(self) -> Values:
        if self._inputs is None:
            return {}
        inputs = self._inputs(self.images)
        found = {
            norm.block.name: errors(np.asarray(x), *averages(norm.layer))
            for norm, x in zip(self._norms, inputs, strict=True)
        }
        return {name: {layer: each[k] for layer, each in found.items()} for k, name in enumerate(self.spec.values)}


def averages(layer: Any) -> tuple[np.ndarray, ...]:
    """Moving mean and variance (C) of a layer; () where it lacks one.  Batch renormalization keeps the deviation."""
    if hasattr(layer, "moving_mean") and hasattr(layer, "moving_deviation"):
        return layer.moving_mean.numpy(), layer.moving_deviation.numpy() ** 2 - layer.epsilon
    names = ("moving_mean", "moving_variance")
    return tuple(getattr(layer, name).numpy() for name in names) if all(hasattr(layer, each) for each in names) else ()


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
