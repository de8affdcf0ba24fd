"""Hidden blocks, linear → [norm] → ReLU → [max-pool], computed in another order to the same end.

Three equalities, exact but for rounding, save most of what a block costs beside its matrix products:

- Adding a bias and ReLU are monotone, so that they may follow max-pooling, which leaves them a quarter of the numbers:
  max(relu(x + b)) = relu(max(x) + b), and of equal numbers the gradient goes to the same one.
- A normalization by the mean of each channel subtracts whatever bias came before it, whose gradient is zero.
- The outputs of the convolution that reads the images are Pᵀw, for columns P (k, n) of the k pixels that each of n
  outputs sees.  Their mean is mᵀw for the mean column m, and their variance wᵀCw for the covariance C (k, k) of the
  columns: 9 x 9 numbers stand for the 43,264 in each channel of the reference CNN at batch 64.  So a norm that follows
  is a change of kernel and bias, w γ/σ and β − mᵀw γ/σ, and neither it nor its gradient passes over the outputs.  The
  mean column is subtracted first: then no digits are lost to it.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from bnexp.training import fast_convolutions, fast_layers
from bnexp.training.fast_layers import Use

Head = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]
"""From the input of a block to what is pooled, and what is added to each channel of it afterwards."""

_MOST_PIXELS = 32
"""Of a column: up to so many, a covariance of columns is cheap beside the convolution."""


def with_fast_forms(model: keras.Model, use: Use, batch_size: int = 1) -> keras.Model:
    """A model that shares the layers of `model`, with the forms that are fast in this use, and fit for no other.

    They are chosen for batches of `batch_size`, and right for any.  Other layers have a form by themselves
    (`training.fast_layers`), or stay Keras's own.
    """
    blocks = {} if use == "xla" else _blocks(model, use, batch_size)

    def call(layer: keras.layers.Layer, *args: Any, **keywords: Any) -> Any:
        if block := blocks.get(layer.name):
            return block(args[0]) if layer is block.layers[-1] else args[0]
        form = fast_layers.form_of(layer, use)
        if use == "graph" and fast_convolutions.plain(layer) and fast_convolutions.few_patches(layer, batch_size):
            form = _convolution
        if form is None:
            return layer(*args, **keywords)
        return fast_layers.Replaced(layer, form, name=f"{layer.name}_fast")(args[0])

    inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name=model.inputs[0].name)
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=call)


class _Block(keras.layers.Layer):
    """Layers that follow one another, the last of them a ReLU or the max-pooling behind it, in one."""

    def __init__(self, head: Head | None, layers: list[keras.layers.Layer], *, pooled: bool) -> None:
        super().__init__(name=f"{layers[0].name}_fast", dtype=layers[0].dtype_policy)
        self.layers, self._head, self._pooled = layers, head, pooled

    def call(self, inputs: Any) -> Any:
        y, offset = self._head(inputs) if self._head else (inputs, None)
        if self._pooled:
            y = tf.nn.max_pool2d(y, 2, 2, "VALID")
        if offset is not None:
            y = tf.nn.bias_add(y, offset) if len(offset.shape) == 1 else y + offset
        return tf.nn.relu(y)

    def compute_output_spec(self, inputs: Any) -> Any:
        for layer in self.layers:
            inputs = layer.compute_output_spec(inputs)
        return inputs


def _blocks(model: keras.Model, use: Use, batch_size: int) -> dict[str, _Block]:
    """The blocks of a model that have a form, by the name of each layer that they stand for."""
    takers: dict[int, list[Any]] = {id(tensor): [model] for tensor in model.outputs}
    for layer in model.layers[1:]:
        for tensor in layer.input if isinstance(layer.input, list) else [layer.input]:
            takers.setdefault(id(tensor), []).append(layer)
    makers = {id(layer.output): layer for layer in model.layers}

    def before(layer: Any) -> keras.layers.Layer | None:
        """The layer whose output this one takes in, and no other."""
        only = layer is not None and takers.get(id(layer.input)) == [layer]
        return makers.get(id(layer.input)) if only else None

    found: dict[str, _Block] = {}
    for relu in model.layers[1:]:
        if type(relu) is not keras.layers.Activation or relu.activation is not keras.activations.relu:
            continue
        if relu.activity_regularizer is not None:
            continue
        pool = next(iter(takers.get(id(relu.output), ())), None)
        pooled = takers.get(id(relu.output)) == [pool] and type(pool) is keras.layers.MaxPooling2D
        pooled = pooled and fast_layers.computes(pool)
        head, layers = _head(before(before(relu)), before(relu), model.inputs[0], use, batch_size, pooled=pooled)
        layers = [*layers, relu, *([pool] if pooled else [])]
        if len(layers) > 1:
            found |= dict.fromkeys([layer.name for layer in layers], _Block(head, layers, pooled=pooled))
    return found


def _head(
    first: keras.layers.Layer | None,
    second: keras.layers.Layer | None,
    images: Any,
    use: Use,
    batch_size: int,
    *,
    pooled: bool,
) -> tuple[Head | None, list[keras.layers.Layer]]:
    """The form of what stands before a ReLU, and the layers that it stands for: linear and norm, linear alone, none."""
    training, form, alone = use == "graph", fast_layers.fused_batch_normalization, fast_convolutions.plain(second)
    linear: Any = second if alone else first
    if not fast_convolutions.plain(linear) or second is None or not (alone or fast_layers.computes(second)):
        return None, []
    convolution = isinstance(linear, keras.layers.Conv2D)
    few = convolution and math.prod(linear.kernel.shape[:-1]) <= _MOST_PIXELS
    reads_images = few and linear.input is images

    def product(x: tf.Tensor) -> tf.Tensor:
        """What the linear layer makes of x, its bias left out."""
        if not convolution:
            return tf.matmul(x, linear.kernel)
        if training and reads_images:
            return _of_columns(linear, _columns(linear, x), tf.reshape(linear.kernel, (-1, linear.filters)))
        if training and fast_convolutions.few_patches(linear, batch_size):
            return fast_convolutions.by_patches(linear, x)
        return tf.nn.conv2d(x, linear.kernel, 1, linear.padding.upper())

    head: Head | None = None
    if alone:
        if convolution and (pooled or (training and reads_images)):
            return (lambda x: (product(x), _bias(linear))), [linear]
    elif type(second) is keras.layers.BatchNormalization:
        if not training:
            head = partial(_folded, linear, second)
        elif reads_images:
            head = partial(_batch_by_covariance, linear, second)
        elif second.compute_dtype == "float32":
            head = lambda x: (form(second, product(x), _bias(linear)), None)  # noqa: E731
    elif type(second) is keras.layers.GroupNormalization and reads_images:
        head = partial(_groups_by_covariance, linear, second)
    return head, [linear, second] if head else []


def _convolution(conv: keras.layers.Conv2D, x: tf.Tensor) -> tf.Tensor:
    """The convolution by itself, by patches."""
    y = fast_convolutions.by_patches(conv, x)
    return y if conv.bias is None else tf.nn.bias_add(y, conv.bias)


def _folded(linear: keras.layers.Layer, norm: keras.layers.Layer, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Batch normalization at inference, within kernel and bias of the linear layer."""
    scale = norm.gamma * tf.math.rsqrt(norm.moving_variance + norm.epsilon)
    kernel, bias = linear.kernel * scale, norm.beta + (_bias(linear) - norm.moving_mean) * scale
    if isinstance(linear, keras.layers.Dense):
        return tf.matmul(x, kernel), bias
    return tf.nn.conv2d(x, kernel, 1, linear.padding.upper()), bias


