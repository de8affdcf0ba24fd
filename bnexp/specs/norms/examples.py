"""Rows of the methods that look at one example at a time, and of the two controls that look at none."""

from math import prod
from typing import Literal

from bnexp.specs.block import Block
from bnexp.specs.norms.base import SCALE_AND_SHIFT, Groups, Norm, Normalizing, Placed, facts, is_single, undivided


class NoNorm(Norm):
    title = "No normalization"
    paper = "identity"
    link = ""
    formula = "y = x"

    name: Literal["none"] = "none"

    def keeps_bias(self, block: Block) -> bool:
        return self.use_bias


class AffineNorm(Placed):
    title = "Affine: scale and shift only"
    paper = "control"
    link = ""
    formula = "y = γ_c x + β_c; no statistics"
    target = "bnexp.norms.affine:layer"
    parameters = SCALE_AND_SHIFT
    traps = ("normalizes nothing: it shows what the parameters γ and β alone do",)

    name: Literal["affine"] = "affine"


class LayerNorm(Normalizing):
    title = "Layer normalization"
    paper = "Ba, Kiros & Hinton 2016"
    link = "https://arxiv.org/abs/1607.06450"
    formula = "y = γ_c (x − μ_n) / √(σ²_n + ε) + β_c; μ, σ² over H,W,C of each example"
    target = "bnexp.norms.layer:layer"
    parameters = SCALE_AND_SHIFT
    reduced = facts(conv="H,W,C", dense="C")
    traps = ("Keras's LayerNormalization(axis=-1) is another method on images: `layer-channel`",)

    name: Literal["layer"] = "layer"

    def refusal(self, block: Block) -> tuple[str, str] | None:
        return _one_number(block)


class LayerChannelNorm(Normalizing):
    title = "Layer normalization over channels"
    paper = "Ba 2016, as in ConvNeXt (Liu 2022)"
    link = "https://arxiv.org/abs/2201.03545"
    formula = "y = γ_c (x − μ_nhw) / √(σ²_nhw + ε) + β_c; μ, σ² over C of each pixel"
    target = "bnexp.norms.layer_channel:layer"
    parameters = SCALE_AND_SHIFT
    reduced = facts(conv="C", dense="C")
    traps = ("after a dense layer it is `layer`",)

    name: Literal["layer-channel"] = "layer-channel"

    def refusal(self, block: Block) -> tuple[str, str] | None:
        return _one_channel(block, "layer norm over channels")


class LayerFullNorm(Normalizing):
    title = "Layer normalization with a scale and shift per element"
    paper = "Ba, Kiros & Hinton 2016"
    link = "https://arxiv.org/abs/1607.06450"
    formula = "y = γ_hwc (x − μ_n) / √(σ²_n + ε) + β_hwc; μ, σ² over H,W,C of each example"
    target = "bnexp.norms.layer_full:layer"
    parameters = facts(gamma="H,W,C", beta="H,W,C")
    reduced = facts(conv="H,W,C", dense="C")
    traps = (
        "many parameters on large maps; the model is tied to one size of image",
        "after a dense layer it is `layer`",
    )

    name: Literal["layer-full"] = "layer-full"

    def refusal(self, block: Block) -> tuple[str, str] | None:
        return _one_number(block)


class RmsNorm(Normalizing):
    title = "Root mean square normalization"
    paper = "Zhang & Sennrich 2019"
    link = "https://arxiv.org/abs/1910.07467"
    formula = "y = γ_c x / √(mean x² + ε); the mean over C of each pixel"
    target = "bnexp.norms.rms:layer"
    parameters = facts(scale="C")
    reduced = facts(conv="C", dense="C")
    traps = (
        "on images the mean is over the channels of one pixel, as in `layer-channel`, not over H,W,C as in `layer`",
        "no shift β: only the bias of the linear layer moves its output, and not in proportion",
        "Keras's LayerNormalization(rms_scaling=True) divides by the standard deviation: another method",
    )

    name: Literal["rms"] = "rms"

    def refusal(self, block: Block) -> tuple[str, str] | None:
        return _one_channel(block, "RMS norm")


class InstanceNorm(Normalizing):
    title = "Instance normalization"
    paper = "Ulyanov, Vedaldi & Lempitsky 2016"
    link = "https://arxiv.org/abs/1607.08022"
    formula = "y = γ_c (x − μ_nc) / √(σ²_nc + ε) + β_c; μ, σ² over H,W of each example and channel"
    target = "bnexp.norms.instance:layer"
    parameters = SCALE_AND_SHIFT
    reduced = facts(conv="H,W")
    not_dense = "a dense layer gives one number per example and channel, which instance norm makes the constant β"
    traps = ("convolutions only: its fair control is another method with `layers: conv`",)

    name: Literal["instance"] = "instance"
    layers: Literal["conv"] = "conv"

    def refusal(self, block: Block) -> tuple[str, str] | None:
        if is_single(block):
            return "name", f"instance norm of {block.name}, which is 1x1 pixel, would be a constant"
        return None

    def bias_redundant(self, block: Block) -> bool:
        return self.before


class GroupNorm(Normalizing):
    title = "Group normalization"
    paper = "Wu & He 2018"
    link = "https://arxiv.org/abs/1803.08494"
    formula = "y = γ_c (x − μ_ng) / √(σ²_ng + ε) + β_c; μ, σ² over H,W and the C/G channels of each group"
    target = "bnexp.norms.group:layer"
    parameters = SCALE_AND_SHIFT
    reduced = facts(conv="H,W,C/G", dense="C/G")
    traps = ("one group is `layer`; as many groups as channels is `instance`",)

    name: Literal["group"] = "group"
    groups: Groups = 8

    def refusal(self, block: Block) -> tuple[str, str] | None:
        return undivided(self.groups, block)

    def bias_redundant(self, block: Block) -> bool:
        return self.before and self.groups == block.shape[-1]


def _one_number(block: Block) -> tuple[str, str] | None:
    if prod(block.shape) == 1:
        return "name", f"layer norm of {block.name}, which is one number for each example, would be a constant"
    return None


def _one_channel(block: Block, method: str) -> tuple[str, str] | None:
    if block.shape[-1] == 1:
        return "name", f"{method} of {block.name}, which has one channel, would leave only the sign of a number or less"
    return None
