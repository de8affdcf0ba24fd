"""Batch normalization (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167): Keras's own layer."""

import keras

from bnexp.norms.bases import initial_gamma
from bnexp.specs.norms.batch import BatchNorm


def layer(spec: BatchNorm, name: str) -> keras.layers.Layer:
    """γ_c (x − μ_c) / √(σ²_c + ε) + β_c over channels c, for x of shape (N,H,W,C) or (N,C).

    In training μ and σ² are those of the batch, over N,H,W; at inference moving averages, which start at 0 and 1
    and keep the share `momentum` of their old value at each step.  σ² is the biased variance in both.
    γ and β, of shape (C), are trained and start at `initial_gamma` (1) and 0.
    """
    return keras.layers.BatchNormalization(
        axis=-1, momentum=spec.momentum, epsilon=spec.epsilon, gamma_initializer=initial_gamma(spec), name=name
    )