def _batch_by_covariance(
    conv: keras.layers.Conv2D, norm: keras.layers.BatchNormalization, x: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Batch normalization of the convolution that reads the images, and the step of its moving averages."""
    columns, kernel, bias = _columns(conv, x), tf.reshape(conv.kernel, (-1, conv.filters)), _bias(conv)
    mean = tf.reduce_mean(columns, 1, keepdims=True)
    columns -= mean
    covariance = tf.matmul(columns, columns, transpose_b=True) / tf.cast(tf.shape(columns)[1], x.dtype)
    variance = tf.reduce_sum(kernel * tf.matmul(covariance, kernel), 0)
    fast_layers.move_averages(norm, tf.matmul(mean, kernel, transpose_a=True)[0] + bias, variance)
    y = _of_columns(conv, columns, kernel * (norm.gamma * tf.math.rsqrt(variance + norm.epsilon)))
    return y, norm.beta + 0.0 * bias


def _groups_by_covariance(
    conv: keras.layers.Conv2D, norm: keras.layers.GroupNormalization, x: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Group normalization of the convolution that reads the images, with layer and instance normalization.

    Each image has its mean column and covariance, and so a kernel and a bias of its own; mean and variance over the
    channels of a group follow by the law of total variance.
    """
    filters, groups, (height, width) = conv.filters, norm.groups, conv.output.shape[1:3]
    kernel = tf.reshape(conv.kernel, (-1, filters))
    columns = tf.reshape(tf.stack(fast_convolutions.pixels(conv, x), 1), (-1, kernel.shape[0], height * width))
    mean = tf.reduce_mean(columns, 2, keepdims=True)
    columns -= mean
    covariance = tf.matmul(columns, columns, transpose_b=True) / (height * width)
    means = tf.matmul(mean[:, :, 0], kernel) + _bias(conv)
    variances = tf.reduce_sum(kernel * tf.matmul(covariance, kernel), 1)

    def of_group(values: tf.Tensor) -> tf.Tensor:
        """The mean of (N,C) over the channels of a group, for each channel."""
        each = tf.reduce_mean(tf.reshape(values, (-1, groups, filters // groups)), 2)
        return tf.repeat(each, filters // groups, 1)

    apart = means - of_group(means)
    scale = norm.gamma * tf.math.rsqrt(of_group(variances + tf.square(apart)) + norm.epsilon)
    y = tf.matmul(columns, kernel * scale[:, None], transpose_a=True)
    return tf.reshape(y, (-1, height, width, filters)), (apart * scale + norm.beta)[:, None, None]


def _columns(conv: keras.layers.Conv2D, x: tf.Tensor) -> tf.Tensor:
    """The pixels that each output sees, (pixels, N·h·w): so the copies are of whole rows of an image."""
    parts = fast_convolutions.pixels(conv, x)
    return tf.reshape(tf.stack(parts), (len(parts), -1))


def _of_columns(conv: keras.layers.Conv2D, columns: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The outputs (N,h,w,filters) of a kernel (pixels, filters)."""
    return tf.reshape(tf.matmul(columns, kernel, transpose_a=True), (-1, *conv.output.shape[1:]))


def _bias(linear: keras.layers.Layer) -> tf.Tensor:
    """The bias (units), or zeros where the layer has none."""
    return tf.zeros(linear.kernel.shape[-1], linear.dtype) if linear.bias is None else tf.convert_to_tensor(linear.bias)
