"""Spectral normalization: kernels divided by their largest singular value."""

from typing import Literal

from pydantic import Field

from bnexp.specs.norms.arrays import Array, Variables, linear
from bnexp.specs.norms.base import Layers, Norm, facts


class SpectralNorm(Norm):
    title = "Spectral normalization"
    paper = "Miyato et al. 2018"
    link = "https://arxiv.org/abs/1802.05957"
    formula = "W' = W / σ₁(W), σ₁ = vᵀWu the largest singular value of the kernel as a matrix (fan-in x units)"
    linear_target = "bnexp.norms.spectral:linear"
    state = facts(singular_vector="C")
    reduced = facts(conv="the whole kernel", dense="the whole kernel")
    in_training = "each step improves u by power_iterations steps of the power method, then divides by vᵀWu"
    in_inference = "the u of the last step"
    traps = (
        "σ₁ is estimated from below; with one iteration a step it is close after some dozens of steps",
        "the gradient goes through σ₁ with u and v held fixed; Keras's SpectralNormalization sends none",
        "for convolutions it bounds the kernel as a matrix, not the convolution as an operator",
    )

    name: Literal["spectral"] = "spectral"
    layers: Layers = "all"
    power_iterations: int = Field(1, ge=1, description="steps of the power method in each training step")

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        matrix = w["kernel"].reshape(-1, w["kernel"].shape[-1])
        u = w["singular_vector"]
        for _ in range(self.power_iterations if training else 0):
            u = matrix.T @ (matrix @ u)
        sigma = (((matrix @ u) ** 2).sum() / (u**2).sum()) ** 0.5
        return linear(x, w["kernel"] / sigma, w)
