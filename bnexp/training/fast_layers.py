"""Fast forms of layers: the same function and gradients as Keras's, from other operations.

They take the place of a layer, and use its variables, where a model is computed again and again; models are built,
started and counted with Keras's own layers.  A test holds each form against the layer that it stands for.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import keras
import tensorflow as tf

from bnexp.norms.bases import ByBatch, ByMoments, TwoLines, centred_moments, combined, of_line
from bnexp.norms.layer_full import FullLayerNormalization
from bnexp.norms.noise import ActivationNoise
from bnexp.specs.norms.arrays import pixel_axes

Form = Callable[[keras.layers.Layer, tf.Tensor], tf.Tensor]
Step = Literal["graph", "xla"]
"""How a step of training is computed: TensorFlow's kernels one after the other, or compiled into one by XLA."""
Use = Step | Literal["inference", "batch"]
"""What a model is for: training in such a step, or inference in a graph, by moving averages or by each batch's own
statistics."""
Watch = Callable[[keras.layers.Layer, tf.Tensor, tf.Tensor], bool]
"""Told of a layer, and of mean and biased variance of its inputs over the pixels of each example, (N,1,1,C); says
whether the layer is to normalize by those of this batch."""


def fused_batch_normalization(
    layer: keras.layers.BatchNormalization, x: tf.Tensor, bias: tf.Tensor | None = None
) -> tf.Tensor:
    """What the layer makes of x + bias, (N,H,W,C) or (N,C), in training, with its step of the moving averages.

    TensorFlow's kernel returns the unbiased variance, n/(n−1) times the biased one that Keras averages.

    Its sums are less exact than Keras's.  oneDNN's kernel (`bnorm_tbb_jit`), on one thread, adds the n numbers of a
    channel one by one in float32, to the bit as a loop does: the same sums under AVX-512 and AVX2; under SSE4.1 the
    squares are rounded before they are added.  Where many numbers are equal, as on the images' background or where a
    ReLU is shut, each of them is rounded the same way, and the errors add up.  Largest difference from float64, of the
    largest value, for 64 images of 26x26x32 (n = 43,264), one thread of an AMD EPYC with AVX-512:

        conv 1 on MNIST, at its start and      variance  outputs  gradient of x  of γ
        after 60 steps, before or after ReLU
            kernel, AVX-512                    3.0e-4    1.2e-4   1.1e-4         2.3e-4
            kernel, SSE4.1                     2.6e-4    1.5e-4   1.1e-4         1.6e-4
            kernel without oneDNN              7.5e-5    2.6e-5   2.4e-5         4.6e-5
            Keras's layer                      7.5e-5    3.3e-5   2.5e-5         4.6e-5
            sums over width, height, images    7.9e-8    1.9e-7   1.7e-7         2.9e-6
        normal numbers
            kernel, AVX-512, AVX2, SSE4.1      1.1e-5    4.4e-6   4.4e-6         2.3e-6
            Keras's layer, any                 2.4e-6    7.9e-7   7.4e-7         2.9e-6

    With 16 images of 26x26x8 after a ReLU outputs are off by 2.6e-5, Keras's by 4.5e-6.  The last sums of the upper
    table with the kernel for the rest make a training step 1.11 to 1.14 times as long (batch 16, 64 and 256), and other
    bits than those of the records so far; so the kernel stays.
    """
    pixels = x if len(x.shape) == 4 else tf.reshape(x, (-1, 1, 1, x.shape[-1]))
    nothing = tf.constant([], x.dtype)
    y, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
        x=pixels,
        scale=tf.convert_to_tensor(layer.gamma),
        offset=tf.convert_to_tensor(layer.beta if bias is None else layer.beta + 0.0 * bias),  # its gradient is zero
        mean=nothing,
        variance=nothing,
        epsilon=layer.epsilon,
        exponential_avg_factor=1.0,
        is_training=True,
    )
    n = tf.cast(tf.reduce_prod(tf.shape(pixels)[:3]), x.dtype)
    variance = unbiased * (tf.maximum(n - 1, 1) / n)
    move_averages(layer, mean if bias is None else mean + bias, variance)
    return tf.reshape(y, tf.shape(x))


def move_averages(layer: keras.layers.BatchNormalization, mean: tf.Tensor, variance: tf.Tensor) -> None:
    """The step of the layer's moving averages with mean and biased variance (C) of a batch."""
    for average, value in [(layer.moving_mean, mean), (layer.moving_variance, variance)]:
        average.assign(average * layer.momentum + value * (1 - layer.momentum))


