"""EvoNorm S0 (Liu et al. 2020, https://arxiv.org/abs/2004.02967): normalization and activation in one."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.norms.bases import Line, TwoLines, check_epsilon, combined


@keras.saving.register_keras_serializable(package="bnexp")
class EvoNormS0(TwoLines):
    """Swish over the standard deviation of a group of channels, in place of normalization and activation.

    y = γ_c x sigmoid(v_c x) / √(σ²_ng + ε) + β_c for x of shape (N,H,W,C) or (N,C); σ² over the C/G channels of each of
    G groups and, if there are any, H,W of each example.  γ, v and β, of shape (C), start at 1, 1 and 0.
    The denominator is that of group normalization; no mean is taken off, and nothing depends on the batch.  `EvoNormB0`
    is the one with batch statistics.

    Arguments: `groups` ≥ 1, 8, must divide C; `epsilon` > 0, 1e-3.  ValueError for others.
    """

    arguments = ("groups", "epsilon")
    starts: ClassVar = {"gamma": 1.0, "beta": 0.0, "v": 1.0}

    def __init__(self, groups: int = 8, epsilon: float = 1e-3, **keywords: Any) -> None:
        super().__init__(**keywords)
        if groups < 1:
            raise ValueError(f"groups must be at least 1; received {groups}")
        self.groups = groups
        self.epsilon = check_epsilon(epsilon)

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        if self.channels % self.groups:
            raise ValueError(
                f"groups must divide the channels; received {self.groups} groups, {self.channels} channels"
            )

    def lines(self, mean: Any, variance: Any, training: bool | None) -> tuple[Line, Line]:
        in_groups = (*ops.shape(mean)[:-1], self.groups, self.channels // self.groups)
        _, of_group = combined(ops.reshape(mean, in_groups), ops.reshape(variance, in_groups), -1)
        inverse = ops.reshape(ops.broadcast_to(ops.rsqrt(of_group + self.epsilon), in_groups), ops.shape(mean))
        return (self.precise(self.gamma) * inverse, None), (self.precise(self.v), None)

    @staticmethod
    def joined(first: Any, second: Any) -> Any:
        """Of γx/σ_ng and v x."""
        return first * ops.sigmoid(second)
