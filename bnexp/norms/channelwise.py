"""What our own normalization layers share: precision, axes, weights per channel, moving averages."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from bnexp.specs.norms.base import Norm


class Channelwise(keras.layers.Layer):
    """A layer that keeps the shape (N,...,C) of its input and has weights per channel.

    It computes in float32 at least and casts its output to the policy's compute dtype: float16 ends at 65504, which
    the square of 256 exceeds.
    """

    arguments: ClassVar[tuple[str, ...]] = ()
    """What the class is made with beside Keras's own arguments: its attributes, and fields of the method's row."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.autocast = False  # inputs and weights stay as precise as they come

    @classmethod
    def of(cls, row: Norm, name: str) -> "Channelwise":
        """The layer of a row of the table."""
        return cls(**{key: getattr(row, key) for key in cls.arguments}, name=name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{key: getattr(self, key) for key in self.arguments}}

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Note the shape; ValueError where the number of channels is open or there is no axis of examples."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} takes inputs (N,...,C) with a known number of channels C; "
                f"received shape {tuple(input_shape)}"
            )
        self.channels: int = input_shape[-1]
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={-1: self.channels})

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return tuple(input_shape)

    def add_channel_weight(self, name: str, initial: float, **keywords: Any) -> keras.Variable:
        """A weight of shape (C) that starts at `initial` and is never rounded to the compute dtype."""
        return self.add_weight(
            name=name,
            shape=(self.channels,),
            initializer=keras.initializers.Constant(initial),
            autocast=False,
            **keywords,
        )

    def add_scale_and_shift(self) -> None:
        """γ and β, of shape (C), that start at 1 and 0."""
        self.gamma = self.add_channel_weight("gamma", 1.0)
        self.beta = self.add_channel_weight("beta", 0.0)

    def precise(self, value: Any) -> Any:
        """`value`, an input or a weight, in the precision that the layer computes in."""
        return ops.cast(value, keras.backend.result_type(self.variable_dtype, "float32"))

    def scaled(self, normalized: Any) -> Any:
        """γ · normalized + β in the policy's compute dtype."""
        return ops.cast(normalized * self.precise(self.gamma) + self.precise(self.beta), self.compute_dtype)

    def normalized(self, centred: Any, inverse: Any, shift: Any = 0) -> Any:
        """γ · (centred · inverse + shift) + β in the policy's compute dtype.

        γ is multiplied to the inverse deviation and to the shift, which are small, before it meets x: two passes over x
        instead of four.
        """
        gamma = self.precise(self.gamma)
        return ops.cast(centred * (inverse * gamma) + (shift * gamma + self.precise(self.beta)), self.compute_dtype)


class MovingAverages(Channelwise):
    """A layer whose statistics of the batch are, at inference, moving averages: those of `add_moving`.

    As in Keras's batch normalization, `trainable = False` puts it into inference mode.
    """

    arguments: ClassVar[tuple[str, ...]] = ("momentum", "epsilon")

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **keywords: Any) -> None:
        super().__init__(**keywords)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1); received {momentum}")
        self.momentum = momentum
        self.epsilon = check_epsilon(epsilon)

    def add_moving(self, name: str, initial: float) -> keras.Variable:
        """A moving average of shape (C)."""
        return self.add_channel_weight(name, initial, trainable=False)

    def add_moving_moments(self) -> None:
        """Moving averages of the mean and of the biased variance, that start at 0 and 1."""
        self.moving_mean = self.add_moving("moving_mean", 0.0)
        self.moving_variance = self.add_moving("moving_variance", 1.0)

    def uses_batch(self, training: bool | None) -> bool:
        """Whether this call takes the statistics of the batch and moves the averages."""
        return bool(training and self.trainable)

    def move(self, average: keras.Variable, value: Any) -> None:
        """average ← momentum · average + (1 − momentum) · value; `value` may keep reduced axes of size 1."""
        value = ops.reshape(value, (self.channels,))
        average.assign(self.momentum * self.precise(average) + (1 - self.momentum) * value)

    def batch_moments(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        """Mean and variance over the batch, which the averages take in; at inference the averages.

        `mean` and `variance`, of shape (N,1,...,C), are those of each example and channel.
        """
        if not self.uses_batch(training):
            return self.precise(self.moving_mean), self.precise(self.moving_variance)
        mean, variance = combined(mean, variance, 0)
        self.move(self.moving_mean, mean)
        self.move(self.moving_variance, variance)
        return mean, variance

    def set_statistics(self, mean: Any, variance: Any) -> None:
        """Take the moments (C) of all inputs, which somebody else computed, for the moving averages."""
        self.moving_mean.assign(mean)
        self.moving_variance.assign(variance)


def moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Mean and biased variance over `axes`, which stay with size 1; no axes: x itself and 0.

    In two passes: the one-pass formula, mean of squares minus square of mean, loses all digits at a large mean.
    """
    _, mean, variance = centred_moments(x, axes)
    return mean, variance


def centred_moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """x − mean, mean and biased variance, as `moments` has them."""
    mean = ops.mean(x, axes, keepdims=True)
    centred = x - mean
    return centred, mean, ops.mean(ops.square(centred), axes, keepdims=True)


def combined(means: Any, variances: Any, axis: int) -> tuple[Any, Any]:
    """Mean and biased variance of sets of equal size together, from those of each, along `axis`, which stays.

    The law of total variance: the mean of the variances and the variance of the means.  So statistics over examples or
    channels cost no further pass over x, once those over its pixels are there.
    """
    mean = ops.mean(means, axis, keepdims=True)
    return mean, ops.mean(variances + ops.square(means - mean), axis, keepdims=True)


def grouped(x: Any, groups: int) -> Any:
    """(N,...,C) as (N,...,G,C/G): groups of neighbouring channels."""
    *others, channels = ops.shape(x)
    return ops.reshape(x, (*others, groups, channels // groups))


def batch_axes(x: Any) -> tuple[int, ...]:
    """N,H,W of (N,H,W,C); N of (N,C)."""
    return tuple(range(len(x.shape) - 1))


def pixel_axes(x: Any) -> tuple[int, ...]:
    """H,W of (N,H,W,C); none of (N,C)."""
    return tuple(range(1, len(x.shape) - 1))


def example_axes(x: Any) -> tuple[int, ...]:
    """H,W,C of (N,H,W,C); C of (N,C)."""
    return tuple(range(1, len(x.shape)))


def check_epsilon(epsilon: float) -> float:
    """`epsilon`, where it is a positive number; else ValueError."""
    if not epsilon > 0:
        raise ValueError(f"epsilon must be positive; received {epsilon}")
    return epsilon


def check_pixels(layer: keras.layers.Layer, input_shape: Sequence[int | None], reason: str) -> None:
    """ValueError with the reason where the input has no pixels to take statistics over."""
    if len(input_shape) < 3 or all(size == 1 for size in input_shape[1:-1]):
        raise ValueError(
            f"{type(layer).__name__} takes images larger than one pixel, because {reason}; received shape "
            f"{tuple(input_shape)}"
        )
