"""Batch normalization with frozen statistics (Wu & Johnson 2021, https://arxiv.org/abs/2105.07576: "FrozenBN")."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from bnexp.norms.bases import ByBatch


@keras.saving.register_keras_serializable(package="bnexp")
class FrozenBatchNormalization(ByBatch):
    """Batch normalization, from some step on by its moving averages in training too.

    y = γ_c (x − μ_c) / √(σ²_c + ε) + β_c for x of shape (N,...,C).  In the first `freeze_after` training calls, which
    a counter counts, μ and σ² (biased) are over all axes but the last, and moving averages, which start at 0 and 1,
    take them in.  From then on, as at inference before, they are the averages, which no longer move; no gradient flows
    through them.  γ and β, of shape (C), start at 1 and 0, and are trained throughout.

    Arguments: `freeze_after` ≥ 0, 1000; `momentum` in [0,1), 0.99; `epsilon` > 0, 1e-3.  ValueError for others.
    It is what `freeze_bn_delay` of TensorFlow's quantization-aware training does.  The `FrozenBatchNorm2d` of detection
    libraries starts with the statistics of another training, and has γ and β frozen too.
    """

    arguments = ("freeze_after", "momentum", "epsilon")

    def __init__(
        self, freeze_after: int = 1_000, momentum: float = 0.99, epsilon: float = 1e-3, **keywords: Any
    ) -> None:
        super().__init__(momentum, epsilon, **keywords)
        if freeze_after < 0:
            raise ValueError(f"freeze_after must be at least 0; received {freeze_after}")
        self.freeze_after = freeze_after

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        # As a float, which XLA takes on a GPU; exact up to 2^24 steps.
        self.steps = self.add_weight(name="steps", shape=(), initializer="zeros", dtype="float32", trainable=False)

    def batch_moments(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        averages = super().batch_moments(mean, variance, training=False)
        if not self.uses_batch(training):
            return averages
        of_batch = super().batch_moments(mean, variance, training)
        frozen = self.steps >= self.freeze_after
        for average, before in zip((self.moving_mean, self.moving_variance), averages, strict=True):
            average.assign(ops.where(frozen, before, self.precise(average)))
        self.steps.assign(self.steps + 1)
        kept_mean, kept_variance = (ops.where(frozen, *each) for each in zip(averages, of_batch, strict=True))
        return kept_mean, kept_variance

    def set_statistics(self, mean: Any, variance: Any) -> None:
        """Once frozen they stay: γ and β were trained with them."""
        if int(self.steps) < self.freeze_after:
            super().set_statistics(mean, variance)
