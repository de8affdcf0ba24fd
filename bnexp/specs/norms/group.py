"""Group normalization: statistics of groups of channels of each example."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, group_standardized, scaled
from bnexp.specs.norms.base import Groups, Normalizing, facts


class GroupNorm(Normalizing):
    title = "Group normalization"
    paper = "Wu & He 2018"
    link = "https://arxiv.org/abs/1803.08494"
    formula = "y = γ_c (x − μ_ng) / √(σ²_ng + ε) + β_c; μ, σ² over H,W and the C/G channels of each group"
    target = "bnexp.norms.group:layer"
    centers_groups = True
    reduced = facts(conv="H,W,C/G", dense="C/G")
    traps = ("one group is `layer`; as many groups as channels is `instance`",)

    name: Literal["group"] = "group"
    groups: Groups = 8

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return scaled(group_standardized(x, self.groups, self.epsilon), w)
