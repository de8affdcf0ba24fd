"""The noise of "noisy" batch normalization (Santurkar et al. 2018, https://arxiv.org/abs/1805.11604, appendix A)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import keras
from keras import ops

from bnexp.norms.bases import Channelwise


@keras.saving.register_keras_serializable(package="bnexp")
class ActivationNoise(Channelwise):
    """Scales and shifts activations by random numbers whose distribution changes at every step.

    y = s x + m for x of shape (N,...,C) in training, y = x at inference.  At each step each channel draws
    s_c ~ U(1, n_σ) and m_c ~ U(−n_μ, n_μ); then each activation draws s ~ N(s_c, r_σ²) and
    m ~ U(m_c − r_μ, m_c + r_μ), pixels as well as examples, or with `noise_per` "example" each example and channel.
    No gradient flows into the draws.  `trainable = False` puts it into inference mode.

    Arguments: n_μ `shift_limit` ≥ 0, 0.5; n_σ `scale_limit` ≥ 1, 1.25; r_μ `shift_spread` ≥ 0
    and r_σ `scale_spread` ≥ 0, 0.1; `noise_per` "activation" or "example"; `seed`, an integer, or None for a random
    one.  ValueError for others.  As with Keras's `Dropout`, how far the random numbers have got is not saved.
    """

    arguments: ClassVar[tuple[str, ...]] = ("shift_limit", "scale_limit", "shift_spread", "scale_spread", "noise_per")
    starts: ClassVar[Mapping[str, float]] = {}

    def __init__(
        self,
        *,
        shift_limit: float = 0.5,
        scale_limit: float = 1.25,
        shift_spread: float = 0.1,
        scale_spread: float = 0.1,
        noise_per: Literal["activation", "example"] = "activation",
        seed: int | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        if min(shift_limit, scale_limit - 1, shift_spread, scale_spread) < 0:
            raise ValueError(
                "scale_limit must be at least 1, and shift_limit, shift_spread and scale_spread at least 0; received "
                f"{scale_limit}, {shift_limit}, {shift_spread} and {scale_spread}"
            )
        if noise_per not in ("activation", "example"):
            raise ValueError(f"noise_per must be 'activation' or 'example'; received {noise_per!r}")
        self.shift_limit, self.scale_limit = shift_limit, scale_limit
        self.shift_spread, self.scale_spread = shift_spread, scale_spread
        self.noise_per, self.seed = noise_per, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        y = self.without_noise(inputs, training)
        if not (training and self.trainable):
            return y
        scale, shift = self.noise(y)
        return ops.cast(self.precise(y) * scale + shift, self.compute_dtype)

    def without_noise(self, inputs: Any, training: bool | None = None) -> Any:
        """As `call`, before the noise."""
        return ops.cast(inputs, self.compute_dtype)

    def noise(self, y: Any) -> tuple[Any, Any]:
        """s and m of a step, drawn anew."""
        drawn = {name: self.precise(value) for name, value in self.draws(y).items()}
        scale = 1 + (self.scale_limit - 1) * drawn["channel_scale"] + self.scale_spread * drawn["scale"]
        return scale, self.shift_limit * drawn["channel_shift"] + self.shift_spread * drawn["shift"]

    def draws(self, y: Any) -> dict[str, Any]:
        """The random numbers of a step, in float32 whatever the policy, so that they are the same under each.

        `channel_scale` ~ U(0, 1) and `channel_shift` ~ U(−1, 1) of shape (C); `scale` ~ N(0, 1) and `shift` ~ U(−1, 1)
        of the shape of y (N,...,C), or (N,1,...,C).
        """
        examples, *pixels, channels = ops.shape(y)
        each = (examples, *(pixels if self.noise_per == "activation" else [1] * len(pixels)), channels)
        common: dict[str, Any] = {"dtype": "float32", "seed": self.seed_generator}
        return {
            "channel_scale": keras.random.uniform((channels,), 0, 1, **common),
            "channel_shift": keras.random.uniform((channels,), -1, 1, **common),
            "scale": keras.random.normal(each, **common),
            "shift": keras.random.uniform(each, -1, 1, **common),
        }
