"""Batch normalization with noise after it: an unstable distribution of what is normalized."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, batch_moments, scaled
from bnexp.specs.norms.base import MOVING_AVERAGES_LAG, Averaging, facts
from bnexp.specs.norms.noise import NOISE, NOISE_TRAPS, Noisy


class NoisyBatchNorm(Noisy, Averaging):
    title = '"Noisy" batch normalization'
    paper = "Santurkar et al. 2018, §2.1"
    link = "https://arxiv.org/abs/1805.11604"
    formula = (
        "y = s a + m, a = γ_c (x − μ_c) / √(σ²_c + ε) + β_c; μ, σ² over N,H,W; "
        f"{NOISE}; moving averages and y = a at inference"
    )
    target = "bnexp.norms.noisy_batch:NoisyBatchNormalization"
    reduced = facts(conv="N,H,W", dense="N")
    centers_channels = True
    centers_batch = True
    in_training = "statistics of the batch, then noise; the moving averages take in what is there before the noise"
    in_inference = "moving averages, without noise"
    traps = (
        MOVING_AVERAGES_LAG,
        *NOISE_TRAPS,
        (
            "moving averages above have seen the noise below, and inference has none: they may cost points that "
            "recalibrated statistics, and the batch's own, which are taken without noise, do not"
        ),
    )

    name: Literal["noisy-batch"] = "noisy-batch"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        mean, variance = batch_moments(x, w, training)
        y = scaled((x - mean) / (variance + self.epsilon) ** 0.5, w)
        return self.noised(y, w) if training else y
