"""EvoNorm S0: normalization and activation in one, by the statistics of groups."""

import math
from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, in_groups, scaled
from bnexp.specs.norms.base import ACTIVATION_REPLACED, SCALE_AND_SHIFT, Epsilon, Groups, Layers, Norm, facts


class EvoNormS0(Norm):
    title = "EvoNorm S0"
    paper = "Liu et al. 2020"
    link = "https://arxiv.org/abs/2004.02967"
    formula = "y = γ_c x sigmoid(v_c x) / √(σ²_ng + ε) + β_c; σ² over H,W and the C/G channels of each group"
    target = "bnexp.norms.evonorm_s0:EvoNormS0"
    brings_activation = True
    parameters = facts(**SCALE_AND_SHIFT, v="C")
    reduced = facts(conv="H,W,C/G", dense="C/G")
    traps = (ACTIVATION_REPLACED, "found for convolutions; after dense layers the groups are of channels alone")

    name: Literal["evonorm-s0"] = "evonorm-s0"
    layers: Layers = "all"
    groups: Groups = 8
    epsilon: Epsilon = 1e-3

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        view, axes = in_groups(x, self.groups)
        deviation = (view.var(axes, keepdims=True) + self.epsilon) ** 0.5
        swish = x / (1 + math.e ** (-w["v"] * x))
        return scaled((swish.reshape(view.shape) / deviation).reshape(x.shape), w)
