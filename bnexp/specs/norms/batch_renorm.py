"""Batch renormalization: batch statistics, moved towards the moving averages."""

from typing import Literal

from pydantic import Field, model_validator

from bnexp.specs.norms.arrays import Array, Variables, batch_axes, scaled
from bnexp.specs.norms.base import MOVING_AVERAGES_LAG, Averaging, facts


class BatchRenorm(Averaging):
    title = "Batch renormalization"
    paper = "Ioffe 2017"
    link = "https://arxiv.org/abs/1702.03275"
    formula = (
        "y = γ_c x̂ + β_c, x̂ = (x − μ_B) / σ_B · r + d; r = clip(σ_B/σ, 1/r_max, r_max), d = clip((μ_B − μ)/σ, "
        "−d_max, d_max), no gradient through r, d; σ_B = √(var_B + ε) over N,H,W; μ, σ moving averages, used at "
        "inference"
    )
    target = "bnexp.norms.batch_renorm:BatchRenormalization"
    state = facts(moving_mean="C", moving_deviation="C", steps="")
    reduced = facts(conv="N,H,W", dense="N")
    centers_channels = True
    in_training = "statistics of the batch, moved towards the moving averages as far as the ramp allows"
    traps = (
        MOVING_AVERAGES_LAG,
        (
            "the ramp's defaults are the paper's, for ImageNet; ten epochs of MNIST in batches of 64 are 8,440 steps: "
            "there ramp_start: 500, r_ramp_end: 4000, d_ramp_end: 2500 keep its proportions"
        ),
        "with r_max 1 and d_max 0 it is batch normalization; its moving average is of σ, not of σ²",
    )

    name: Literal["batch-renorm"] = "batch-renorm"
    r_max: float = Field(3.0, ge=1, description="largest correction of scale, at the end of its ramp from 1")
    d_max: float = Field(5.0, ge=0, description="largest correction of shift, at the end of its ramp from 0")
    ramp_start: int = Field(5_000, ge=0, description="training steps as plain batch normalization")
    r_ramp_end: int = Field(40_000, ge=0, description="training step at which r_max is reached, linearly")
    d_ramp_end: int = Field(25_000, ge=0, description="training step at which d_max is reached, linearly")

    @model_validator(mode="after")
    def _ramps(self) -> "BatchRenorm":
        for key in ("r_ramp_end", "d_ramp_end"):
            if getattr(self, key) < self.ramp_start:
                raise ValueError(f"{key} ({getattr(self, key)}) lies before ramp_start ({self.ramp_start})")
        return self

    def _share(self, steps: Array, end: int) -> Array:
        """How far a ramp is after so many training steps, from 0 to 1."""
        return 1.0 if end == self.ramp_start else ((steps - self.ramp_start) / (end - self.ramp_start)).clip(0, 1)

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        mean, deviation = w["moving_mean"], w["moving_deviation"]
        if not training:
            return scaled((x - mean) / deviation, w)
        own_mean, own_deviation = x.mean(batch_axes(x)), (x.var(batch_axes(x)) + self.epsilon) ** 0.5
        r_max = 1 + (self.r_max - 1) * self._share(w["steps"], self.r_ramp_end)
        d_max = self.d_max * self._share(w["steps"], self.d_ramp_end)
        r = (own_deviation / deviation).clip(1 / r_max, r_max)
        d = ((own_mean - mean) / deviation).clip(-d_max, d_max)
        return scaled((x - own_mean) / own_deviation * r + d, w)
