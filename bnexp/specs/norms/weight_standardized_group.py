"""Weight standardization with group normalization."""

from typing import Literal

from pydantic import Field

from bnexp.specs.norms.arrays import Array, Variables, batch_axes, group_standardized, linear, scaled, standardized
from bnexp.specs.norms.base import SCALE_AND_SHIFT, Epsilon, Groups, Layers, Norm, facts


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
    centers_groups = True
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

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        kernel = standardized(w["kernel"], batch_axes(w["kernel"]), self.weight_epsilon)
        return scaled(group_standardized(linear(x, kernel, w), self.groups, self.epsilon), w)
