"""Layer normalization with a scale and a shift for each element (Ba 2016, https://arxiv.org/abs/1607.06450)."""

from collections.abc import Sequence
from typing import Any

import keras

from bnexp.specs.norms.layer_full import LayerFullNorm


@keras.saving.register_keras_serializable(package="bnexp")
class FullLayerNormalization(keras.layers.LayerNormalization):
    """Keras's `LayerNormalization` over all axes but the first, however many there are.

    γ_hwc (x − μ_n) / √(σ²_n + ε) + β_hwc for x of shape (N,H,W,C), likewise (N,C); μ and σ² over all of one example.
    γ and β have the shape of an example, (H,W,C), and start at 1 and 0.  With γ and β per channel it is `layer`.

    Arguments are those of Keras's layer but for `axis`; ε > 0, by default 1e-3.  All sizes but N must be known.
    """

    def __init__(self, epsilon: float = 1e-3, **keywords: Any) -> None:
        super().__init__(axis=-1, epsilon=epsilon, **keywords)

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.axis = list(range(1, len(input_shape)))
        super().build(input_shape)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        return {key: value for key, value in config.items() if key not in ("axis", "rms_scaling")}


def layer(spec: LayerFullNorm, name: str) -> keras.layers.Layer:
    """The layer of a row of the table."""
    return FullLayerNormalization(epsilon=spec.epsilon, name=name)
