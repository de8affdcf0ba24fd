"""Mean-only batch normalization on weight normalization."""

from typing import Literal

from pydantic import Field

from bnexp.specs.norms.arrays import Array, Variables, batch_axes
from bnexp.specs.norms.base import Layers, Momentum, Norm, facts
from bnexp.specs.norms.weight import STARTS_FROM_DATA, weight_normalized


class MeanOnlyBatchNorm(Norm):
    title = "Mean-only batch normalization on weight normalization"
    paper = "Salimans & Kingma 2016, §3"
    link = "https://arxiv.org/abs/1602.07868"
    formula = "y = t − μ_c + β_c, t = g v x / ‖v‖; μ over N,H,W; moving mean at inference"
    target = "bnexp.norms.mean_only_batch:MeanOnlyBatchNormalization"
    linear_target = "bnexp.norms.weight:linear"
    batch_dependent = True
    parameters = facts(gain="C", beta="C")
    state = facts(moving_mean="C")
    reduced = facts(conv="N,H,W", dense="N")
    centers_channels = True
    centers_batch = True
    in_training = "mean of the batch; the moving mean takes it in"
    in_inference = "moving mean"
    traps = (STARTS_FROM_DATA, "always before the activation", "the moving mean lags as that of batch normalization")

    name: Literal["mean-only-batch"] = "mean-only-batch"
    layers: Layers = "all"
    momentum: Momentum = 0.99
    data_init: bool = Field(True, description="whether g starts from the first training batch")

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        t = weight_normalized(x, w)
        return t - (t.mean(batch_axes(t)) if training else w["moving_mean"]) + w["beta"]
