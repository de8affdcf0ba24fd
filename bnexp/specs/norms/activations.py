"""Rows of the methods that bring their activation, in place of the model's; they take no place."""

from typing import Literal

from bnexp.specs.block import Block
from bnexp.specs.norms.base import SCALE_AND_SHIFT, Epsilon, Groups, Layers, Momentum, Norm, facts, is_single, undivided

_ACTIVATION = "it stands in place of the model's activation, whichever that is"


class FilterResponseNorm(Norm):
    title = "Filter response normalization with thresholded linear unit"
    paper = "Singh & Krishnan 2019"
    link = "https://arxiv.org/abs/1911.09737"
    formula = "y = max(γ_c x / √(ν²_nc + ε) + β_c, τ_c); ν² the mean of x² over H,W of each example and channel"
    target = "bnexp.norms.filter_response:layer"
    brings_activation = True
    parameters = facts(**SCALE_AND_SHIFT, tau="C")
    reduced = facts(conv="H,W")
    not_dense = "of one number per example and channel, filter response norm leaves the sign"
    traps = (
        _ACTIVATION,
        "convolutions only: its fair control is another method with `layers: conv`",
        "the paper's ε is 1e-6; the default here is that of all methods",
    )

    name: Literal["filter-response"] = "filter-response"
    layers: Literal["conv"] = "conv"
    epsilon: Epsilon = 1e-3

    def refusal(self, block: Block) -> tuple[str, str] | None:
        if is_single(block):
            return "name", f"filter response norm of {block.name}, which is 1x1 pixel, would leave the sign of a number"
        return None


class EvoNormS0(Norm):
    title = "EvoNorm S0"
    paper = "Liu et al. 2020"
    link = "https://arxiv.org/abs/2004.02967"
    formula = "y = γ_c x sigmoid(v_c x) / √(σ²_ng + ε) + β_c; σ² over H,W and the C/G channels of each group"
    target = "bnexp.norms.evonorm_s0:layer"
    brings_activation = True
    parameters = facts(**SCALE_AND_SHIFT, v="C")
    reduced = facts(conv="H,W,C/G", dense="C/G")
    traps = (_ACTIVATION, "found for convolutions; after dense layers the groups are of channels alone")

    name: Literal["evonorm-s0"] = "evonorm-s0"
    layers: Layers = "all"
    groups: Groups = 8
    epsilon: Epsilon = 1e-3

    def refusal(self, block: Block) -> tuple[str, str] | None:
        return undivided(self.groups, block)


class EvoNormB0(Norm):
    title = "EvoNorm B0"
    paper = "Liu et al. 2020"
    link = "https://arxiv.org/abs/2004.02967"
    formula = (
        "y = γ_c x / max(√(σ²_c + ε), v_c x + √(σ²_nc + ε)) + β_c; σ²_c over N,H,W, a moving average at inference; "
        "σ²_nc over H,W of each example"
    )
    target = "bnexp.norms.evonorm_b0:layer"
    brings_activation = True
    batch_dependent = True
    parameters = facts(**SCALE_AND_SHIFT, v="C")
    state = facts(moving_variance="C")
    reduced = facts(conv="N,H,W and H,W", dense="N")
    in_training = "variance of the batch; the moving variance takes it in"
    in_inference = "moving variance of the batch, and each example's own"
    traps = (
        _ACTIVATION,
        "found for convolutions; after dense layers the instance variance is 0 and the unit saturates at γ/v + β",
        "the moving variance lags as that of batch normalization",
    )

    name: Literal["evonorm-b0"] = "evonorm-b0"
    layers: Layers = "all"
    epsilon: Epsilon = 1e-3
    momentum: Momentum = 0.99
