"""Rows of the methods that act on the weights of the linear layer; they take no place."""

from typing import Literal

from pydantic import Field

from bnexp.specs.block import Block
from bnexp.specs.norms.base import (
    SCALE_AND_SHIFT,
    Epsilon,
    Groups,
    Layers,
    Momentum,
    Norm,
    constant_in_training,
    facts,
    undivided,
)

_DATA_INIT = (
    "g and the bias start from the first training batch (g = 1/σ[t], b = −μ[t]/σ[t]), layer by layer; the kernel "
    "itself is that of the other variants"
)


class WeightNorm(Norm):
    title = "Weight normalization"
    paper = "Salimans & Kingma 2016"
    link = "https://arxiv.org/abs/1602.07868"
    formula = "w_k = g_k v_k / ‖v_k‖ for each output unit k; y = w x + b"
    linear_target = "bnexp.norms.weight:linear"
    parameters = facts(gain="C")
    reduced = facts(conv="fan-in of each filter", dense="fan-in of each unit")
    traps = (_DATA_INIT, "without data_init g starts at ‖v‖, so w at v", "without a bias, data_init sets g only")

    name: Literal["weight"] = "weight"
    layers: Layers = "all"
    data_init: bool = Field(True, description="whether g and the bias start from the first training batch")


class MeanOnlyBatchNorm(Norm):
    title = "Mean-only batch normalization on weight normalization"
    paper = "Salimans & Kingma 2016, §3"
    link = "https://arxiv.org/abs/1602.07868"
    formula = "y = t − μ_c + β_c, t = g v x / ‖v‖; μ over N,H,W; moving mean at inference"
    target = "bnexp.norms.mean_only_batch:layer"
    linear_target = "bnexp.norms.weight:linear"
    batch_dependent = True
    parameters = facts(gain="C", beta="C")
    state = facts(moving_mean="C")
    reduced = facts(conv="N,H,W", dense="N")
    in_training = "mean of the batch; the moving mean takes it in"
    in_inference = "moving mean"
    traps = (_DATA_INIT, "always before the activation", "the moving mean lags as that of batch normalization")

    name: Literal["mean-only-batch"] = "mean-only-batch"
    layers: Layers = "all"
    momentum: Momentum = 0.99
    data_init: bool = Field(True, description="whether g starts from the first training batch")

    def caution(self, block: Block, batch_size: int) -> str | None:
        return constant_in_training(block, batch_size)

    def bias_redundant(self, block: Block) -> bool:
        return True


class WeightStandardizedGroupNorm(Norm):
    title = "Weight standardization with group normalization"
    paper = "Qiao et al. 2019"
    link = "https://arxiv.org/abs/1903.10520"
    formula = (
        "W'_k = (W_k − μ_k) / √(σ²_k + weight_epsilon), μ, σ² over the fan-in of output unit k; then group "
        "normalization of W' x + b"
    )
    target = "bnexp.norms.weight_standardized_group:layer"
    linear_target = "bnexp.norms.weight_standardized_group:linear"
    parameters = SCALE_AND_SHIFT
    reduced = facts(conv="fan-in of each filter; then H,W,C/G", dense="fan-in of each unit; then C/G")
    traps = (
        "always before the activation",
        "an initial scale of the kernel has next to no effect",
        "weight_epsilon is small because variances of kernels are: 0.002 in the second convolution",
    )

    name: Literal["weight-standardized-group"] = "weight-standardized-group"
    layers: Layers = "all"
    groups: Groups = 8
    epsilon: Epsilon = 1e-3
    weight_epsilon: Epsilon = Field(1e-5, description="added to the variance of each unit's weights, under the root")

    def refusal(self, block: Block) -> tuple[str, str] | None:
        return undivided(self.groups, block)

    def bias_redundant(self, block: Block) -> bool:
        return self.groups == block.shape[-1]


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
