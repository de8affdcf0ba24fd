"""Batch normalization and then noise (Santurkar et al. 2018, https://arxiv.org/abs/1805.11604, §2.1)."""

from typing import Any

import keras

from bnexp.norms.bases import ByBatch
from bnexp.norms.noise import ActivationNoise


@keras.saving.register_keras_serializable(package="bnexp")
class NoisyBatchNormalization(ActivationNoise, ByBatch):
    """Batch normalization whose outputs are scaled and shifted by noise that changes at every step.

    y = s a + m, a = γ_c (x − μ_c) / √(σ²_c + ε) + β_c for x of shape (N,...,C); μ and σ² (biased) over all axes but the
    last, at inference moving averages, which start at 0 and 1; s and m are those of `ActivationNoise`, in training
    alone.  γ and β, of shape (C), start at 1 and 0.

    Arguments: `momentum` in [0,1), 0.99; `epsilon` > 0, 1e-3; and those of `ActivationNoise`.  ValueError for others.
    With limits of 0 and 1, and spreads of 0, it is batch normalization.
    """

    arguments = (*ByBatch.arguments, *ActivationNoise.arguments)
    starts = ByBatch.starts

    def without_noise(self, inputs: Any, training: bool | None = None) -> Any:
        return ByBatch.call(self, inputs, training)
