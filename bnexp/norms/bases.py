"""What our own layers derive from: precision, weights per channel, moving averages, effective kernels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from bnexp.specs.block import Block
from bnexp.specs.norms.arrays import pixel_axes
from bnexp.specs.norms.base import Norm

Numbers = Callable[[str], np.random.Generator]
"""The random numbers of a trial for a weight, by its path."""


class OwnLayer(keras.layers.Layer):
    """A layer that computes in float32 at least, and casts to the policy's compute dtype at its end.

    float16 ends at 65504, which the square of 256 exceeds.
    """

    arguments: ClassVar[tuple[str, ...]] = ()
    """What the class is made with beside Keras's own arguments: its attributes, and fields of the method's row."""

    @classmethod
    def of(cls, row: Norm, *arguments: Any, **keywords: Any) -> "OwnLayer":
        """The layer of a row of the table, made with these arguments of Keras's too."""
        return cls(*arguments, **{key: getattr(row, key) for key in cls.arguments}, **keywords)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{key: getattr(self, key) for key in self.arguments}}

    def precise(self, value: Any) -> Any:
        """`value`, an input or a weight, in the precision that the layer computes in."""
        return ops.cast(value, keras.backend.result_type(self.variable_dtype, "float32"))

    def add_weight(self, *arguments: Any, **keywords: Any) -> Any:
        """As Keras's, but never rounded to the compute dtype."""
        return super().add_weight(*arguments, **{**keywords, "autocast": False})


class Channelwise(OwnLayer):
    """A layer that keeps the shape (N,...,C) of its input and has weights per channel."""

    starts: ClassVar[Mapping[str, float]] = {"gamma": 1.0, "beta": 0.0}
    """The trained weights of shape (C), and the number that each starts at."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.autocast = False  # inputs and weights stay as precise as they come

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights; ValueError where the number of channels is open or there is no axis of examples."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} takes inputs (N,...,C) with a known number of channels C; "
                f"received shape {tuple(input_shape)}"
            )
        self.channels: int = input_shape[-1]
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={-1: self.channels})
        self.add_channel_weights(self.starts)

    def add_channel_weights(self, starts: Mapping[str, float], **keywords: Any) -> None:
        """Attributes that are weights of shape (C), each with the number that it starts at."""
        for name, start in starts.items():
            initializer = keras.initializers.Constant(start)
            weight = self.add_weight(name=name, shape=(self.channels,), initializer=initializer, **keywords)
            setattr(self, name, weight)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return tuple(input_shape)

    def scaled(self, normalized: Any) -> Any:
        """γ · normalized + β in the policy's compute dtype."""
        return ops.cast(normalized * self.precise(self.gamma) + self.precise(self.beta), self.compute_dtype)

    def scale_and_shift(self, inverse: Any, shift: Any = 0) -> tuple[Any, Any]:
        """A and B for which A · centred + B is γ · (centred · inverse + shift) + β.

        γ is multiplied to the inverse deviation and to the shift, which are small, before it meets x: two passes over x
        instead of four.
        """
        gamma = self.precise(self.gamma)
        return inverse * gamma, shift * gamma + self.precise(self.beta)


class ByMoments(Channelwise):
    """A layer that is a line, y = A (x − μ) + B, for each example and channel, which follows from their moments."""

    def line(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        """A and B, of a shape that goes with (N,1,...,C), that of mean μ and variance over an example's pixels."""
        raise NotImplementedError

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = self.precise(inputs)
        centred, mean, variance = centred_moments(x, pixel_axes(x))
        scale, shift = self.line(mean, variance, training)
        return ops.cast(centred * scale + shift, self.compute_dtype)


Line = tuple[Any, Any | None]
"""A and B of y = A x + B; None is 0."""


class TwoLines(Channelwise):
    """A layer that makes its outputs, but for β, of two lines for each example and channel, by their moments."""

    def lines(self, mean: Any, variance: Any, training: bool | None) -> tuple[Line, Line]:
        """Both, from mean and variance as in `ByMoments`."""
        raise NotImplementedError

    @staticmethod
    def joined(first: Any, second: Any) -> Any:
        """What is made of the two."""
        raise NotImplementedError

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = self.precise(inputs)
        _, mean, variance = centred_moments(x, pixel_axes(x))
        first, second = (of_line(x, *line) for line in self.lines(mean, variance, training))
        return ops.cast(self.joined(first, second) + self.precise(self.beta), self.compute_dtype)


class MovingAverages(Channelwise):
    """A layer whose statistics of the batch are, at inference, moving averages.

    As in Keras's batch normalization, `trainable = False` puts it into inference mode.
    """

    arguments: ClassVar[tuple[str, ...]] = ("momentum", "epsilon")
    averages: ClassVar[Mapping[str, float]] = {"moving_mean": 0.0, "moving_variance": 1.0}
    """The moving averages of shape (C), of which the variance is the biased one, and where each starts."""

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **keywords: Any) -> None:
        super().__init__(**keywords)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1); received {momentum}")
        self.momentum, self.epsilon = momentum, check_epsilon(epsilon)

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        self.add_channel_weights(self.averages, trainable=False)

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
        for name, value in [("moving_mean", mean), ("moving_variance", variance)]:
            if name in self.averages:
                getattr(self, name).assign(value)


