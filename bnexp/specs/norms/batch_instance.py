"""Batch-instance normalization: a trained mixture of batch and instance normalization."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, batch_moments, pixel_axes, scaled, standardized
from bnexp.specs.norms.base import MOVING_AVERAGES_LAG, SCALE_AND_SHIFT, Averaging, facts


class BatchInstanceNorm(Averaging):
    title = "Batch-instance normalization"
    paper = "Nam & Kim 2018"
    link = "https://arxiv.org/abs/1805.07925"
    formula = (
        "y = γ_c (ρ_c x̂_B + (1 − ρ_c) x̂_I) + β_c, ρ in [0,1]; x̂_B as in batch, x̂_I as in instance normalization; "
        "moving averages for x̂_B at inference"
    )
    not_one_pixel = "the instance half of {}, which is 1x1 pixel, would be zero"
    target = "bnexp.norms.batch_instance:BatchInstanceNormalization"
    parameters = facts(rho="C", **SCALE_AND_SHIFT)
    reduced = facts(conv="N,H,W and H,W")
    centers_channels = True
    not_dense = "the instance half of a dense output is zero, and the rest is batch norm with its scale split in two"
    traps = (
        MOVING_AVERAGES_LAG,
        "convolutions only: its fair control is another method with `layers: conv`",
        "ρ starts at 1, so as batch normalization, and is clipped to [0,1] after each step",
    )

    name: Literal["batch-instance"] = "batch-instance"
    layers: Literal["conv"] = "conv"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        mean, variance = batch_moments(x, w, training)
        of_batch = (x - mean) / (variance + self.epsilon) ** 0.5
        of_instance = standardized(x, pixel_axes(x), self.epsilon)
        return scaled(w["rho"] * of_batch + (1 - w["rho"]) * of_instance, w)
