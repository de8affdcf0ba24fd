"""EvoNorm B0 (Liu et al. 2020, https://arxiv.org/abs/2004.02967): normalization and activation in one."""

from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.norms.bases import Line, MovingAverages, TwoLines, combined


@keras.saving.register_keras_serializable(package="bnexp")
class EvoNormB0(TwoLines, MovingAverages):
    """The input over the larger of two deviations, in place of normalization and activation.

    y = γ_c x / max(√(σ²_c + ε), v_c x + √(σ²_nc + ε)) + β_c for x of shape (N,H,W,C) or (N,C); σ²_c over N,H,W, at
    inference a moving average that starts at 1; σ²_nc over H,W of each example, so 0 for (N,C).
    γ, v and β, of shape (C), start at 1, 1 and 0.  `EvoNormS0` is the one without batch statistics.

    Arguments: `momentum` in [0,1), 0.99; `epsilon` > 0, 1e-3.  ValueError for others.
    """

    starts: ClassVar = {"gamma": 1.0, "beta": 0.0, "v": 1.0}
    averages: ClassVar = {"moving_variance": 1.0}

    def lines(self, mean: Any, variance: Any, training: bool | None) -> tuple[Line, Line]:
        if self.uses_batch(training):
            _, of_batch = combined(mean, variance, 0)
            self.move(self.moving_variance, of_batch)
        else:
            of_batch = self.precise(self.moving_variance)
        inverse = ops.rsqrt(of_batch + self.epsilon)
        gamma, v = self.precise(self.gamma) * inverse, self.precise(self.v) * inverse
        return (gamma, None), (v, ops.sqrt(variance + self.epsilon) * inverse - 1)

    @staticmethod
    def joined(first: Any, second: Any) -> Any:
        """Of γx/σ_c and (v x + σ_nc)/σ_c − 1."""
        return first * ops.reciprocal(1 + ops.relu(second))
