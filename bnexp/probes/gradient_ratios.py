"""How the gradient grows from layer to layer on its way down (Yang et al. 2019, https://arxiv.org/abs/1902.08129)."""

from itertools import pairwise

import numpy as np
import tensorflow as tf

from bnexp.probes.base import OfBatch, Values, graph, loss
from bnexp.specs import probes as specs
from bnexp.training.loop import Setup


class GradientRatios(OfBatch[specs.GradientRatios]):
    """‖∂L/∂z_l‖² / ‖∂L/∂z_(l+1)‖² of the outputs z of successive hidden linear layers."""

    def __init__(self, spec: specs.GradientRatios, setup: Setup) -> None:
        super().__init__(spec, setup)
        self._linear = [hidden.linear for hidden in self.built.hidden]
        model = self.model
        part = self.part([*(layer.output for layer in self._linear), model.output])

        def squared_norms(images: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                *outputs, logits = part(images, training=True)
                total = loss(labels, logits, model)
            gradients = tape.gradient(total, outputs)
            return [tf.reduce_sum(tf.square(tf.cast(gradient, tf.float64))) for gradient in gradients]

        self._squared_norms = graph(squared_norms)

    def measured(self) -> Values:
        squares = [norm.numpy() for norm in self.in_training(self._squared_norms)]
        ratios = [lower / upper for lower, upper in pairwise(squares)]
        with np.errstate(divide="ignore"):  # of a gradient that has vanished altogether
            imbalance = np.exp(np.median(np.abs(np.log(ratios))))
        names = (layer.name for layer in self._linear)
        return {
            "ratio": dict(zip(names, ratios, strict=False)),
            "median-ratio": {specs.MODEL: np.median(ratios)},
            "imbalance": {specs.MODEL: imbalance},
        }
