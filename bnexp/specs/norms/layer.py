"""Layer normalization: statistics of each example over all its numbers."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, example_axes, scaled, standardized
from bnexp.specs.norms.base import InitialGamma, Normalizing, facts


class LayerNorm(Normalizing):
    title = "Layer normalization"
    paper = "Ba, Kiros & Hinton 2016"
    link = "https://arxiv.org/abs/1607.06450"
    formula = "y = γ_c (x − μ_n) / √(σ²_n + ε) + β_c; μ, σ² over H,W,C of each example"
    in_cell = (
        "sums LN(W_x x; γ_x, β_x) + LN(W_h h; γ_h, β_h) + b of the gates, h = σ(o) tanh(LN(c; γ_c, β_c)) (eq. 20 to 22); "
        "place: inputs is LN(W_x x; γ_x, β_x) + W_h h + b alone; the sums of all four gates are normalized together"
    )
    target = "bnexp.norms.layer:layer"
    cell_target = "bnexp.norms.in_cell:layer"
    not_one_number = True
    reduced = facts(conv="H,W,C", dense="C")
    traps = ("Keras's LayerNormalization(axis=-1) is another method on images: `layer-channel`",)

    name: Literal["layer"] = "layer"
    initial_gamma: InitialGamma = None

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return scaled(standardized(x, example_axes(x), self.epsilon), w)
