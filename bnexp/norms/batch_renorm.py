"""Batch renormalization (Ioffe 2017, https://arxiv.org/abs/1702.03275) with the paper's ramp."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.norms.bases import ByBatch, combined


@keras.saving.register_keras_serializable(package="bnexp")
class BatchRenormalization(ByBatch):
    """Batch normalization whose training output is pulled towards that of inference.

    y = γ_c x̂ + β_c, x̂ = (x − μ_B) / σ_B · r + d, with r = clip(σ_B/σ, 1/r_max, r_max) and
    d = clip((μ_B − μ)/σ, −d_max, d_max), through which no gradient flows; x has shape (N,...,C), μ_B and
    σ_B = √(var_B + ε) are over all axes but the last.  μ and σ are moving averages of μ_B and σ_B, that start at 0
    and 1; at inference x̂ = (x − μ) / σ.
    γ and β, of shape (C), start at 1 and 0.  A counter of training calls drives the ramp: r_max and d_max are 1 and 0
    up to `ramp_start`, then grow linearly to their value at `r_ramp_end` and `d_ramp_end`.

    Arguments (defaults of the paper): `momentum` in [0,1), 0.99; `epsilon` > 0, 1e-3; `r_max` ≥ 1, 3; `d_max` ≥ 0, 5;
    steps `ramp_start` 5000, `r_ramp_end` 40000, `d_ramp_end` 25000, neither end before the start.  An end equal to the
    start is a jump; all three 0 are constant limits.  ValueError for others.
    With r_max 1 and d_max 0 it is batch normalization.  Keras's `BatchNormalization(renorm=True)` has constant limits.
    """

    arguments = ("momentum", "epsilon", "r_max", "d_max", "ramp_start", "r_ramp_end", "d_ramp_end")
    averages: ClassVar = {"moving_mean": 0.0, "moving_deviation": 1.0}
    renorm = True
    """Whether r and d are applied; False is training by the statistics of the batch alone, in which the limits stay
    closed."""

    def __init__(
        self,
        *,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        r_max: float = 3.0,
        d_max: float = 5.0,
        ramp_start: int = 5_000,
        r_ramp_end: int = 40_000,
        d_ramp_end: int = 25_000,
        **keywords: Any,
    ) -> None:
        super().__init__(momentum, epsilon, **keywords)
        if r_max < 1 or d_max < 0:
            raise ValueError(f"r_max must be at least 1 and d_max at least 0; received {r_max} and {d_max}")
        if not 0 <= ramp_start <= min(r_ramp_end, d_ramp_end):
            raise ValueError(
                f"a ramp must not end before it starts; received ramp_start {ramp_start}, r_ramp_end {r_ramp_end}, "
                f"d_ramp_end {d_ramp_end}"
            )
        self.r_max, self.d_max = r_max, d_max
        self.ramp_start, self.r_ramp_end, self.d_ramp_end = ramp_start, r_ramp_end, d_ramp_end

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        # As a float, which XLA takes on a GPU; exact up to 2^24 steps.
        self.steps = self.add_weight(name="steps", shape=(), initializer="zeros", dtype="float32", trainable=False)

    def line(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        moving_mean, deviation = self.precise(self.moving_mean), self.precise(self.moving_deviation)
        if not self.uses_batch(training):
            return self.scale_and_shift(1 / deviation, (mean - moving_mean) / deviation)
        batch_mean, batch_variance = combined(mean, variance, 0)
        batch_deviation = ops.sqrt(batch_variance + self.epsilon)
        r_max = 1 + (self.r_max - 1) * self._ramp(self.r_ramp_end)
        d_max = self.d_max * self._ramp(self.d_ramp_end)
        r = ops.stop_gradient(ops.clip(batch_deviation / deviation, 1 / r_max, r_max))
        d = ops.stop_gradient(ops.clip((batch_mean - moving_mean) / deviation, -d_max, d_max))
        self.move(self.moving_mean, batch_mean)
        self.move(self.moving_deviation, batch_deviation)
        self.steps.assign(self.steps + 1)
        return self.scale_and_shift(r / batch_deviation, (mean - batch_mean) * r / batch_deviation + d)

    def set_statistics(self, mean: Any, variance: Any) -> None:
        self.moving_mean.assign(mean)
        self.moving_deviation.assign(ops.sqrt(variance + self.epsilon))

    def _ramp(self, end: int) -> Any:
        """How much of the way from `ramp_start` to `end` has been gone, from 0 to 1."""
        if not self.renorm:
            return self.precise(0.0)
        done = self.precise(self.steps) - self.ramp_start
        if end == self.ramp_start:
            return self.precise(done >= 0)
        return ops.clip(done / (end - self.ramp_start), 0, 1)
