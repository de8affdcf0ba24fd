"""Mean-only batch normalization (Salimans & Kingma 2016, §3, https://arxiv.org/abs/1602.07868)."""

from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.norms.bases import MovingAverages, batch_axes


@keras.saving.register_keras_serializable(package="bnexp")
class MeanOnlyBatchNormalization(MovingAverages):
    """Takes off the mean of the batch and leaves the scale, which weight normalization below it sets.

    y = x − μ_c + β_c for x of shape (N,...,C); μ over all axes but the last, at inference a moving average that starts
    at 0.  β, of shape (C), starts at 0.  Argument: `momentum` in [0,1), 0.99.  ValueError for others.
    It is batch normalization without the division; the method of the paper has `WeightNormConv2D` or
    `WeightNormDense` before it.
    """

    arguments = ("momentum",)
    starts: ClassVar = {"beta": 0.0}
    averages: ClassVar = {"moving_mean": 0.0}

    def __init__(self, momentum: float = 0.99, **keywords: Any) -> None:
        super().__init__(momentum, 1e-3, **keywords)  # without a use here

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = self.precise(inputs)
        mean = self.precise(self.moving_mean)
        if self.uses_batch(training):
            mean = ops.mean(x, batch_axes(x), keepdims=True)
            self.move(self.moving_mean, mean)
        return ops.cast(x - mean + self.precise(self.beta), self.compute_dtype)


layer = MeanOnlyBatchNormalization.of
