"""Root mean square normalization (Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467): Keras's own layer."""

import keras

from bnexp.specs.norms.rms import RmsNorm


def layer(spec: RmsNorm, name: str) -> keras.layers.Layer:
    """γ_c x / √(mean x² + ε) for x of shape (N,H,W,C) or (N,C); the mean over the channels of each pixel.

    γ, of shape (C), starts at 1; there is no β.  It is `layer-channel` without the mean.  Never Keras's
    `LayerNormalization(rms_scaling=True)`, which divides by the standard deviation.
    """
    return keras.layers.RMSNormalization(axis=-1, epsilon=spec.epsilon, name=name)
