"""Switchable normalization (Luo et al. 2018, https://arxiv.org/abs/1806.10779)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from bnexp.norms.bases import ByMoments, MovingAverages, check_pixels, combined


@keras.saving.register_keras_serializable(package="bnexp")
class SwitchableNormalization(ByMoments, MovingAverages):
    """A trained mixture of the statistics of instance, layer and batch normalization.

    y = γ_c (x − Σ_k w_k μ_k) / √(Σ_k w'_k σ²_k + ε) + β_c for x of shape (N,H,W,C); k runs over the statistics over H,W
    (instance), over H,W,C (layer) and over N,H,W (batch), the last at inference moving averages that start at 0 and 1.
    w and w' are the softmax of three scalars each, `mean_logits` and `variance_logits`, that start equal.  For x of
    shape (N,C), where an instance has no variance, k runs over layer and batch, and the scalars are two each.
    γ and β, of shape (C), start at 1 and 0.

    Arguments: `momentum` in [0,1), 0.99; `epsilon` > 0, 1e-3.  ValueError for others, and for images of one pixel.
    With all the weight on one member it is that member.  The paper replaces moving averages by averages over some
    batches once training has ended; `set_statistics` takes these.
    """

    def build(self, input_shape: Sequence[int | None]) -> None:
        if len(input_shape) > 2:
            check_pixels(self, input_shape, "an instance of one number has no variance")
        members = (2 if len(input_shape) == 2 else 3,)
        self.mean_logits = self.add_weight(name="mean_logits", shape=members, initializer="zeros")
        self.variance_logits = self.add_weight(name="variance_logits", shape=members, initializer="zeros")
        super().build(input_shape)

    def line(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        members = [combined(mean, variance, -1), self.batch_moments(mean, variance, training)]
        if self.input_spec.ndim > 2:
            members.insert(0, (mean, variance))
        mixed_mean = self._mixed(self.mean_logits, [mean for mean, _ in members])
        mixed_variance = self._mixed(self.variance_logits, [variance for _, variance in members])
        inverse = ops.rsqrt(mixed_variance + self.epsilon)
        return self.scale_and_shift(inverse, (mean - mixed_mean) * inverse)

    def _mixed(self, logits: keras.Variable, statistics: list[Any]) -> Any:
        weights = ops.softmax(self.precise(logits))
        return sum(weights[k] * statistic for k, statistic in enumerate(statistics))
