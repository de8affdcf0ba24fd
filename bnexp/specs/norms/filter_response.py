"""Filter response normalization with its thresholded linear unit."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, pixel_axes, scaled
from bnexp.specs.norms.base import ACTIVATION_REPLACED, SCALE_AND_SHIFT, Epsilon, Norm, facts


class FilterResponseNorm(Norm):
    title = "Filter response normalization with thresholded linear unit"
    paper = "Singh & Krishnan 2019"
    link = "https://arxiv.org/abs/1911.09737"
    formula = "y = max(γ_c x / √(ν²_nc + ε) + β_c, τ_c); ν² the mean of x² over H,W of each example and channel"
    not_one_pixel = "filter response norm of {}, which is 1x1 pixel, would leave the sign of a number"
    target = "bnexp.norms.filter_response:FilterResponseNormalization"
    brings_activation = True
    parameters = facts(**SCALE_AND_SHIFT, tau="C")
    reduced = facts(conv="H,W")
    not_dense = "of one number per example and channel, filter response norm leaves the sign"
    traps = (
        ACTIVATION_REPLACED,
        "convolutions only: its fair control is another method with `layers: conv`",
        "the paper's ε is 1e-6; the default here is that of all methods",
    )

    name: Literal["filter-response"] = "filter-response"
    layers: Literal["conv"] = "conv"
    epsilon: Epsilon = 1e-3

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        square = (x**2).mean(pixel_axes(x), keepdims=True)
        return scaled(x / (square + self.epsilon) ** 0.5, w).clip(w["tau"])
