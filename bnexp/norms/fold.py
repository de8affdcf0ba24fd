"""Folding: at inference a batch normalization is a line, which the linear layer before it takes into its weights."""

from collections import Counter
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional

from bnexp.errors import UserError
from bnexp.norms.bases import ByBatch

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)
_LINEAR = (keras.layers.Dense, *_CONVOLUTIONS, *_DEPTHWISE, *_TRANSPOSED)


def fold(model: keras.Model, *, copy: bool = True) -> keras.Model:
    """A new model for inference, in which batch normalizations are part of the linear layers before them.

    y = γ (Wx + b − m) / √(v + ε) + β is W'x + b' with W' = W γ/√(v + ε) and b' = (b − m) γ/√(v + ε) + β, for moving
    mean m and variance v (Jacob et al. 2018, https://arxiv.org/abs/1712.05877).  Outputs are those of
    `model(x, training=False)` but for rounding, 1e-4 of logits.  In training mode they are not those of `model`.

    `model` is a `keras.Sequential` or functional model with weights; a functional one is returned.  Folded is Keras's
    `BatchNormalization` (with or without scale and center), and `BatchRenormalization`, `FrozenBatchNormalization`,
    `GhostBatchNormalization`, `MeanOnlyBatchNormalization` and `NoisyBatchNormalization` of `bnexp.norms`, directly
    after `Dense`, a convolution, a depthwise or a transposed one of Keras; in models within the model too.

    All else stays as it is: a norm of another kind, or after pooling, dropout or an activation, that of the linear
    layer included; one over another axis than that of the units; a norm or linear layer that is called more than once,
    or in training mode; a linear layer whose output goes elsewhere too; subclasses; and what computes in 16 bits or is
    quantized.

    `model` is left as it is.  The layers that stay are copied, or with `copy=False` shared with it: what trains one
    then trains both.  Raises UserError for a model that is no graph of layers, or has no weights yet.
    """
    if not _is_graph(model):
        raise UserError(
            f"fold takes a Sequential or functional model; {type(model).__name__} has a call of its own, in which it "
            "cannot be seen what follows what"
        )
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise UserError(f"fold: {model.name} has no weights yet; give it an Input, or call it once")
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    folded = {id(linear): norm for linear, norm in _pairs(model)}
    gone = {id(norm) for norm in folded.values()}
    within = _models_within(model)
    made: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def replaced(layer: Any) -> Any:
        """What stands in the place of a layer, or operation; the cloning asks once for each."""
        if id(layer) in folded:
            new = type(layer).from_config({**layer.get_config(), "use_bias": True})
        elif id(layer) in within:
            return fold(layer, copy=copy)
        elif id(layer) in gone or not copy or not isinstance(layer, keras.layers.Layer):
            return layer
        else:
            new = type(layer).from_config(layer.get_config())
        made.append((layer, new))
        return new

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        return arguments[0] if id(layer) in gone else layer(*arguments, **keywords)

    new_model = keras.models.clone_model(model, clone_function=replaced, call_function=call)
    for layer, new in made:
        new.set_weights(_absorbed(layer, folded[id(layer)]) if id(layer) in folded else layer.get_weights())
    return new_model


def _is_graph(model: Any) -> bool:
    """Whether it is a model that computes what its graph of layers says, and nothing else."""
    return isinstance(model, Functional | keras.Sequential) and type(model).call in (
        Functional.call,
        keras.Sequential.call,
    )


def _nodes(model: Functional) -> list[Any]:
    """The calls of layers and operations in this model; that of others that share them are no part of it."""
    return [node for nodes in model._nodes_by_depth.values() for node in nodes if not node.is_input]


def _folds(layer: keras.layers.Layer) -> bool:
    """Whether this is one of the classes themselves: of what a user's subclass computes nothing is known."""
    ours = isinstance(layer, ByBatch) and type(layer).__module__.startswith("bnexp.norms.")
    return ours or type(layer) is keras.layers.BatchNormalization


def _pairs(model: Functional) -> list[tuple[keras.layers.Layer, keras.layers.Layer]]:
    """Each linear layer that can be folded, with its norm."""
    nodes = _nodes(model)
    calls = Counter(id(node.operation) for node in nodes)
    made_by = {id(tensor): node for node in nodes for tensor in node.outputs}
    uses = Counter(id(tensor) for tensor in [*model.outputs, *(x for node in nodes for x in node.input_tensors)])
    found = []
    for node in nodes:
        norm, x = node.operation, node.input_tensors[0]
        below = made_by.get(id(x))
        if not _folds(norm) or below is None or type(below.operation) not in _LINEAR:
            continue
        linear = below.operation
        once = calls[id(norm)] == calls[id(linear)] == uses[id(x)] == 1
        if once and _plain(node) and _plain(below) and _fit(linear, norm, len(x.shape)):
            found.append((linear, norm))
    return found


def _models_within(model: Functional) -> set[int]:
    """The ids of models that are layers of this one and called as at inference."""
    nodes = _nodes(model)
    graphs = {id(node.operation) for node in nodes if _is_graph(node.operation)}
    return graphs - {id(node.operation) for node in nodes if not _plain(node)}


def _plain(node: Any) -> bool:
    """Whether a layer is called with one input and nothing else, such as `training=True` or a mask."""
    given: list[Any] = [*node.arguments.args, *node.arguments.kwargs.values()]
    return all(other is None or other is False for other in given[1:])


def _fit(linear: Any, norm: Any, rank: int) -> bool:
    """Whether the norm of inputs of this rank is over the units of the linear layer, in the same full precision."""
    first = getattr(linear, "data_format", "channels_last") == "channels_first"
    return (
        linear.activation is keras.activations.linear
        and getattr(norm, "axis", -1) % rank == (1 if first else rank - 1)
        and linear.compute_dtype == norm.compute_dtype
        and {linear.compute_dtype, linear.variable_dtype, norm.variable_dtype} <= {"float32", "float64"}
        and getattr(linear, "quantization_mode", None) is None
        and not getattr(linear, "lora_enabled", False)
    )


def _absorbed(linear: Any, norm: Any) -> list[np.ndarray]:
    """Kernel and bias (units) of the linear layer that computes both; in float64."""
    scale, shift = _line(norm)
    kernel = _float64(linear.kernel)
    bias = 0 if linear.bias is None else _float64(linear.bias)
    if isinstance(linear, _DEPTHWISE):  # kernels (..., channels, multiplier)
        of_kernel = scale.reshape(kernel.shape[-2:])
    elif isinstance(linear, _TRANSPOSED):  # (..., units, channels)
        of_kernel = scale[:, None]
    else:
        of_kernel = scale
    return [kernel * of_kernel, bias * scale + shift]


def _line(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """A and B, each (C), of y = A x + B, which the norm is at inference."""
    mean = _float64(norm.moving_mean)
    if isinstance(norm, ByBatch):
        scale, shift = (_float64(each) for each in norm.line(norm.precise(norm.moving_mean), None, training=False))
    else:
        gamma = _float64(norm.gamma) if norm.scale else 1.0
        scale = gamma / np.sqrt(_float64(norm.moving_variance) + norm.epsilon)
        shift = _float64(norm.beta) if norm.center else np.zeros_like(mean)
    return scale, shift - mean * scale


def _float64(value: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_tensor(value)).astype(np.float64)
