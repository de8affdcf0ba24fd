"""Mean-only batch normalization (Salimans & Kingma 2016, §3, https://arxiv.org/abs/1602.07868)."""

from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.norms.bases import ByBatch


@keras.saving.register_keras_serializable(package="bnexp")
class MeanOnlyBatchNormalization(ByBatch):
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

    def line(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        of_all = self.precise(self.moving_mean)
        if self.uses_batch(training):
            of_all = ops.mean(mean, 0, keepdims=True)
            self.move(self.moving_mean, of_all)
        beta = self.precise(self.beta)
        return ops.ones_like(beta), mean - of_all + beta
