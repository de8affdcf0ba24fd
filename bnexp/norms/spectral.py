"""Spectral normalization (Miyato et al. 2018, https://arxiv.org/abs/1802.05957), with the gradient through σ₁."""

from typing import Any

import keras
import numpy as np
from keras import ops

from bnexp.norms.bases import EffectiveKernel, Numbers, linear_of

_SMALLEST = 1e-12
"""Of a length that is divided by: a kernel of zeros stays one."""


class SpectralNorm(EffectiveKernel):
    """W' = W / σ₁(W) for W the variable `kernel` as a matrix (fan-in, units)."""

    arguments = ("power_iterations",)

    def __init__(
        self, *arguments: Any, power_iterations: int = 1, vector_seed: int | None = None, **keywords: Any
    ) -> None:
        super().__init__(*arguments, **keywords)
        if power_iterations < 1:
            raise ValueError(f"power_iterations must be at least 1; received {power_iterations}")
        self.power_iterations = power_iterations
        self.vector_seed = vector_seed

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.singular_vector = self.add_weight(
            name="singular_vector",
            shape=self.kernel.shape[-1:],
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=self.vector_seed),
            trainable=False,
        )

    def initial_values(self, kernel: np.ndarray, numbers: Numbers) -> list[tuple[keras.Variable, np.ndarray]]:
        """u starts at normal numbers."""
        u = self.singular_vector
        return [(u, numbers(u.path).standard_normal(u.shape).astype("float32"))]

    def effective_kernel(self, training: bool | None = None) -> Any:
        kernel = self.precise(self.kernel)
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        v, u = self._singular_vectors(ops.stop_gradient(matrix), training)
        sigma = ops.sum(ops.expand_dims(v, 1) * matrix * u)
        return kernel / ops.maximum(sigma, _SMALLEST)

    def _singular_vectors(self, matrix: Any, training: bool | None) -> tuple[Any, Any]:
        """v (fan-in) and u (units) with vᵀWu near σ₁, through which no gradient flows; training improves u.

        The products are sums of products: a matrix product may be rounded to ten bits on a GPU.
        """
        u = _unit(self.precise(self.singular_vector))
        v = _unit(ops.sum(matrix * u, 1))
        if training and self.trainable:
            for _ in range(self.power_iterations):
                u = _unit(ops.sum(ops.expand_dims(v, 1) * matrix, 0))
                v = _unit(ops.sum(matrix * u, 1))
            self.singular_vector.assign(u)
        return ops.stop_gradient(v), ops.stop_gradient(u)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vector_seed": self.vector_seed}


@keras.saving.register_keras_serializable(package="bnexp")
class SpectralNormConv2D(SpectralNorm, keras.layers.Conv2D):
    """A convolution whose kernel, as a matrix (height · width · channels, filters), has the spectral norm 1.

    y = W' * x + b, W' = W / σ₁(W), σ₁ ≈ vᵀWu with v = Wu/‖Wu‖.  In training each call takes `power_iterations` steps
    of the power method, u ← Wᵀv/‖Wᵀv‖, and keeps u; at inference u stays.  The gradient flows through σ₁, with u and v
    fixed.  W is the variable `kernel`; u, of shape (filters), the variable `singular_vector`, starts at random.

    Arguments are those of `keras.layers.Conv2D`; `power_iterations` ≥ 1, 1; `vector_seed`, of the initial u, None.
    ValueError for others.  Keras's `SpectralNormalization` overwrites the kernel with W', and so sends no gradient
    through σ₁.  Paper: https://arxiv.org/abs/1802.05957.
    """


@keras.saving.register_keras_serializable(package="bnexp")
class SpectralNormDense(SpectralNorm, keras.layers.Dense):
    """A dense layer whose kernel (fan-in, units) has the spectral norm 1; else as `SpectralNormConv2D`."""


def _unit(vector: Any) -> Any:
    return vector / ops.maximum(ops.sqrt(ops.sum(ops.square(vector))), _SMALLEST)


linear = linear_of(SpectralNormConv2D, SpectralNormDense)
