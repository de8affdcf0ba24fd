"""Weight normalization: kernels given by direction and length."""

from typing import Literal

from pydantic import Field

from bnexp.specs.norms.arrays import Array, Variables, batch_axes, linear
from bnexp.specs.norms.base import Layers, Norm, facts

STARTS_FROM_DATA = (
    "g and the bias start from the first training batch (g = 1/σ[t], b = −μ[t]/σ[t]), layer by layer; the kernel "
    "itself is that of the other variants"
)


class WeightNorm(Norm):
    title = "Weight normalization"
    paper = "Salimans & Kingma 2016"
    link = "https://arxiv.org/abs/1602.07868"
    formula = "w_k = g_k v_k / ‖v_k‖ for each output unit k; y = w x + b"
    linear_target = "bnexp.norms.weight:linear"
    parameters = facts(gain="C")
    reduced = facts(conv="fan-in of each filter", dense="fan-in of each unit")
    traps = (STARTS_FROM_DATA, "without data_init g starts at ‖v‖, so w at v", "without a bias, data_init sets g only")

    name: Literal["weight"] = "weight"
    layers: Layers = "all"
    data_init: bool = Field(True, description="whether g and the bias start from the first training batch")

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return weight_normalized(x, w)


def weight_normalized(x: Array, w: Variables) -> Array:
    """x as the linear layer with the kernel g v / ‖v‖ makes it."""
    lengths = (w["kernel"] ** 2).sum(batch_axes(w["kernel"])) ** 0.5
    return linear(x, w["gain"] * w["kernel"] / lengths, w)
