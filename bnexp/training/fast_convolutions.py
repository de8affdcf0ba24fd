"""Keras's convolution as matrix products, which are faster than its kernels where it is small."""

import math
from typing import Any

import keras
import tensorflow as tf

from bnexp.norms.bases import EffectiveKernel

_MOST_NUMBERS = 600_000
"""In the patches of a batch, some 2.4 MB: more of them do not stay in a core's cache."""


def plain(layer: Any) -> bool:
    """Whether this is a convolution or dense layer, over single steps and without an activation: Keras's own, or ours
    with an effective kernel.
    """
    ours = isinstance(layer, EffectiveKernel) and type(layer).call is EffectiveKernel.call
    if not (ours or type(layer) in (keras.layers.Conv2D, keras.layers.Dense)) or layer.activity_regularizer is not None:
        return False
    if layer.compute_dtype not in ("float32", "float64") or getattr(layer, "lora_rank", None):
        return False
    if isinstance(layer, keras.layers.Conv2D):
        kind = (layer.strides, layer.dilation_rate, layer.groups, layer.data_format)
        if kind != ((1, 1), (1, 1), 1, "channels_last"):
            return False
    linear = layer.activation is keras.activations.linear
    return linear and len(layer.input.shape) == len(layer.kernel.shape)


def by_patches(conv: keras.layers.Conv2D, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """What the convolution makes of x (N,H,W,C) with this kernel, its bias left out: a product of it with patches of x.

    The patches are kept, so that the gradient of the kernel is one matrix product too.  At batch 8, on an Intel with
    AVX-512, the three kernels of oneDNN for the reference CNN's second and third convolution take 226 + 311 + 252 and
    80 + 144 + 81 µs (output, gradient of the kernel, of the input), the same by TensorFlow's other ones 235 + 529 + 280
    and 49 + 73 + 84; training was 1.15 times as fast with patches at batch 8, 1.2 at 2, and as fast at 16.
    """
    (rows, columns), channels, filters = conv.kernel_size, x.shape[-1], conv.filters
    x = _padded(conv, x)
    height, width = x.shape[1:3]
    shape = (height - rows + 1, width - columns + 1)
    seen = [
        (top + row) * width + left + column
        for top in range(shape[0])
        for left in range(shape[1])
        for row in range(rows)
        for column in range(columns)
    ]

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def product(x: tf.Tensor, kernel: tf.Tensor) -> object:
        patches = tf.gather(tf.reshape(x, (-1, height * width, channels)), seen, axis=1)
        patches = tf.reshape(patches, (-1, rows * columns * channels))
        y = tf.matmul(patches, tf.reshape(kernel, (-1, filters)))

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_x = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(x), filter=kernel, out_backprop=upstream, strides=[1, 1, 1, 1], padding="VALID"
            )
            of_kernel = tf.matmul(patches, tf.reshape(upstream, (-1, filters)), transpose_a=True)
            return of_x, tf.reshape(of_kernel, kernel.shape)

        return tf.reshape(y, (-1, *shape, filters)), gradient

    return product(x, kernel)


def few_patches(conv: keras.layers.Layer, batch_size: int) -> bool:
    """Whether `by_patches` is the faster way at this batch size; not where it would copy a few channels at a time."""
    if not isinstance(conv, keras.layers.Conv2D) or conv.kernel.shape[2] < 8:
        return False
    outputs = math.prod(conv.output.shape[1:3])
    return bool(batch_size * outputs * math.prod(conv.kernel.shape[:-1]) <= _MOST_NUMBERS)


def pixels(conv: keras.layers.Conv2D, x: tf.Tensor) -> list[tf.Tensor]:
    """What each position of the kernel sees of each channel of x (N,H,W,C): arrays (N,h,w), in the kernel's order."""
    x = _padded(conv, x)
    (rows, columns), (_, height, width, channels) = conv.kernel_size, x.shape
    bottom, right = height - rows + 1, width - columns + 1
    return [
        x[:, row : row + bottom, column : column + right, channel]
        for row in range(rows)
        for column in range(columns)
        for channel in range(channels)
    ]


def _padded(conv: keras.layers.Conv2D, x: tf.Tensor) -> tf.Tensor:
    if conv.padding == "valid":
        return x
    return tf.pad(x, [(0, 0), *(((size - 1) // 2, size // 2) for size in conv.kernel_size), (0, 0)])
