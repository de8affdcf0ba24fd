"""Batch-instance normalization (Nam & Kim 2018, https://arxiv.org/abs/1805.07925)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.norms.bases import ByMoments, MovingAverages, check_pixels


@keras.saving.register_keras_serializable(package="bnexp")
class UnitInterval(keras.constraints.Constraint):
    """Clips a weight to [0, 1] after each step of the optimizer."""

    def __call__(self, value: Any) -> Any:
        return ops.clip(value, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="bnexp")
class BatchInstanceNormalization(ByMoments, MovingAverages):
    """A gate per channel between batch and instance normalization.

    y = γ_c (ρ_c x̂_B + (1 − ρ_c) x̂_I) + β_c for x of shape (N,H,W,C); x̂_B has its statistics over N,H,W, at inference
    moving averages that start at 0 and 1; x̂_I has them over H,W of each example, in training and at inference.
    ρ, γ and β have shape (C) and start at 1, 1 and 0; ρ is kept in [0,1] by a constraint, so after each step.

    Arguments: `momentum` in [0,1), 0.99; `epsilon` > 0, 1e-3.  ValueError for others, and for inputs of one pixel or
    none: x̂_I would be 0.  ρ = 1 is batch normalization, ρ = 0 instance normalization.
    """

    starts: ClassVar = {"rho": 1.0, "gamma": 1.0, "beta": 0.0}

    def build(self, input_shape: Sequence[int | None]) -> None:
        check_pixels(self, input_shape, "of one number the instance half would be 0")
        super().build(input_shape)
        self.rho.constraint = UnitInterval()

    def line(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        rho = self.precise(self.rho)
        batch_mean, batch_variance = self.batch_moments(mean, variance, training)
        of_batch = rho * ops.rsqrt(batch_variance + self.epsilon)
        of_instance = (1 - rho) * ops.rsqrt(variance + self.epsilon)
        return self.scale_and_shift(of_batch + of_instance, (mean - batch_mean) * of_batch)
