"""Hidden blocks, linear → [norm] → ReLU → [max-pool], computed in another order to the same end.

Three equalities, exact but for rounding, save most of what a block costs beside its matrix products:

- Adding a bias and ReLU are monotone, so that they may follow max-pooling, which leaves them a quarter of the numbers:
  max(relu(x + b)) = relu(max(x) + b), and of equal numbers the gradient goes to the same one.
- A normalization by the mean of each channel subtracts whatever bias came before it, whose gradient is zero.
- The outputs of the convolution that reads the images are Pᵀw, for columns P (k, n) of the k pixels that each of n
  outputs sees.  Their mean is mᵀw for the mean column m, and their variance wᵀCw for the covariance C (k, k) of the
  columns: 9 x 9 numbers stand for the 43,264 in each channel of the reference CNN at batch 64.  So a norm that follows
  is a change of kernel and bias, w γ/σ and β − mᵀw γ/σ, and neither it nor its gradient passes over the outputs.  The
  mean column is subtracted first: then no digits are lost to it.  Likewise the mean square of the channels of an
  output, for its column p and the kernel K of C filters, is pᵀKKᵀp / C.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from bnexp.models.own_state import calls
from bnexp.norms.bases import EffectiveKernel, TwoLines, of_line
from bnexp.norms.batch_renorm import BatchRenormalization
from bnexp.norms.filter_response import FilterResponseNormalization
from bnexp.norms.frozen_batch import FrozenBatchNormalization
from bnexp.norms.layer_full import FullLayerNormalization
from bnexp.norms.mean_only_batch import MeanOnlyBatchNormalization
from bnexp.norms.noise import ActivationNoise
from bnexp.norms.noisy_batch import NoisyBatchNormalization
from bnexp.training import fast_convolutions, fast_layers
from bnexp.training.fast_layers import Use, Watch

Head = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]
"""From the input of a block to what is pooled, and what is added to each channel of it afterwards."""
Activation = Callable[[tf.Tensor], tf.Tensor]

_MOST_PIXELS = 32
"""Of a column: up to so many, a covariance of columns is cheap beside the convolution."""

_OF_THE_BATCH = (
    keras.layers.BatchNormalization,
    BatchRenormalization,
    FrozenBatchNormalization,
    MeanOnlyBatchNormalization,
    NoisyBatchNormalization,
)
"""Norms to which moments of each example are as good as those of all."""


def with_fast_forms(model: keras.Model, use: Use, batch_size: int = 1, watch: Watch | None = None) -> keras.Model:
    """A model that shares the layers of `model`, with the forms that are fast in this use, and fit for no other.

    They are chosen for batches of `batch_size`, and right for any.  Other layers have a form by themselves
    (`training.fast_layers`), or stay Keras's own.  In the use "batch", `watch` is told of the moments that forms of
    norms find, and says which of them go by those of the batch.
    """
    blocks = {} if use == "xla" else _blocks(model, use, batch_size, watch)
    times = Counter[str]()

    def call(layer: keras.layers.Layer, *args: Any, **keywords: Any) -> Any:
        if block := blocks.get(layer.name):
            return block(args[0]) if layer is block.layers[-1] else args[0]
        if not _of_one_tensor(args, keywords):  # as a user's own model may call it
            return layer(*args, **keywords)
        form = fast_layers.form_of(layer, use, watch)
        if use == "graph" and fast_convolutions.plain(layer) and fast_convolutions.few_patches(layer, batch_size):
            form = partial(_convolution, use)
        if form is None:
            return layer(*args, **keywords)
        times[layer.name] += 1
        again = f"_{times[layer.name]}" if times[layer.name] > 1 else ""
        return fast_layers.Replaced(layer, form, name=f"{layer.name}_fast{again}")(args[0])

    inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name=model.inputs[0].name)
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=call)


class _Block(keras.layers.Layer):
    """Layers that follow one another, the last of them an activation or the max-pooling behind it, in one."""

    def __init__(
        self, head: Head | None, layers: list[keras.layers.Layer], activation: Activation, *, pooled: bool
    ) -> None:
        super().__init__(name=f"{layers[0].name}_fast", dtype=layers[0].dtype_policy)
        self.layers, self._head, self._activation, self._pooled = layers, head, activation, pooled

    def call(self, inputs: Any) -> Any:
        y, offset = self._head(inputs) if self._head else (inputs, None)
        if self._pooled:
            y = tf.nn.max_pool2d(y, 2, 2, "VALID")
        if offset is not None:
            y = tf.nn.bias_add(y, offset) if len(offset.shape) == 1 else y + offset
        return self._activation(y)

    def compute_output_spec(self, inputs: Any) -> Any:
        for layer in self.layers:
            inputs = layer.compute_output_spec(inputs)
        return inputs


def _blocks(model: keras.Model, use: Use, batch_size: int, watch: Watch | None) -> dict[str, _Block]:
    """The blocks of a model that have a form, by the name of each layer that they stand for.

    Only of layers that are called once, with one tensor; what else takes in an output may be any operation.
    """
    takers: dict[int, list[Any]] = {id(tensor): [model] for tensor in model.outputs}
    makers: dict[int, Any] = {}
    times = Counter[int]()
    for call in calls(model):
        times[id(call.operation)] += 1 if _of_one_tensor(call.arguments.args, call.arguments.kwargs) else 2
        makers |= {id(tensor): call.operation for tensor in call.outputs}
        for tensor in call.input_tensors:
            takers.setdefault(id(tensor), []).append(call.operation)

    def before(layer: Any) -> Any:
        """The layer whose output this one takes in, and no other."""
        only = layer is not None and takers.get(id(layer.input)) == [layer]
        maker = makers.get(id(layer.input)) if only else None
        return maker if times[id(maker)] == 1 else None

    found: dict[str, _Block] = {}
    for end in model.layers[1:]:
        activation = _activation(end)
        if activation is None or end.activity_regularizer is not None or times[id(end)] != 1:
            continue
        pool = next(iter(takers.get(id(end.output), ())), None)
        pooled = takers.get(id(end.output)) == [pool] and type(pool) is keras.layers.MaxPooling2D
        pooled = pooled and times[id(pool)] == 1
        pooled = pooled and fast_layers.computes(pool)
        behind = [pool] if pooled else []
        norm = end if fast_layers.computes(end) else before(end)
        if norm is not end and _activation(norm):
            continue
        head, layers = _head(before(norm), norm, model.inputs[0], use, batch_size, watch=watch, pooled=pooled)
        layers = [*layers, *([] if norm is end else [end]), *behind]
        if len(layers) > 1 and len({layer.compute_dtype for layer in layers}) == 1:
            found |= dict.fromkeys([layer.name for layer in layers], _Block(head, layers, activation, pooled=pooled))
    return found


def _of_one_tensor(args: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
    """Whether a layer is called with one tensor and nothing else but `training`, which is that of the model."""
    further = [value for key, value in keywords.items() if key != "training" and value is not None]
    return len(args) == 1 and not further and keras.utils.is_keras_tensor(args[0])


def _activation(layer: Any) -> Activation | None:
    """What a layer does that may follow max-pooling, or an evolved norm that has nothing left to do."""
    if type(layer) is FilterResponseNormalization:
        return partial(_at_least, layer)
    if isinstance(layer, TwoLines) and fast_layers.computes(layer):
        return lambda y: y
    relu: Activation = tf.nn.relu
    return relu if type(layer) is keras.layers.Activation and layer.activation is keras.activations.relu else None


def _at_least(layer: FilterResponseNormalization, y: tf.Tensor) -> tf.Tensor:
    return tf.maximum(y, layer.tau)


class _Outputs(NamedTuple):
    """Those of a convolution with its bias, of which only their moments are known so far."""

    mean: tf.Tensor
    """Over the pixels of each example, (N,1,1,C), or of all examples, (1,1,1,C); as the biased variance."""
    variance: tf.Tensor
    line: Callable[..., tf.Tensor]
    """A (outputs − mean) + B, of A and, where it is not 0, B, which go with the mean."""


def _head(
    linear: Any, norm: Any, images: Any, use: Use, batch_size: int, *, watch: Watch | None, pooled: bool
) -> tuple[Head | None, list[keras.layers.Layer]]:
    """The form of what stands before an activation, and the layers that it stands for.

    They are a linear layer and its norm, a linear layer alone in the place of the norm, or none.
    """
    training, alone = use == "graph", fast_convolutions.plain(norm)
    by_batch = training or use == "batch"
    linear = norm if alone else linear
    if not fast_convolutions.plain(linear) or norm is None or not (alone or fast_layers.computes(norm)):
        return None, []
    convolution = isinstance(linear, keras.layers.Conv2D)
    few = convolution and math.prod(linear.kernel.shape[:-1]) <= _MOST_PIXELS
    reads_images = few and linear.input is images

    def product(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """What a layer of this kernel makes of x, without a bias."""
        if not convolution:
            return tf.matmul(x, kernel)
        if training and reads_images:
            columns = _columns(linear, x)
            y = tf.matmul(columns, tf.reshape(kernel, (columns.shape[0], -1)), transpose_a=True)
            return tf.reshape(y, (-1, *linear.output.shape[1:]))
        if training and fast_convolutions.few_patches(linear, batch_size):
            return fast_convolutions.by_patches(linear, x, kernel)
        return tf.nn.conv2d(x, kernel, 1, linear.padding.upper())

    def outputs(x: tf.Tensor) -> _Outputs:
        if reads_images:
            return _by_covariance(linear, _kernel(linear, use), x, together=training and type(norm) in _OF_THE_BATCH)
        centred, mean, variance = fast_layers.moments(product(x, _kernel(linear, use)))
        return _Outputs(mean + _bias(linear), variance, partial(of_line, centred))

    line, head = fast_layers.line_of(norm, watch), None
    if alone or type(norm) is ActivationNoise:
        if convolution and (not alone or pooled or (training and reads_images)):
            head = lambda x: (product(x, _kernel(linear, use)), _bias(linear))  # noqa: E731
    elif line and not by_batch and fast_layers.folds(norm):

        def head(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """By the moving averages, within kernel and bias."""
            scale, shift = line(_bias(linear), None, False)
            return product(x, _kernel(linear, use) * scale), shift

    elif (
        training
        and type(norm) is keras.layers.BatchNormalization
        and not reads_images
        and norm.compute_dtype == "float32"
    ):
        head = lambda x: (  # noqa: E731
            fast_layers.fused_batch_normalization(norm, product(x, _kernel(linear, use)), _bias(linear)),
            None,
        )
    elif line and convolution:

        def head(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of = outputs(x)
            scale, shift = line(of.mean, of.variance, by_batch)
            return of.line(scale), shift

    elif type(norm) is FullLayerNormalization and convolution:

        def head(x: tf.Tensor) -> tuple[tf.Tensor, None]:
            of = outputs(x)
            return of.line(*fast_layers.of_groups(1, norm.epsilon, of.mean, of.variance)) * norm.gamma + norm.beta, None

    elif isinstance(norm, TwoLines) and convolution:

        def head(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            if reads_images:
                mean, variance, centred = outputs(x)

                def of(scale: tf.Tensor, shift: tf.Tensor | None) -> tf.Tensor:
                    return centred(scale, scale * mean + (0.0 if shift is None else shift))

            else:
                y = tf.nn.bias_add(product(x, _kernel(linear, use)), _bias(linear))
                y, mean, variance = fast_layers.moments(y, centred=False)
                of = partial(of_line, y)
            both = fast_layers.watched(norm, norm.lines, watch)(mean, variance, by_batch)
            first, second = (of(*line) for line in both)
            return norm.joined(first, second), tf.convert_to_tensor(norm.beta)

    elif type(norm) in (keras.layers.LayerNormalization, keras.layers.RMSNormalization) and reads_images:
        head = partial(_by_squares, linear, norm, use)
    if head and training and isinstance(norm, ActivationNoise):
        head = partial(_noised, head, norm)
    return head, [linear, norm] if head and not alone else [linear] if head else []


def _noised(head: Head, norm: ActivationNoise, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
    """What the head makes of x, with the noise of the norm, whose shifts may wait where all pixels share them."""
    y, offset = head(x)
    scale, shift = norm.noise(y)
    if norm.noise_per == "example":
        return y * scale, shift if offset is None else offset * scale + shift
    return (y if offset is None else y + offset) * scale + shift, None


def _by_covariance(conv: keras.layers.Conv2D, kernel: tf.Tensor, x: tf.Tensor, *, together: bool) -> _Outputs:
    """The outputs of the convolution that reads the images, by mean column and covariance of columns.

    Each image has its own; or all images together have one.  A last pixel of each column is 1, and the kernel of it the
    bias, or B of a line.
    """
    pixels, (height, width, filters) = fast_convolutions.pixels(conv, x), conv.output.shape[1:]
    columns = tf.stack([*pixels, tf.ones_like(pixels[0])], 0 if together else 1)
    each, size = ((), -1) if together else ((-1,), height * width)
    columns = tf.reshape(columns, (*each, len(pixels) + 1, size))
    kernel = tf.pad(tf.reshape(kernel, (-1, filters)), [(0, 1), (0, 0)])
    one = tf.one_hot([len(pixels)], len(pixels) + 1, axis=0, dtype=x.dtype)
    mean = tf.reduce_mean(columns, -1, keepdims=True)
    columns -= mean * (1 - one)
    covariance = tf.matmul(columns, columns, transpose_b=True) / tf.cast(tf.shape(columns)[-1], x.dtype)
    moments = tf.reduce_sum(mean * kernel, -2) + _bias(conv), tf.reduce_sum(kernel * (covariance @ kernel), -2)

    def line(scale: tf.Tensor, shift: tf.Tensor | None = None) -> tf.Tensor:
        lines = kernel * tf.reshape(scale, (*each, 1, filters))
        if shift is not None:
            lines += one * tf.reshape(shift, (*each, 1, filters))
        return tf.reshape(tf.matmul(columns, lines, transpose_a=True), (-1, height, width, filters))

    mean, variance = (tf.reshape(moment, (-1, 1, 1, filters)) for moment in moments)
    return _Outputs(mean, variance, line)


def _by_squares(conv: keras.layers.Conv2D, norm: Any, use: Use, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Normalization of the channels of each pixel, after the convolution that reads the images.

    The bias is a last row of the kernel.  The mean over the channels is taken off the kernel, so off the outputs.
    """
    columns = _columns(conv, x)
    columns = tf.concat([columns, tf.ones_like(columns[:1])], 0)
    kernel = tf.concat([tf.reshape(_kernel(conv, use), (-1, conv.filters)), _bias(conv)[None]], 0)
    centred = type(norm) is keras.layers.LayerNormalization
    if centred:
        kernel -= tf.reduce_mean(kernel, 1, keepdims=True)
    products = tf.matmul(kernel, kernel, transpose_b=True) / conv.filters
    square = tf.reduce_sum(columns * tf.matmul(products, columns), 0)
    scale = norm.gamma if centred else norm.scale
    y = tf.matmul(columns * tf.math.rsqrt(square + norm.epsilon), kernel * scale, transpose_a=True)
    return tf.reshape(y, (-1, *conv.output.shape[1:])), tf.convert_to_tensor(norm.beta) if centred else None


def _convolution(use: Use, conv: keras.layers.Conv2D, x: tf.Tensor) -> tf.Tensor:
    """The convolution by itself, by patches."""
    y = fast_convolutions.by_patches(conv, x, _kernel(conv, use))
    return y if conv.bias is None else tf.nn.bias_add(y, conv.bias)


def _columns(conv: keras.layers.Conv2D, x: tf.Tensor) -> tf.Tensor:
    """The pixels that each output sees, (pixels, N·h·w): so the copies are of whole rows of an image."""
    parts = fast_convolutions.pixels(conv, x)
    return tf.reshape(tf.stack(parts), (len(parts), -1))


def _kernel(linear: Any, use: Use) -> tf.Tensor:
    """The kernel that the layer applies."""
    if isinstance(linear, EffectiveKernel):
        return tf.convert_to_tensor(linear.effective_kernel(use == "graph"))
    return tf.convert_to_tensor(linear.kernel)


def _bias(linear: keras.layers.Layer) -> tf.Tensor:
    """The bias (units), or zeros where the layer has none."""
    return tf.zeros(linear.kernel.shape[-1], linear.dtype) if linear.bias is None else tf.convert_to_tensor(linear.bias)
