"""No normalization: what the others are compared with."""

from typing import Literal

from bnexp.specs.block import Block
from bnexp.specs.norms.arrays import Array, Variables
from bnexp.specs.norms.base import Norm


class NoNorm(Norm):
    title = "No normalization"
    paper = "identity"
    formula = "y = x"

    name: Literal["none"] = "none"

    def keeps_bias(self, block: Block) -> bool:
        return self.use_bias

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return x
