"""Batch normalization whose statistics are held fixed from some step on: a control."""

from typing import Literal

from pydantic import Field

from bnexp.specs.norms.arrays import Array, Variables, batch_moments, scaled
from bnexp.specs.norms.base import Averaging, facts


class FrozenBatchNorm(Averaging):
    title = "Batch normalization with frozen statistics"
    paper = "control (Wu & Johnson 2021)"
    link = "https://arxiv.org/abs/2105.07576"
    formula = (
        "y = γ_c (x − μ_c) / √(σ²_c + ε) + β_c; for freeze_after steps batch normalization, μ, σ² over N,H,W; then μ, "
        "σ² its moving averages, held fixed, in training too; no gradient through them"
    )
    target = "bnexp.norms.frozen_batch:FrozenBatchNormalization"
    state = facts(moving_mean="C", moving_variance="C", steps="")
    reduced = facts(conv="N,H,W", dense="N")
    in_training = "for freeze_after steps statistics of the batch, which the moving averages take in; then the averages"
    traps = (
        "the averages must have arrived when they freeze: momentum 0.99 keeps 0.1 % of their start after 688 steps",
        "once frozen nothing holds activations in bounds: at a rate that batch normalization bears it may diverge",
        (
            "once frozen it is the same under all three statistics: an example sees no batch, and recalibration, which "
            "would give γ and β other statistics than they were trained with, changes nothing"
        ),
        "the FrozenBatchNorm of detection libraries has statistics of another training, and γ and β frozen too",
        "with freeze_after at the number of steps or beyond it is `batch`; with 0 it is `affine` over √(1 + ε)",
    )

    name: Literal["frozen-batch"] = "frozen-batch"
    freeze_after: int = Field(1_000, ge=0, description="training steps as plain batch normalization")

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        mean, variance = batch_moments(x, w, training and w["steps"] < self.freeze_after)
        return scaled((x - mean) / (variance + self.epsilon) ** 0.5, w)
