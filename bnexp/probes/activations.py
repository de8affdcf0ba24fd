"""What goes into activations, and which units give nothing."""

import numpy as np
import tensorflow as tf

from bnexp.probes.base import OfBatch, Values, graph
from bnexp.specs import probes as specs
from bnexp.training.loop import Setup


class DeadUnits(OfBatch[specs.DeadUnits]):
    """The share of units whose activation is zero for all images of the batch."""

    def __init__(self, spec: specs.DeadUnits, setup: Setup) -> None:
        super().__init__(spec, setup)
        part = self.part([hidden.activation.output for hidden in self.built.hidden])
        self._dead = graph(lambda images, labels: [_silent(y) for y in part(images, training=True)])

    def measured(self) -> Values:
        found = self.in_training(self._dead)
        names = [hidden.linear.name for hidden in self.built.hidden]
        return {"dead": {name: np.mean(dead) for name, dead in zip(names, found, strict=True)}}


class Activations(OfBatch[specs.Activations]):
    """Percentiles of the pre-activations (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167, fig. 1)."""

    def __init__(self, spec: specs.Activations, setup: Setup) -> None:
        super().__init__(spec, setup)
        part = self.part([hidden.activation.input for hidden in self.built.hidden])
        self._inputs = graph(lambda images, labels: part(images, training=True))

    def measured(self) -> Values:
        found = {}
        for hidden, x in zip(self.built.hidden, self.in_training(self._inputs), strict=True):
            found[hidden.linear.name] = np.percentile(x, [int(name[1:]) for name in self.spec.values])
        return {name: {layer: each[k] for layer, each in found.items()} for k, name in enumerate(self.spec.values)}


def _silent(outputs: tf.Tensor) -> tf.Tensor:
    """Whether each unit of outputs (N,...,C) is zero everywhere, (C,)."""
    return tf.reduce_all(tf.equal(outputs, 0), axis=list(range(len(outputs.shape) - 1)))
