"""EvoNorm B0 (Liu et al. 2020, https://arxiv.org/abs/2004.02967): normalization and activation in one."""

from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.norms.bases import MovingAverages, centred_moments, combined, pixel_axes


@keras.saving.register_keras_serializable(package="bnexp")
class EvoNormB0(MovingAverages):
    """The input over the larger of two deviations, in place of normalization and activation.

    y = γ_c x / max(√(σ²_c + ε), v_c x + √(σ²_nc + ε)) + β_c for x of shape (N,H,W,C) or (N,C); σ²_c over N,H,W, at
    inference a moving average that starts at 1; σ²_nc over H,W of each example, so 0 for (N,C).
    γ, v and β, of shape (C), start at 1, 1 and 0.  `EvoNormS0` is the one without batch statistics.

    Arguments: `momentum` in [0,1), 0.99; `epsilon` > 0, 1e-3.  ValueError for others.
    """

    starts: ClassVar = {"gamma": 1.0, "beta": 0.0, "v": 1.0}
    averages: ClassVar = {"moving_variance": 1.0}

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = self.precise(inputs)
        return self.with_moments(x, *centred_moments(x, pixel_axes(x))[1:], training)

    def with_moments(self, x: Any, own_mean: Any, of_instance: Any, training: bool | None = None) -> Any:
        """The outputs for x, whose mean and variance over the pixels of each example are given."""
        if self.uses_batch(training):
            _, of_batch = combined(own_mean, of_instance, 0)
            self.move(self.moving_variance, of_batch)
        else:
            of_batch = self.precise(self.moving_variance)
        threshold = self.precise(self.v) * x + ops.sqrt(of_instance + self.epsilon)
        return self.scaled(x / ops.maximum(ops.sqrt(of_batch + self.epsilon), threshold))


layer = EvoNormB0.of
