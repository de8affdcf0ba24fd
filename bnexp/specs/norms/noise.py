"""Noise in place of a normalization: a control."""

from typing import Literal

from pydantic import Field

from bnexp.specs.norms.arrays import Array, Variables
from bnexp.specs.norms.base import Norm, Placed

NOISE = (
    "s ~ N(s_c, scale_spread²), m ~ U(m_c − shift_spread, m_c + shift_spread) for each activation; s_c ~ U(1, "
    "scale_limit), m_c ~ U(−shift_limit, shift_limit) for each channel at each training step"
)
NOISE_TRAPS = (
    "s is 1.125 on average, and 1 at inference, where there is no noise: what stands above meets smaller numbers there",
    "the paper draws for each activation, pixels too; a step is then some four times as long as without a norm",
    "with noise_per: example all pixels of a channel share s and m, which costs little, and pooling averages none out",
    "variants of one seed draw the same noise at the same layer, where their activations have the same shape",
)


class Noisy(Norm):
    """The noise of "noisy" batch normalization: y = s a + m of activations a."""

    shift_limit: float = Field(0.5, ge=0, description="n_μ: the mean shift of a channel at a step lies within ± this")
    scale_limit: float = Field(
        1.25, ge=1, description="n_σ: the mean scale of a channel at a step lies between 1 and this"
    )
    shift_spread: float = Field(0.1, ge=0, description="r_μ: shifts lie within ± this of their channel's mean shift")
    scale_spread: float = Field(
        0.1, ge=0, description="r_σ: standard deviation of scales around their channel's mean scale"
    )
    noise_per: Literal["activation", "example"] = Field(
        "activation", description="whether each activation has a scale and a shift, or each example and channel"
    )

    def noised(self, y: Array, w: Variables) -> Array:
        """s y + m, of what was drawn: `channel_shift` of U(−1, 1), `channel_scale` of U(0, 1), `shift`, `scale`."""
        scale = 1 + (self.scale_limit - 1) * w["channel_scale"] + self.scale_spread * w["scale"]
        return scale * y + self.shift_limit * w["channel_shift"] + self.shift_spread * w["shift"]


class ActivationNoise(Noisy, Placed):
    title = 'The noise of "noisy" batch normalization without the normalization'
    paper = "control (Santurkar et al. 2018)"
    link = "https://arxiv.org/abs/1805.11604"
    formula = f"y = s x + m; {NOISE}; y = x at inference"
    target = "bnexp.norms.noise:ActivationNoise"
    in_training = "with noise"
    in_inference = "without noise: the input as it is"
    traps = (
        *NOISE_TRAPS,
        "normalizes nothing, so that noise of this size is large or small by the size of the activations",
    )

    name: Literal["noise"] = "noise"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        return self.noised(x, w) if training else x
