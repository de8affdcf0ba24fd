"""The same weights under other statistics: what a batch-dependent model owes to its moving averages.

Moving averages lag: with momentum 0.99 they still carry 37 % of their initial value after 100 steps and 0.9 % after
468.  So a batch-dependent model is also scored with the statistics of each batch, as in training, and with statistics
recomputed over training images ("precise BN": Wu & Johnson 2021, https://arxiv.org/abs/2105.07576).
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bnexp.models.built import Built, inside

RECALIBRATION_EXAMPLES = 10_000
"""Training images that statistics are recomputed over, at most."""
RECALIBRATION_BATCH = 250
"""Large enough for a batch's own statistics to stand for all, small enough for the memory of a worker."""


class BatchStatistics:
    """A model whose batch-dependent normalizations are in training mode, while all else is in inference mode.

    What training mode changes (moving averages, counters) is set right after every batch, so that no batch sees a
    trace of another.
    """

    def __init__(self, built: Built) -> None:
        self._model = built.model
        self._norms = batch_dependent(built)
        self._state = list({id(v): v for norm in self._norms for v in norm.non_trainable_variables}.values())
        self._noted: list[list[Any]] = [[] for _ in self._norms]
        self._collect = tf.function(self._note_all, reduce_retracing=True, autograph=False)

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """Logits (N,classes) of images (N,H,W,C), normalized among themselves."""
        return self._without_trace(x, lambda norm, inputs: None)

    def recalibrate(self, batches: Iterable[tf.Tensor]) -> None:
        """Set the moving averages to mean and variance over all of `batches`, each of shape (n,H,W,C).

        Every normalization sees inputs that those before it normalized within their batch; mean and variance are
        those of its inputs over all examples, not averages over batches.
        """
        try:
            for batch in batches:
                self._collect(batch)
            for norm, noted in zip(self._norms, self._noted, strict=True):
                _set_statistics(norm, *_together(*zip(*noted, strict=True)))
        finally:
            for noted in self._noted:
                noted.clear()

    def _note_all(self, batch: tf.Tensor) -> None:
        self._without_trace(batch, lambda norm, x: _note(x, self._noted[self._norms.index(norm)]))

    def _without_trace(self, x: tf.Tensor, watch: Callable[[keras.layers.Layer, tf.Tensor], None]) -> tf.Tensor:
        """Logits of `x`; `watch` is told of the inputs of each normalization."""
        before = [tf.identity(variable.value) for variable in self._state]
        with _in_training_mode(self._norms, watch):
            logits = self._model(x, training=False)
        for variable, value in zip(self._state, before, strict=True):
            variable.assign(value)
        return logits


@contextmanager
def _in_training_mode(
    layers: list[keras.layers.Layer], watch: Callable[[keras.layers.Layer, tf.Tensor], None]
) -> Iterator[None]:
    """While a model is called: these layers, wherever they stand in it, compute as in training."""

    def training(layer: keras.layers.Layer, call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        given = inspect.signature(call).bind(*arguments, **keywords)
        watch(layer, given.args[0])
        if "training" in inspect.signature(call).parameters:
            given.arguments["training"] = True
        return call(*given.args, **given.kwargs)

    for layer in layers:
        layer.call = partial(training, layer, layer.call)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call  # the method of its class again


def _note(x: tf.Tensor, noted: list[Any]) -> None:
    """Note number, mean and variance of `x`, by a function of Python, for a cell is called within a loop.

    TensorFlow never lets go of that function, which so holds nothing but the list.
    """

    def note(*moments: np.ndarray) -> None:
        noted.append([moment.copy() for moment in moments])  # what is given is TensorFlow's memory

    tf.numpy_function(note, [tf.shape(x)[0], *_moments(x)], [])


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
    counts: tuple[int, ...], means: tuple[np.ndarray, ...], variances: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance over all examples, from those (C) of batches of so many examples, in float64."""
    share = np.array(counts)[:, None] / sum(counts)
    of_batches = np.array(means, np.float64)
    mean = (share * of_batches).sum(0)
    return mean, (share * (np.array(variances, np.float64) + (of_batches - mean) ** 2)).sum(0)


def batch_dependent(built: Built) -> list[keras.layers.Layer]:
    """The layers, norms themselves or parts of them, that keep moving statistics of their batches.

    Ours have a method `set_statistics(mean, variance)`; of any other layer, `moving_mean` or `moving_variance` tells.
    A user's own class says with an attribute `batch_dependent = False` that what it calls so is something else.
    """
    layers = dict.fromkeys(layer for norm in built.norms for layer in inside(norm.layer))
    kept = ("set_statistics", "moving_mean", "moving_variance")
    return [
        layer
        for layer in layers
        if getattr(layer, "batch_dependent", True) and any(hasattr(layer, name) for name in kept)
    ]


def _set_statistics(layer: keras.layers.Layer, mean: np.ndarray, variance: np.ndarray) -> None:
    """Put moments (C) in the place of the moving statistics that the layer has."""
    if hasattr(layer, "set_statistics"):
        layer.set_statistics(mean, variance)
        return
    for name, value in [("moving_mean", mean), ("moving_variance", variance)]:
        if getattr(layer, name, None) is not None:
            getattr(layer, name).assign(value)
