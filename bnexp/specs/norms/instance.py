"""Instance normalization: statistics of each channel of each example."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, pixel_axes, scaled, standardized
from bnexp.specs.norms.base import Normalizing, facts


class InstanceNorm(Normalizing):
    title = "Instance normalization"
    paper = "Ulyanov, Vedaldi & Lempitsky 2016"
    link = "https://arxiv.org/abs/1607.08022"
    formula = "y = γ_c (x − μ_nc) / √(σ²_nc + ε) + β_c; μ, σ² over H,W of each example and channel"
    not_one_pixel = "instance norm of {}, which is 1x1 pixel, would be a constant"
    target = "bnexp.norms.instance:layer"
    reduced = facts(conv="H,W")
    centers_channels = True
    not_dense = "a dense layer gives one number per example and channel, which instance norm makes the constant β"
    traps = ("convolutions only: its fair control is another method with `layers: conv`",)

    name: Literal["instance"] = "instance"
    layers: Literal["conv"] = "conv"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return scaled(standardized(x, pixel_axes(x), self.epsilon), w)
