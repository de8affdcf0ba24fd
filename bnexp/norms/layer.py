"""Layer normalization (Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450): Keras's groups of one."""

import keras

from bnexp.norms.bases import initial_gamma
from bnexp.specs.norms.layer import LayerNorm


def layer(spec: LayerNorm, name: str) -> keras.layers.Layer:
    """γ_c (x − μ_n) / √(σ²_n + ε) + β_c for x of shape (N,H,W,C) or (N,C); μ and σ² over all of one example.

    γ and β, of shape (C), start at `initial_gamma` (1) and 0.  This is group normalization with one group; Keras's
    `LayerNormalization(axis=-1)` is another method on images, with statistics of each pixel (ConvNeXt's).
    """
    return keras.layers.GroupNormalization(
        groups=1, axis=-1, epsilon=spec.epsilon, gamma_initializer=initial_gamma(spec), name=name
    )
