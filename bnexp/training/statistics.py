"""The same weights under other statistics: what a batch-dependent model owes to its moving averages.

Moving averages lag: with momentum 0.99 they still carry 37 % of their initial value after 100 steps and 0.9 % after
468.  So a batch-dependent model is also scored with the statistics of each batch, as in training, and with statistics
recomputed over training images ("precise BN": Wu & Johnson 2021, https://arxiv.org/abs/2105.07576).
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

RECALIBRATION_EXAMPLES = 10_000
"""Training images that statistics are recomputed over, at most."""
RECALIBRATION_BATCH = 250
"""Large enough for a batch's own statistics to stand for all, small enough for the memory of a worker."""


class BatchStatistics:
    """A model whose batch-dependent normalizations are in training mode, while all else is in inference mode.

    It shares the layers, and so the weights, of `model`; dropout is off.  What training mode changes (moving averages,
    counters) is set right after every batch, so that no batch sees a trace of another.
    """

    def __init__(self, model: keras.Model) -> None:
        self._norms = [layer for layer in model.layers if is_batch_dependent(layer)]
        self._state = [variable for norm in self._norms for variable in norm.non_trainable_variables]
        self._inputs: list[Any] = []
        self._model = keras.models.clone_model(
            model,
            input_tensors=keras.Input(model.input_shape[1:]),
            clone_function=lambda layer: layer,
            call_function=self._call,
        )
        self._moments_model = keras.Model(self._model.inputs, self._inputs)
        self._moments = tf.function(self._batch_moments, reduce_retracing=True)

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """Logits (N,classes) of images (N,H,W,C), normalized among themselves."""
        return self._without_trace(self._model, x)

    def recalibrate(self, batches: Iterator[tf.Tensor]) -> None:
        """Set the moving averages to mean and variance over all of `batches`, each of shape (n,H,W,C).

        Every normalization sees inputs that those before it normalized within their batch; mean and variance are
        those of its inputs over all examples, not averages over batches.
        """
        counts, moments = [], []
        for batch in batches:
            counts.append(len(batch))
            moments.append([(mean.numpy(), variance.numpy()) for mean, variance in self._moments(batch)])
        for norm, of_batches in zip(self._norms, zip(*moments, strict=True), strict=True):
            _set_statistics(norm, *_together(counts, *zip(*of_batches, strict=True)))

    def _call(self, layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if layer not in self._norms:
            return layer(*args, **kwargs)
        self._inputs.append(args[0])
        return layer(*args, **{**kwargs, "training": True})

    def _without_trace(self, model: keras.Model, x: tf.Tensor) -> Any:
        """What `model` makes of `x`; an explicit `training` would override what `_call` set for each layer."""
        before = [tf.identity(variable.value) for variable in self._state]
        outputs = model(x)
        for variable, value in zip(self._state, before, strict=True):
            variable.assign(value)
        return outputs

    def _batch_moments(self, batch: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Mean and biased variance of each normalization's input, per channel, in float64."""
        inputs = self._without_trace(self._moments_model, batch)
        return [_moments(x) for x in (inputs if isinstance(inputs, list) else [inputs])]


def _moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and biased variance (C) of x (N,...,C): of each example in float32, of all together in float64.

    One sum over all 169,000 numbers of a channel would keep four digits in float32, and float64 twice the memory.
    """
    pixels = list(range(1, len(x.shape) - 1))
    mean, variance = tf.nn.moments(x, pixels, keepdims=True) if pixels else (x, tf.zeros_like(x))
    means, variances = (tf.cast(tf.reshape(value, (-1, x.shape[-1])), tf.float64) for value in (mean, variance))
    of_all = tf.reduce_mean(means, 0)
    return of_all, tf.reduce_mean(variances + tf.square(means - of_all), 0)


def _together(
    counts: list[int], means: tuple[np.ndarray, ...], variances: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance over all examples, from those (C) of batches of so many examples, in float64."""
    share = np.array(counts)[:, None] / sum(counts)
    of_batches = np.array(means, np.float64)
    mean = (share * of_batches).sum(0)
    return mean, (share * (np.array(variances, np.float64) + (of_batches - mean) ** 2)).sum(0)


def is_batch_dependent(layer: keras.layers.Layer) -> bool:
    """Whether a layer keeps moving statistics of its batches: Keras's batch normalization, and what has its variables.

    Ours have a method `set_statistics(mean, variance)`; of any other layer, `moving_mean` or `moving_variance` tells.
    A user's own class says with an attribute `batch_dependent = False` that what it calls so is something else.
    """
    return getattr(layer, "batch_dependent", True) and any(
        hasattr(layer, name) for name in ("set_statistics", "moving_mean", "moving_variance")
    )


def _set_statistics(layer: keras.layers.Layer, mean: np.ndarray, variance: np.ndarray) -> None:
    """Put moments (C) in the place of the moving statistics that the layer has."""
    if hasattr(layer, "set_statistics"):
        layer.set_statistics(mean, variance)
        return
    for name, value in [("moving_mean", mean), ("moving_variance", variance)]:
        if getattr(layer, name, None) is not None:
            getattr(layer, name).assign(value)
