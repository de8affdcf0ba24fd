"""Instance normalization (Ulyanov 2016, https://arxiv.org/abs/1607.08022): Keras's groups of one channel."""

import keras

from bnexp.specs.norms.instance import InstanceNorm


def layer(spec: InstanceNorm, name: str) -> keras.layers.Layer:
    """γ_c (x − μ_nc) / √(σ²_nc + ε) + β_c for x of shape (N,H,W,C); μ and σ² over the pixels of one channel.

    γ and β, of shape (C), start at 1 and 0.  This is group normalization with as many groups as channels.
    """
    return keras.layers.GroupNormalization(groups=-1, axis=-1, epsilon=spec.epsilon, name=name)
