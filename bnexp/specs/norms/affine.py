"""A scale and a shift for each channel, without statistics: a control."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, scaled
from bnexp.specs.norms.base import SCALE_AND_SHIFT, Placed


class AffineNorm(Placed):
    title = "Affine: scale and shift only"
    paper = "control"
    formula = "y = γ_c x + β_c; no statistics"
    target = "bnexp.norms.affine:Affine"
    parameters = SCALE_AND_SHIFT
    traps = ("normalizes nothing: it shows what the parameters γ and β alone do",)

    name: Literal["affine"] = "affine"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return scaled(x, w)
