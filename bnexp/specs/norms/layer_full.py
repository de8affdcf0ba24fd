"""Layer normalization with a scale and a shift for each number of an example."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, example_axes, scaled, standardized
from bnexp.specs.norms.base import Normalizing, facts


class LayerFullNorm(Normalizing):
    title = "Layer normalization with a scale and shift per element"
    paper = "Ba, Kiros & Hinton 2016"
    link = "https://arxiv.org/abs/1607.06450"
    formula = "y = γ_hwc (x − μ_n) / √(σ²_n + ε) + β_hwc; μ, σ² over H,W,C of each example"
    target = "bnexp.norms.layer_full:layer"
    parameters = facts(gamma="H,W,C", beta="H,W,C")
    not_one_number = True
    reduced = facts(conv="H,W,C", dense="C")
    traps = (
        "many parameters on large maps; the model is tied to one size of image",
        "after a dense layer it is `layer`",
    )

    name: Literal["layer-full"] = "layer-full"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return scaled(standardized(x, example_axes(x), self.epsilon), w)
