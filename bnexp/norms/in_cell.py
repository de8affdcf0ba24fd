"""Normalization inside the cell of an LSTM: by the batch (Cooijmans et al. 2017) or by the example (Ba et al. 2016)."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf
from keras import ops

from bnexp.lazy import attribute
from bnexp.norms.bases import Channelwise, MovingAverages, centred_moments, check_epsilon
from bnexp.specs.block import Block
from bnexp.specs.norms.base import Norm
from bnexp.specs.norms.batch import BatchNorm
from bnexp.specs.norms.layer import LayerNorm

Moments = tuple[tf.Tensor, ...]
"""Mean and biased variance (C) that the batch had at a time step; () where they do not count."""
Products = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""x (T,N,F), K (T,F,C) and B (T,C), of which x_t K_t + B_t are the normalized products at the step t."""
AtStep = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, Moments]]
"""From x (N,C) and the number of the time step to what is made of x, and its moments."""


@keras.saving.register_keras_serializable(package="bnexp")
class CellBatchNormalization(MovingAverages):
    """γ_c (x − μ_tc) / √(σ²_tc + ε) + β_c for x (N,C) at the time step t.

    In training μ and σ² are those of the batch at this step, at inference moving averages of shape (T,C): each step has
    its own, for those of the first steps are far from those of later ones.  γ and, with `center`, β, of shape (C), are
    shared by all steps, and start at `initial_gamma` and 0 (Cooijmans et al. 2017, https://arxiv.org/abs/1603.09025).
    """

    arguments: ClassVar[tuple[str, ...]] = ("momentum", "epsilon", "initial_gamma", "center")
    rounded = False
    """Whether the batch's statistics are applied as averages are at inference, rounded alike.  What a step is given
    follows from all steps before, each of which multiplies a rounding by up to γ/√ε: so only statistics of steps that
    were computed as they will be at inference fit there."""

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        initial_gamma: float = 0.1,
        *,
        center: bool = True,
        **keywords: Any,
    ) -> None:
        super().__init__(momentum, epsilon, **keywords)
        self.initial_gamma, self.center = initial_gamma, center

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights for sequences (N,T,C)."""
        _, self.steps, self.channels = (size or 0 for size in input_shape)
        self.add_channel_weights({"gamma": self.initial_gamma} | ({"beta": 0.0} if self.center else {}))
        for name, start in self.averages.items():
            shape, initializer = (self.steps, self.channels), keras.initializers.Constant(start)
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False))

    def of_product(self, x: tf.Tensor, kernel: tf.Tensor, training: bool | None) -> Products:
        """What is made of the products (T,N,C) of x (T,N,F) and a kernel (F,C).

        Their mean is that of x times the kernel, their variance follows from the covariance (F,F) of x: so neither
        passes over the products, nor does a gradient.
        """
        if not self.uses_batch(training):
            scale, shift = self._line(self.precise(self.moving_mean), self.precise(self.moving_variance))
            return x, kernel * scale[:, None], shift
        mean = tf.reduce_mean(x, 1, keepdims=True)
        centred = x - mean
        covariance = tf.matmul(centred, centred, transpose_a=True) / tf.cast(tf.shape(x)[1], x.dtype)
        variance = tf.reduce_sum(kernel * tf.matmul(covariance, kernel), 1)
        of_products = tf.tensordot(mean[:, 0], kernel, 1)
        self.take_in(tf.shape(x)[1], of_products, variance)
        if self.rounded:
            scale, shift = self._line(of_products, variance)
            return x, kernel * scale[:, None], shift
        scale = self.precise(self.gamma) * tf.math.rsqrt(variance + self.epsilon)
        return centred, kernel * scale[:, None], self._beta + tf.zeros_like(scale)

    def at_steps(self, training: bool | None) -> AtStep:
        """What normalizes step by step; who calls it lets the averages take the moments in, once all are there."""
        if self.uses_batch(training):
            return self._by_batch
        scale, shift = self._line(self.precise(self.moving_mean), self.precise(self.moving_variance))
        return lambda x, step: (x * scale[step] + shift[step], ())

    def take_in(self, count: Any, mean: Any, variance: Any) -> None:
        """Move the averages by the moments (T,C) of `count` examples."""
        for average, value in [(self.moving_mean, mean), (self.moving_variance, variance)]:
            average.assign(self.momentum * self.precise(average) + (1 - self.momentum) * value)

    def set_statistics(self, mean: Any, variance: Any) -> None:
        """As its base, with the moments of all steps in one row (T·C)."""
        shape = (self.steps, self.channels)
        super().set_statistics(ops.reshape(mean, shape), ops.reshape(variance, shape))

    @property
    def _beta(self) -> Any:
        return self.precise(self.beta) if self.center else 0.0

    def _by_batch(self, x: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, Moments]:
        centred, mean, variance = centred_moments(x, (0,))
        scale, shift = self._line(mean[0], variance[0])
        y = x * scale + shift if self.rounded else centred * scale + self._beta
        return y, (mean[0], variance[0])

    def _line(self, mean: tf.Tensor, variance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """A and B of A x + B, of the shape (...,C) of the moments."""
        scale = self.precise(self.gamma) * _inverse(variance, self.epsilon)
        return scale, self._beta - mean * scale


@keras.saving.register_keras_serializable(package="bnexp")
class CellLayerNormalization(Channelwise):
    """γ_c (x − μ_n) / √(σ²_n + ε) + β_c for x (N,C), the same at every time step; μ, σ² over C of each example.

    γ and β, of shape (C), start at `initial_gamma` and 0 (Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450).
    """

    arguments: ClassVar[tuple[str, ...]] = ("epsilon", "initial_gamma")

    def __init__(self, epsilon: float = 1e-3, initial_gamma: float = 1.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.epsilon, self.initial_gamma = check_epsilon(epsilon), initial_gamma

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights for sequences (N,T,C)."""
        self.channels: int = input_shape[-1] or 0
        self.add_channel_weights({"gamma": self.initial_gamma, "beta": 0.0})

    def uses_batch(self, training: bool | None) -> bool:
        """Whether the averages move: there are none."""
        return False

    def of_product(self, x: tf.Tensor, kernel: tf.Tensor, training: bool | None) -> Products:
        """What is made of the products (T,N,C) of x (T,N,F) and a kernel (F,C).

        The mean over C is taken off the kernel; the mean square of what is left of p = xK is xKKᵀxᵀ / C.
        """
        kernel -= tf.reduce_mean(kernel, 1, keepdims=True)
        products = tf.matmul(kernel, kernel, transpose_b=True) / self.channels
        square = tf.reduce_sum(x * tf.tensordot(x, products, 1), -1, keepdims=True)
        steps = x.shape[0]
        kernels = tf.repeat((kernel * self.precise(self.gamma))[None], steps, 0)
        return x * tf.math.rsqrt(square + self.epsilon), kernels, tf.repeat(self.precise(self.beta)[None], steps, 0)

    def at_steps(self, training: bool | None) -> AtStep:
        """What normalizes step by step."""
        return self._by_example

    def _by_example(self, x: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, Moments]:
        centred, _, variance = centred_moments(x, (1,))
        y = centred * _inverse(variance, self.epsilon)
        return y * self.precise(self.gamma) + self.precise(self.beta), ()


