"""Layer normalization over channels: statistics of each pixel."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, scaled, standardized
from bnexp.specs.norms.base import Normalizing, facts


class LayerChannelNorm(Normalizing):
    title = "Layer normalization over channels"
    paper = "Ba 2016, as in ConvNeXt (Liu 2022)"
    link = "https://arxiv.org/abs/2201.03545"
    formula = "y = γ_c (x − μ_nhw) / √(σ²_nhw + ε) + β_c; μ, σ² over C of each pixel"
    target = "bnexp.norms.layer_channel:layer"
    not_one_channel = "layer norm over channels"
    reduced = facts(conv="C", dense="C")
    traps = ("after a dense layer it is `layer`",)

    name: Literal["layer-channel"] = "layer-channel"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return scaled(standardized(x, (x.ndim - 1,), self.epsilon), w)
