"""Scale and shift only: the control for what γ and β do without any statistics."""

from typing import Any

import keras

from bnexp.norms.bases import Channelwise


@keras.saving.register_keras_serializable(package="bnexp")
class Affine(Channelwise):
    """Scale and shift of each channel.

    y = γ_c x + β_c for x of shape (N,...,C); no statistics.  γ and β, of shape (C), start at 1 and 0.
    It is what remains of any normalization here when its statistics are taken away, so the control for them.
    """

    def call(self, inputs: Any) -> Any:
        return self.scaled(self.precise(inputs))
