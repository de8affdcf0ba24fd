"""Filter response normalization with its thresholded linear unit (Singh & Krishnan 2019, arXiv 1911.09737)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.norms.bases import ByMoments, check_epsilon, check_pixels


@keras.saving.register_keras_serializable(package="bnexp")
class FilterResponseNormalization(ByMoments):
    """Each filter's response divided by its root mean square, then a threshold in place of the activation.

    y = max(γ_c x / √(ν²_nc + ε) + β_c, τ_c) for x of shape (N,H,W,C); ν² is the mean of x² over H,W of each example.
    γ, β and τ, of shape (C), start at 1, 0 and 0.  No mean is taken off, and nothing depends on the batch.

    Arguments: `epsilon` > 0, 1e-3 (the paper: 1e-6).  ValueError for others, and for inputs of one pixel or none, of
    which only the sign would be left.

    Paper: https://arxiv.org/abs/1911.09737.  Without the threshold it is instance normalization without the mean.
    """

    arguments = ("epsilon",)
    starts: ClassVar = {"gamma": 1.0, "beta": 0.0, "tau": 0.0}

    def __init__(self, epsilon: float = 1e-3, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.epsilon = check_epsilon(epsilon)

    def build(self, input_shape: Sequence[int | None]) -> None:
        check_pixels(self, input_shape, "of one number only the sign would be left")
        super().build(input_shape)

    def line(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        inverse = ops.rsqrt(variance + ops.square(mean) + self.epsilon)
        return self.scale_and_shift(inverse, mean * inverse)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        y = super().call(inputs, training)
        return ops.maximum(y, ops.cast(self.tau, y.dtype))