_NONE = 1e-12
"""A variance of numbers of order 1 that are equal but for rounding."""


def _inverse(variance: tf.Tensor, epsilon: float) -> tf.Tensor:
    """1 / √(σ² + ε); and 0 where there is no variance, so that no gradient passes.

    An image begins with black pixels, and up to the first that is not, states are those of all others, or zero.  Each
    of these steps would multiply the gradient by 1/√ε and more, to infinity after some twenty, on its way to states
    that it cannot change: by the batch it adds up to zero over the examples, and by the example what it would tell of
    is a jump.  At inference they would do the same to the rounding of a recalibrated mean.  (Cooijmans et al. 2017
    begin with noise in the hidden state instead.)
    """
    return tf.math.rsqrt(variance + epsilon) * tf.cast(variance > _NONE, variance.dtype)


InCell = CellBatchNormalization | CellLayerNormalization


@keras.saving.register_keras_serializable(package="bnexp")
class NormalizedLSTM(keras.layers.LSTM):
    """An LSTM with normalized sums, from sequences (N,T,F) to the final hidden state (N,units).

    i, f, g, o = N_x(W_x x_t) + N_h(W_h h) + b,   c ← σ(f) c + σ(i) tanh(g),   h ← σ(o) tanh(N_c(c)).

    N_x, N_h and N_c are the layers `input_norm`, `hidden_norm` and `cell_norm`; the last two may be left out.  Kernels
    and bias have the names and initial values of Keras's.  What normalizes the inputs is computed for all steps at
    once, and their sums step by step, so that a batch may be large.
    """

    def __init__(
        self,
        units: int,
        input_norm: InCell,
        hidden_norm: InCell | None = None,
        cell_norm: InCell | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(units, **keywords)
        self.input_norm, self.hidden_norm, self.cell_norm = input_norm, hidden_norm, cell_norm

    @property
    def norms(self) -> list[InCell]:
        """The layers that normalize, as they follow each other."""
        return [norm for norm in (self.input_norm, self.hidden_norm, self.cell_norm) if norm is not None]

    def build(self, sequences_shape: Sequence[int | None], initial_state_shape: Any = None) -> None:
        """Make the weights; ValueError where the number of steps is open, which all have their own statistics."""
        if sequences_shape[1] is None:
            raise ValueError(f"NormalizedLSTM takes sequences (N,T,F) of known T; received {tuple(sequences_shape)}")
        super().build(sequences_shape, initial_state_shape)
        for norm in (one for one in self.norms if not one.built):  # a deserialized one is
            norm.build((None, sequences_shape[1], (1 if norm is self.cell_norm else 4) * self.units))

    def inner_loop(
        self, sequences: tf.Tensor, initial_state: list[tf.Tensor], mask: Any, training: bool | None = False
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """The final hidden state, as one and as the last of a sequence, and both final states."""
        steps, recurrent_kernel = sequences.shape[1], tf.convert_to_tensor(self.cell.recurrent_kernel)
        x = tf.transpose(sequences, (1, 0, 2))
        inputs, kernels, shifts = self.input_norm.of_product(x, tf.convert_to_tensor(self.cell.kernel), training)
        given = [
            tf.TensorArray(each.dtype, steps, element_shape=each.shape[1:]).unstack(each)
            for each in (inputs, kernels, shifts + self.cell.bias)
        ]
        of_hidden, of_cell = (
            norm.at_steps(training) if norm else lambda x, step: (x, ()) for norm in (self.hidden_norm, self.cell_norm)
        )
        counted = [norm for norm in self.norms[1:] if norm.uses_batch(training)]
        seen = [tf.TensorArray(x.dtype, steps, element_shape=(norm.channels,)) for norm in counted for _ in range(2)]

        def step(t: tf.Tensor, h: tf.Tensor, c: tf.Tensor, *seen: tf.TensorArray) -> tuple[Any, ...]:
            hidden, moments = of_hidden(tf.matmul(h, recurrent_kernel), t)
            x, kernel, shift = (each.read(t) for each in given)
            i, f, g, o = tf.split(tf.matmul(x, kernel) + shift + hidden, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            shown, others = of_cell(c, t)
            kept = (array.write(t, moment) for array, moment in zip(seen, (*moments, *others), strict=True))
            return t + 1, tf.sigmoid(o) * tf.tanh(shown), c, *kept

        start = (tf.constant(0), *initial_state, *seen)
        _, h, c, *arrays = tf.while_loop(lambda t, *_: t < steps, step, start, maximum_iterations=steps)
        for k, norm in enumerate(counted):
            norm.take_in(tf.shape(h)[0], arrays[2 * k].stack(), arrays[2 * k + 1].stack())
        return h, h[:, None], [h, c]

    def get_config(self) -> dict[str, Any]:
        norms = {f"{name}_norm": getattr(self, f"{name}_norm") for name in ("input", "hidden", "cell")}
        serialized = {name: norm and keras.saving.serialize_keras_object(norm) for name, norm in norms.items()}
        return {**super().get_config(), **serialized}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NormalizedLSTM":
        made = {
            name: keras.saving.deserialize_keras_object(value)
            for name, value in config.items()
            if name.endswith("_norm") and value is not None
        }
        return cls(**{**config, **made})


def lstm(spec: Norm, units: int, blocks: Sequence[Block], name: str) -> NormalizedLSTM:
    """A new layer with this method at these blocks of its cell: its inputs' sums, or also those of h, and c."""
    assert spec.cell_target is not None
    make = attribute(spec.cell_target)
    made = {f"{block.name}_norm": make(spec, f"{block.name}_norm") for block in blocks}
    return NormalizedLSTM(units, **made, name=name)


def batch(spec: BatchNorm, name: str) -> CellBatchNormalization:
    """Of the cell state it has a β, of sums none, since the bias b is there."""
    gamma = 0.1 if spec.initial_gamma is None else spec.initial_gamma
    return CellBatchNormalization(spec.momentum, spec.epsilon, gamma, center=name == "cell_norm", name=name)


def layer(spec: LayerNorm, name: str) -> CellLayerNormalization:
    """Each has a β, although b is there, as in the paper."""
    gamma = 1.0 if spec.initial_gamma is None else spec.initial_gamma
    return CellLayerNormalization(spec.epsilon, gamma, name=name)
