"""Weight normalization (Salimans & Kingma 2016, https://arxiv.org/abs/1602.07868)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from bnexp.norms.bases import EffectiveKernel, Numbers, centred_moments, linear_of
from bnexp.specs.norms.arrays import batch_axes

_SMALLEST_SQUARE = 1e-30
"""Of ‖v‖²: a kernel of zeros then has the direction 0 and a finite gradient."""
_SMALLEST_DEVIATION = 1e-6
"""Of a unit on the first batch: one that is constant there, a dead one, gets the gain 1."""


class WeightNorm(EffectiveKernel):
    """w_k = g_k v_k / ‖v_k‖: v is the variable `kernel`, g the variable `gain`, of shape (units)."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.gain = self.add_weight(name="gain", shape=self.kernel.shape[-1:], initializer="ones")
        self.gain.assign(ops.cast(ops.sqrt(self._square_length()), self.gain.dtype))

    def initial_values(self, kernel: np.ndarray, numbers: Numbers) -> list[tuple[keras.Variable, np.ndarray]]:
        """g starts at ‖v‖."""
        return [(self.gain, np.asarray(np.sqrt(np.square(kernel).sum(batch_axes(kernel)))))]

    def effective_kernel(self, training: bool | None = None) -> Any:
        return self.precise(self.gain) * self.direction()

    def direction(self) -> Any:
        """v / ‖v‖, the norm over the fan-in of each unit."""
        return self.precise(self.kernel) * ops.rsqrt(ops.maximum(self._square_length(), _SMALLEST_SQUARE))

    def initialize_from_data(self, inputs: Any) -> None:
        """g ← 1/σ[t], b ← −μ[t]/σ[t], t the outputs of the directions on a first batch; so outputs start with 0 and 1.

        A unit that is constant on the batch gets g = 1.  Without a bias only g is set.
        """
        outputs = self.precise(self.apply_kernel(inputs, self.direction()))
        _, mean, variance = centred_moments(outputs, batch_axes(outputs))
        deviation = ops.sqrt(ops.reshape(variance, (-1,)))
        deviation = ops.where(deviation > _SMALLEST_DEVIATION, deviation, ops.ones_like(deviation))
        self.gain.assign(1 / deviation)
        if self.bias is not None:
            self.bias.assign(-ops.reshape(mean, (-1,)) / deviation)

    def _square_length(self) -> Any:
        return ops.sum(ops.square(self.precise(self.kernel)), batch_axes(self.kernel))


@keras.saving.register_keras_serializable(package="bnexp")
class WeightNormConv2D(WeightNorm, keras.layers.Conv2D):
    """A convolution whose filters are given by direction and length.

    y = w * x + b, w_k = g_k v_k / ‖v_k‖ for each filter k; the norm is over its fan-in, height, width and channels.
    v is the variable `kernel` of Keras's layer, g the variable `gain`, of shape (filters), that starts at ‖v‖, so w at
    v.  `initialize_from_data` sets g and b so that a first batch comes out with mean 0 and variance 1, as in the paper.

    Arguments are those of `keras.layers.Conv2D`.  The loss has no gradient along v: ⟨∇_v loss, v⟩ = 0.
    Paper: https://arxiv.org/abs/1602.07868.  With `MeanOnlyBatchNormalization` after it, it is the paper's §3.
    """


@keras.saving.register_keras_serializable(package="bnexp")
class WeightNormDense(WeightNorm, keras.layers.Dense):
    """A dense layer whose units' weights are given by direction and length; for units as `WeightNormConv2D`."""


linear = linear_of(WeightNormConv2D, WeightNormDense)
