"""Root mean square normalization: the mean square over the channels of each pixel."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables
from bnexp.specs.norms.base import Normalizing, facts


class RmsNorm(Normalizing):
    title = "Root mean square normalization"
    paper = "Zhang & Sennrich 2019"
    link = "https://arxiv.org/abs/1910.07467"
    formula = "y = γ_c x / √(mean x² + ε); the mean over C of each pixel"
    target = "bnexp.norms.rms:layer"
    parameters = facts(scale="C")
    not_one_channel = "RMS norm"
    reduced = facts(conv="C", dense="C")
    traps = (
        "on images the mean is over the channels of one pixel, as in `layer-channel`, not over H,W,C as in `layer`",
        "no shift β: only the bias of the linear layer moves its output, and not in proportion",
        "Keras's LayerNormalization(rms_scaling=True) divides by the standard deviation: another method",
    )

    name: Literal["rms"] = "rms"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return w["scale"] * x / ((x**2).mean(-1, keepdims=True) + self.epsilon) ** 0.5
