"""The same weights under other statistics: what a batch-dependent model owes to its moving averages.

Moving averages lag: with momentum 0.99 they still carry 37 % of their initial value after 100 steps and 0.9 % after
468.  So a batch-normalized model is also scored with the statistics of each batch, as in training, and with
statistics recomputed over training images ("precise BN": Wu & Johnson 2021, https://arxiv.org/abs/2105.07576).
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

RECALIBRATION_EXAMPLES = 10_000
"""Training images that statistics are recomputed over, at most."""
RECALIBRATION_BATCH = 1_000


class BatchStatistics:
    """A model whose batch normalizations use the statistics of each batch, while all else is in inference mode.

    It shares the layers, and so the weights, of `model`; dropout is off.
    """

    def __init__(self, model: keras.Model) -> None:
        self._norms: list[keras.layers.BatchNormalization] = [
            layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
        ]
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
        """Logits (N,classes) of images (N,H,W,C), normalized among themselves.  The moving averages move."""
        return self._model(x)  # an explicit `training` would override what `_call` set for each layer

    def state(self) -> list[np.ndarray]:
        """The moving averages as they are, for `restore`."""
        return [variable.numpy() for norm in self._norms for variable in norm.non_trainable_variables]

    def restore(self, state: list[np.ndarray]) -> None:
        """Set the moving averages to what `state` gave."""
        variables = [variable for norm in self._norms for variable in norm.non_trainable_variables]
        for variable, value in zip(variables, state, strict=True):
            variable.assign(value)

    def recalibrate(self, batches: Iterator[tf.Tensor]) -> None:
        """Set the moving averages to mean and variance over all of `batches`, each of shape (n,H,W,C).

        Every normalization sees inputs that those before it normalized within their batch; mean and variance are
        those of its inputs over all examples, not averages over batches.
        """
        totals: list[tuple[np.ndarray, np.ndarray]] | None = None
        count = 0
        for batch in batches:
            moments = [(size * mean, size * square) for size in [len(batch)] for mean, square in self._numbers(batch)]
            count += len(batch)
            totals = (
                moments if totals is None else [(a + c, b + d) for (a, b), (c, d) in zip(totals, moments, strict=True)]
            )
        assert totals is not None
        for norm, (total, square) in zip(self._norms, totals, strict=True):
            mean = total / count
            norm.moving_mean.assign(mean)
            norm.moving_variance.assign(np.maximum(square / count - mean**2, 0))

    def _call(self, layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if layer not in self._norms:
            return layer(*args, **kwargs)
        self._inputs.append(args[0])
        return layer(*args, **{**kwargs, "training": True})

    def _numbers(self, batch: tf.Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(mean.numpy(), square.numpy()) for mean, square in self._moments(batch)]

    def _batch_moments(self, batch: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Mean and mean square of each normalization's input, per channel, in float64."""
        inputs = self._moments_model(batch)
        inputs = [tf.cast(x, tf.float64) for x in (inputs if isinstance(inputs, list) else [inputs])]
        axes = [list(range(len(x.shape) - 1)) for x in inputs]
        return [(tf.reduce_mean(x, a), tf.reduce_mean(x**2, a)) for x, a in zip(inputs, axes, strict=True)]