class ByBatch(ByMoments, MovingAverages):
    """At inference its line depends on moving averages alone; unless it says another, that of batch normalization."""

    def line(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        of_all, variance = self.batch_moments(mean, variance, training)
        inverse = ops.rsqrt(variance + self.epsilon)
        return self.scale_and_shift(inverse, (mean - of_all) * inverse)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if self.uses_batch(training):
            return super().call(inputs, training)
        mean = self.precise(self.moving_mean)
        scale, shift = self.line(mean, None, training)
        return ops.cast((self.precise(inputs) - mean) * scale + shift, self.compute_dtype)


class EffectiveKernel(OwnLayer):
    """Before `keras.layers.Conv2D` or `Dense` among the bases: the layer uses `effective_kernel`, and trains `kernel`.

    The kernel that the rule gives is cast to the policy's compute dtype, as Keras does.
    """

    def build(self, input_shape: Any) -> None:
        """ValueError for channels first: outputs are (N,...,units) throughout."""
        if getattr(self, "data_format", "channels_last") != "channels_last":
            raise ValueError(f"{type(self).__name__} takes data_format='channels_last'; received {self.data_format!r}")
        super().build(input_shape)

    def effective_kernel(self, training: bool | None = None) -> Any:
        """What takes the place of the kernel, of its shape (..., fan-in, units)."""
        raise NotImplementedError

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = self.apply_kernel(inputs, self.effective_kernel(training))
        if self.bias is not None:
            outputs = outputs + ops.cast(self.bias, outputs.dtype)
        return self.activation(outputs)

    def apply_kernel(self, inputs: Any, kernel: Any) -> Any:
        """Convolution or matrix product in the policy's compute dtype, without bias and activation."""
        apply = self.convolution_op if isinstance(self, keras.layers.Conv2D) else ops.matmul
        return apply(inputs, ops.cast(kernel, self.compute_dtype))

    def save_own_variables(self, store: Any) -> None:
        """All of them, by Keras's general rule: Conv2D and Dense save only the kernel and the bias."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        keras.layers.Layer.load_own_variables(self, store)


def linear_of(conv: type[EffectiveKernel], dense: type[EffectiveKernel]) -> Callable[..., OwnLayer]:
    """What makes the linear layer of a block by a row of the table, a convolution or a dense layer."""

    def linear(row: Norm, block: Block, **keywords: Any) -> OwnLayer:
        return (conv if block.kind == "conv" else dense).of(row, block.shape[-1], name=block.name, **keywords)

    return linear


def centred_moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """x − mean, mean and biased variance over `axes`, which stay with size 1; no axes: 0, x itself and 0.

    In two passes: the one-pass formula, mean of squares minus square of mean, loses all digits at a large mean.
    """
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


def of_line(x: Any, scale: Any, shift: Any | None = None) -> Any:
    """scale · x + shift."""
    return x * scale if shift is None else x * scale + shift


def initial_gamma(row: Norm) -> Any:
    """Keras's initializer of γ, which starts at 1 unless the row of the table says otherwise."""
    start = getattr(row, "initial_gamma", None)
    return "ones" if start is None else keras.initializers.Constant(start)


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
