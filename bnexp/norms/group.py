"""Group normalization (Wu & He 2018, https://arxiv.org/abs/1803.08494): Keras's own layer."""

import keras

from bnexp.specs.norms.group import GroupNorm


def layer(spec: GroupNorm, name: str) -> keras.layers.Layer:
    """γ_c (x − μ_ng) / √(σ²_ng + ε) + β_c for x of shape (N,H,W,C) or (N,C); μ and σ² over a group's channels.

    The C channels form `groups` groups of neighbours; statistics are over H, W and the C/groups channels of one.
    γ and β, of shape (C), start at 1 and 0.  One group is layer normalization, C groups instance normalization.
    """
    return keras.layers.GroupNormalization(groups=spec.groups, axis=-1, epsilon=spec.epsilon, name=name)
