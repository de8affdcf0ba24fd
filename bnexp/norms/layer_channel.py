"""Layer normalization over channels, pixel by pixel, as in ConvNeXt (https://arxiv.org/abs/2201.03545): Keras's own."""

import keras

from bnexp.specs.norms.layer_channel import LayerChannelNorm


def layer(spec: LayerChannelNorm, name: str) -> keras.layers.Layer:
    """γ_c (x − μ_nhw) / √(σ²_nhw + ε) + β_c for x of shape (N,H,W,C) or (N,C); μ and σ² over the channels.

    γ and β, of shape (C), start at 1 and 0.  After a dense layer it is layer normalization (`layer`).
    """
    return keras.layers.LayerNormalization(axis=-1, epsilon=spec.epsilon, name=name)
