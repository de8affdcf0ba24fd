"""How loss and gradient change along the gradient (Santurkar et al. 2018, https://arxiv.org/abs/1805.11604)."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bnexp.probes.base import OfBatch, Values, graph, loss, norm
from bnexp.specs import probes as specs
from bnexp.training.loop import Setup

STEPS = np.array([0.5, 1, 2, 4])
"""Lengths of the steps, as parts of the one asked for."""


class Smoothness(OfBatch[specs.Smoothness]):
    """Range of the loss, change of the gradient and effective smoothness, raw and free of scale."""

    def __init__(self, spec: specs.Smoothness, setup: Setup) -> None:
        super().__init__(spec, setup)
        model, self._weights = self.model, self.model.trainable_variables

        def loss_and_gradients(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
            with tf.GradientTape() as tape:
                total = loss(labels, model(images, training=True), model)
            values = [weight.value for weight in self._weights]
            return total, tape.gradient(total, values, unconnected_gradients="zero")

        self._loss_and_gradients = graph(loss_and_gradients)

    def measured(self) -> Values:
        weights = self._weights
        ends = np.cumsum([int(np.prod(weight.shape)) for weight in weights])[:-1]

        def loss_and_gradient(point: np.ndarray) -> tuple[float, np.ndarray]:
            for weight, values in zip(weights, np.split(point, ends), strict=True):
                weight.assign(values.reshape(weight.shape))
            total, gradients = self.in_training(self._loss_and_gradients)
            return float(total), _flat(gradients)

        found = along_gradient(loss_and_gradient, _flat(weights), self.learning_rate, self.spec.relative_step)
        return {name: {specs.MODEL: value} for name, value in found.items()}


@np.errstate(invalid="ignore", divide="ignore")  # at a minimum
def along_gradient(
    loss_and_gradient: Callable[[np.ndarray], tuple[float, np.ndarray]],
    point: np.ndarray,
    learning_rate: float,
    relative_step: float,
) -> dict[str, float]:
    """The numbers of the spec at a point (weights,) of any function; by the steps as they are after rounding."""
    _, gradient = loss_and_gradient(point)
    size, slope = norm(point), norm(gradient)

    def greatest(rate: float) -> tuple[float, float, float]:
        """Range of the loss, largest change of the gradient, and the same by the length of the step."""
        losses, changes, lengths = [], [], []
        for step in rate * STEPS:
            moved = (point - step * gradient).astype(point.dtype)
            loss, there = loss_and_gradient(moved)
            losses.append(loss)
            changes.append(norm(there - gradient))
            lengths.append(norm(moved - point))
        return max(losses) - min(losses), max(changes), max(np.array(changes) / lengths)

    spread, change, smoothness = greatest(learning_rate)
    relative = greatest(relative_step * size / slope) if slope > 0 else (np.nan,) * 3
    return {
        "loss-range": spread,
        "predictiveness": change,
        "smoothness": smoothness,
        "relative-loss-range": relative[0],
        "relative-predictiveness": relative[1] / slope,
        "relative-smoothness": relative[2] * size / slope,
    }


def _flat(arrays: list[tf.Tensor]) -> np.ndarray:
    return np.concatenate([np.reshape(array, -1) for array in arrays])
