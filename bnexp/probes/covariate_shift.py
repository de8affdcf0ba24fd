"""How a layer's gradient changes by the steps of those below it (Santurkar et al. 2018, https://arxiv.org/abs/1805.11604).

Definition 2.1, with the probe batch in place of the batch of step t.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from bnexp.probes.base import OfStep, Values, graph, loss, norm
from bnexp.specs import probes as specs
from bnexp.training.loop import Setup

Weights = Sequence[Sequence[np.ndarray]]
"""Layer by layer, from the input upwards."""


class CovariateShift(OfStep[specs.CovariateShift]):
    """‖G − G'‖, that by ‖G‖, and cosine of each kernel's gradients, before and after the steps of the layers below."""

    def __init__(self, spec: specs.CovariateShift, setup: Setup) -> None:
        super().__init__(spec, setup)
        model = self.model
        self._linear = [*(hidden.linear for hidden in self.built.hidden), model.get_layer("output")]
        starts = {id(layer): k for k, layer in enumerate(self._linear)}
        places, at = [], 0
        for layer in model.layers:
            at = starts.get(id(layer), at)
            places += [at] * len(layer.trainable_variables)
        self._places = places

        def gradients(images: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                total = loss(labels, model(images, training=True), model)
            found: list[tf.Tensor] = tape.gradient(
                total, [layer.kernel.value for layer in self._linear], unconnected_gradients="zero"
            )
            return found

        self._gradients = graph(gradients)

    def measured(self) -> Values:
        def gradients(weights: Weights) -> list[np.ndarray]:
            for variables, values in zip(self._by_layer(self.model.trainable_variables), weights, strict=True):
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)
            return [np.asarray(gradient) for gradient in self.in_training(self._gradients)]

        before, after = self.weights(), self.weights_after_next_step()
        found = shifts(gradients, self._by_layer(before), self._by_layer(after))
        names = [layer.name for layer in self._linear[1:]]
        return {
            value: {name: each[k] for name, each in zip(names, found, strict=True)}
            for k, value in enumerate(self.spec.values)
        }

    def _by_layer(self, weights: Sequence[Any]) -> list[list[Any]]:
        """Each linear layer's weights, and those of what stands between it and the next: its norm's."""
        return [
            [weight for weight, place in zip(weights, self._places, strict=True) if place == k]
            for k in range(len(self._linear))
        ]


def shifts(
    gradients: Callable[[Weights], Sequence[np.ndarray]], before: Weights, after: Weights
) -> list[tuple[float, float, float]]:
    """‖G − G'‖, that by ‖G‖, and cosine of each layer but the first, from weights before and after a step.

    `gradients` are those of each layer's kernel, at any weights.
    """
    old = gradients(before)
    found = []
    for i in range(1, len(before)):
        one, other = old[i].astype(np.float64), gradients([*after[:i], *before[i:]])[i].astype(np.float64)
        shift, lengths = norm(other - one), norm(one) * norm(other)
        cosine = float(np.sum(one * other)) / lengths if lengths else np.nan
        found.append((shift, shift / norm(one) if norm(one) else np.nan, cosine))
    return found
