"""EvoNorm B0: normalization and activation in one, by batch and instance statistics."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, batch_axes, pixel_axes, scaled
from bnexp.specs.norms.base import ACTIVATION_REPLACED, SCALE_AND_SHIFT, Epsilon, Layers, Momentum, Norm, facts


class EvoNormB0(Norm):
    title = "EvoNorm B0"
    paper = "Liu et al. 2020"
    link = "https://arxiv.org/abs/2004.02967"
    formula = (
        "y = γ_c x / max(√(σ²_c + ε), v_c x + √(σ²_nc + ε)) + β_c; σ²_c over N,H,W, a moving average at inference; "
        "σ²_nc over H,W of each example"
    )
    target = "bnexp.norms.evonorm_b0:EvoNormB0"
    brings_activation = True
    batch_dependent = True
    parameters = facts(**SCALE_AND_SHIFT, v="C")
    state = facts(moving_variance="C")
    reduced = facts(conv="N,H,W and H,W", dense="N")
    in_training = "variance of the batch; the moving variance takes it in"
    in_inference = "moving variance of the batch, and each example's own"
    traps = (
        ACTIVATION_REPLACED,
        "found for convolutions; after dense layers the instance variance is 0 and the unit saturates at γ/v + β",
        "the moving variance lags as that of batch normalization",
    )

    name: Literal["evonorm-b0"] = "evonorm-b0"
    layers: Layers = "all"
    epsilon: Epsilon = 1e-3
    momentum: Momentum = 0.99

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        of_batch = x.var(batch_axes(x)) if training else w["moving_variance"]
        other = w["v"] * x + (x.var(pixel_axes(x), keepdims=True) + self.epsilon) ** 0.5
        return scaled(x / ((of_batch + self.epsilon) ** 0.5).clip(other), w)