def group_normalization(layer: keras.layers.GroupNormalization, x: tf.Tensor) -> tf.Tensor:
    """What the layer makes of x, (N,H,W,C) or (N,C): with it also layer and instance normalization.

    Sums go over the pixels first, channel by channel, and then over the channels of a group, of which few are left; so
    no axis is as short as C/G, where TensorFlow's sums are slow, and their gradients with them.
    """
    centred, mean, variance = moments(x)
    scale, shift = line_of_groups(layer, mean, variance, None)
    return centred * scale + shift


def line_of_batch(
    layer: keras.layers.BatchNormalization, means: tf.Tensor, variances: tf.Tensor | None, training: bool | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Of batch normalization, as `norms.bases.ByMoments.line`, with the step of its moving averages in training."""
    mean, variance = tf.convert_to_tensor(layer.moving_mean), tf.convert_to_tensor(layer.moving_variance)
    if training:
        mean, variance = combined(means, variances, 0)
        move_averages(layer, tf.reshape(mean, (-1,)), tf.reshape(variance, (-1,)))
    scale = layer.gamma * tf.math.rsqrt(variance + layer.epsilon)
    return scale, (means - mean) * scale + layer.beta


def line_of_groups(
    layer: keras.layers.GroupNormalization, means: tf.Tensor, variances: tf.Tensor, training: bool | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Of group normalization likewise."""
    scale, shift = of_groups(layer.groups, layer.epsilon, means, variances)
    return scale * layer.gamma, shift * layer.gamma + layer.beta


def of_groups(groups: int, epsilon: float, means: tf.Tensor, variances: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The same of groups of channels, without γ and β."""
    size = means.shape[-1] // groups
    of_channels = [tf.reshape(moment, (-1, groups, size)) for moment in (means, variances)]
    mean, variance = (
        tf.reshape(tf.repeat(moment, size, -1), tf.shape(means))
        for moment in combined(of_channels[0], of_channels[1], -1)
    )
    inverse = tf.math.rsqrt(variance + epsilon)
    return inverse, (means - mean) * inverse


def moments(x: tf.Tensor, *, centred: bool = True) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """x − mean, or x itself, and mean and biased variance over the pixels of each example, (N,1,1,C) for x (N,H,W,C).

    As `norms.bases.centred_moments`, with a gradient of fewer passes over x, where what is made of x is made of the
    first that is returned.
    """
    axes, pixels = pixel_axes(x), math.prod(x.shape[1:-1])

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def both(x: tf.Tensor) -> object:
        apart, mean, variance = centred_moments(x, axes)

        def gradient(of_x: tf.Tensor, of_mean: tf.Tensor, of_variance: tf.Tensor) -> tf.Tensor:
            if centred:
                of_mean -= tf.reduce_sum(of_x, axes, keepdims=True)
            return of_x + (apart * (of_variance * (2 / pixels)) + of_mean / pixels)

        return (apart if centred else tf.identity(x), mean, variance), gradient

    found: tuple[tf.Tensor, tf.Tensor, tf.Tensor] = both(x)
    return found


def channel_layer_normalization(layer: keras.layers.LayerNormalization, x: tf.Tensor) -> tf.Tensor:
    """What the layer, whose axis is the last, makes of x, (N,H,W,C) or (N,C)."""
    rows = tf.reshape(x, (-1, x.shape[-1]))
    centred = rows - tf.reduce_mean(rows, 1, keepdims=True)
    inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), 1, keepdims=True) + layer.epsilon)
    y = centred * inverse * tf.convert_to_tensor(layer.gamma) + tf.convert_to_tensor(layer.beta)
    return tf.reshape(y, tf.shape(x))


def root_mean_square_normalization(layer: keras.layers.RMSNormalization, x: tf.Tensor) -> tf.Tensor:
    """What the layer, whose axis is the last, makes of x, (N,H,W,C) or (N,C)."""
    rows = tf.reshape(x, (-1, x.shape[-1]))
    inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(rows), 1, keepdims=True) + layer.epsilon)
    return tf.reshape(rows * inverse * tf.convert_to_tensor(layer.scale), tf.shape(x))


def max_of_slices(layer: keras.layers.MaxPooling2D, x: tf.Tensor) -> tf.Tensor:
    """2x2 max-pooling of x (N,H,W,C); among equals the gradient goes to the first, row by row, as in the stock one.

    For XLA, where the gradient of the stock one has no deterministic kernel, and is slow on a CPU; in a graph this is
    the slow one.
    """
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    corners = [x[:, row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]
    return tf.maximum(tf.maximum(corners[0], corners[1]), tf.maximum(corners[2], corners[3]))


_EVERY_USE: tuple[Use, ...] = ("graph", "xla", "inference")
_SCALED = {"center": True, "scale": True}
_FORMS: dict[type, tuple[Form, tuple[Use, ...], dict[str, Any]]] = {
    keras.layers.BatchNormalization: (
        fused_batch_normalization,
        ("graph",),
        {**_SCALED, "trainable": True, "synchronized": False, "renorm": False},
    ),
    keras.layers.GroupNormalization: (group_normalization, _EVERY_USE, _SCALED),
    keras.layers.LayerNormalization: (channel_layer_normalization, _EVERY_USE, {**_SCALED, "rms_scaling": False}),
    keras.layers.RMSNormalization: (root_mean_square_normalization, _EVERY_USE, {}),
    keras.layers.MaxPooling2D: (
        max_of_slices,
        ("xla",),
        {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid", "data_format": "channels_last"},
    ),
}
"""For Keras's very classes: the form, its uses, and the configuration that it computes; norms over the last axis."""


_LINES = {keras.layers.BatchNormalization: line_of_batch, keras.layers.GroupNormalization: line_of_groups}


def form_of(layer: keras.layers.Layer, use: Use, watch: Watch | None = None) -> Form | None:
    """The form that stands for this layer in this use; None where Keras's own is the best or the only one.

    Only in float32: a user may bring others.
    """
    if not computes(layer) or layer.compute_dtype != "float32":
        return None
    if use == "batch" and (line := line_of(layer, watch)):
        return partial(by_line, line)
    if type(layer) not in _FORMS:
        return None
    form, uses, _ = _FORMS[type(layer)]
    return form if use in uses else None


def line_of(layer: Any, watch: Watch | None = None) -> Callable[..., tuple[tf.Tensor, tf.Tensor]] | None:
    """`norms.bases.ByMoments.line` of a layer that has one, or that of Keras's norms."""
    if type(layer) in _LINES:
        return watched(layer, partial(_LINES[type(layer)], layer), watch)
    return watched(layer, layer.line, watch) if computes(layer) and isinstance(layer, ByMoments) else None


def watched(layer: keras.layers.Layer, of_moments: Callable[..., Any], watch: Watch | None) -> Callable[..., Any]:
    """A layer's function of moments, `line` or `lines`, that tells of them first, and asks."""
    if watch is None:
        return of_moments
    return lambda mean, variance, training: of_moments(mean, variance, training and watch(layer, mean, variance))


def by_line(line: Callable[..., tuple[tf.Tensor, tf.Tensor]], layer: keras.layers.Layer, x: tf.Tensor) -> tf.Tensor:
    """What a layer of this line makes of x, (N,H,W,C) or (N,C), by the statistics of the batch, or as it is asked."""
    centred, mean, variance = centred_moments(x, pixel_axes(x))
    return of_line(centred, *line(mean, variance, True))


def folds(layer: keras.layers.Layer) -> bool:
    """Whether its line at inference depends on moving averages alone."""
    return isinstance(layer, keras.layers.BatchNormalization | ByBatch)


def computes(layer: keras.layers.Layer) -> bool:
    """Whether the layer is one of these classes, and computes what their forms do."""
    # Our own, not what a user derives from them.
    ours = isinstance(layer, ByMoments | TwoLines | FullLayerNormalization | ActivationNoise)
    if ours and type(layer).__module__.startswith("bnexp.norms."):
        return layer.activity_regularizer is None and len(layer.input.shape) in (2, 4)
    if type(layer) not in _FORMS or layer.activity_regularizer is not None:
        return False
    config, rank = layer.get_config(), len(layer.input.shape)
    over_channels = config.get("axis", -1) in (-1, rank - 1, [-1], [rank - 1])
    return rank in (2, 4) and over_channels and config.items() >= _FORMS[type(layer)][2].items()


class Replaced(keras.layers.Layer):
    """A form in the place of its layer."""

    def __init__(self, layer: keras.layers.Layer, form: Form, name: str) -> None:
        super().__init__(name=name)
        self._layer, self._form = layer, form

    def call(self, inputs: Any) -> Any:
        return self._form(self._layer, inputs)

    def compute_output_spec(self, inputs: Any) -> Any:
        return self._layer.compute_output_spec(inputs)
