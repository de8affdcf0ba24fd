"""Weight standardization with group normalization (Qiao et al. 2019, https://arxiv.org/abs/1903.10520)."""

from typing import Any

import keras
from keras import ops

from bnexp.norms.bases import EffectiveKernel, centred_moments, check_epsilon, linear_of
from bnexp.specs.norms.arrays import batch_axes
from bnexp.specs.norms.weight_standardized_group import WeightStandardizedGroupNorm


def layer(spec: WeightStandardizedGroupNorm, name: str) -> keras.layers.Layer:
    """Keras's group normalization, as in `norms.group`; the standardized weights are below it."""
    return keras.layers.GroupNormalization(groups=spec.groups, axis=-1, epsilon=spec.epsilon, name=name)


class WeightStandardized(EffectiveKernel):
    """W'_k = (W_k − μ_k) / √(σ²_k + ε): W is the variable `kernel`."""

    arguments = ("weight_epsilon",)

    def __init__(self, *arguments: Any, weight_epsilon: float = 1e-5, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.weight_epsilon = check_epsilon(weight_epsilon)

    def effective_kernel(self, training: bool | None = None) -> Any:
        kernel = self.precise(self.kernel)
        _, mean, variance = centred_moments(kernel, batch_axes(kernel))
        return (kernel - mean) * ops.rsqrt(variance + self.weight_epsilon)


@keras.saving.register_keras_serializable(package="bnexp")
class WeightStandardizedConv2D(WeightStandardized, keras.layers.Conv2D):
    """A convolution whose filters have mean 0 and variance 1.

    y = W' * x + b, W'_k = (W_k − μ_k) / √(σ²_k + ε) for each filter k; μ and σ² (biased) over its fan-in, height, width
    and channels.  W is the variable `kernel`; nothing is added to Keras's parameters.

    Arguments are those of `keras.layers.Conv2D`, and `weight_epsilon` > 0, 1e-5.  ValueError for others.
    Paper: https://arxiv.org/abs/1903.10520, which has group normalization after it.
    """


@keras.saving.register_keras_serializable(package="bnexp")
class WeightStandardizedDense(WeightStandardized, keras.layers.Dense):
    """A dense layer whose units' weights have mean 0 and variance 1; for units as `WeightStandardizedConv2D`."""


linear = linear_of(WeightStandardizedConv2D, WeightStandardizedDense)
