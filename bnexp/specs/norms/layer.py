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
        "i, f, g, o = LN(W_x x) + LN(W_h h) + b, h = σ(o) tanh(LN(c)), each LN with a γ and β (eq. 20 to 22); "
        "place: inputs has LN(W_x x) + W_h h + b alone; the sums of all four gates are normalized together"
    )
    target = "bnexp.norms.layer:layer"
    cell_target = "bnexp.norms.in_cell:layer"
    not_one_number = True
    reduced = facts(conv="H,W,C", dense="C")
    traps = (
        "Keras's LayerNormalization(axis=-1) is another method on images: `layer-channel`",
        "in the cell, where a step is one number, of its sums W x little more than the sign of x is left",
    )

    name: Literal["layer"] = "layer"
    initial_gamma: InitialGamma = None

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return scaled(standardized(x, example_axes(x), self.epsilon), w)
