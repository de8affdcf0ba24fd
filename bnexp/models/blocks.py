"""A hidden block: linear → [norm] → activation → [norm], the same after convolutions and dense layers."""

from typing import Any

import keras
from keras import layers

from bnexp.errors import UserError
from bnexp.norms.build import build, linear
from bnexp.specs.block import Block
from bnexp.specs.model import Activation
from bnexp.specs.norms.base import Norm


def hidden(x: Any, block: Block, norm: Norm, activation: Activation, **keywords: Any) -> Any:
    """The output of a block for the input `x`; `keywords` are those of Keras's Conv2D or Dense.

    Layers are named after their block (`conv1`, `conv1_norm`, `conv1_relu`), so that a weight has the same path in
    every variant.  A norm that brings its activation stands in place of norm and activation.
    """
    assert block.kind in ("conv", "dense"), block
    x = linear(norm, block.kind, block.shape[-1], block.name, use_bias=norm.keeps_bias(block), **keywords)(x)
    adds_layer = norm.takes(block) and norm.target is not None
    if adds_layer and norm.brings_activation:
        return normalized(x, block, norm)
    place = getattr(norm, "place", "before-activation") if adds_layer else None
    if place == "before-activation":
        x = normalized(x, block, norm)
    x = layers.Activation(activation, name=f"{block.name}_{activation}")(x)
    if place == "after-activation":
        x = normalized(x, block, norm)
    return x


def normalized(x: Any, block: Block, norm: Norm) -> Any:
    """`x` after the norm of this block.  Raises UserError for a layer that changes the shape or returns no floats."""
    y = build(norm, f"{block.name}_norm")(x)
    name = getattr(norm, "name", type(norm).__name__)
    if not keras.utils.is_keras_tensor(y) or tuple(y.shape) != tuple(x.shape):
        received = f"shape {_letters(y.shape)}" if keras.utils.is_keras_tensor(y) else f"a {type(y).__name__}"
        raise UserError(
            f"norm {name}: a normalization keeps the shape; after {block.name} it was given {_letters(x.shape)} "
            f"and returned {received}"
        )
    if not keras.backend.is_float_dtype(y.dtype):
        raise UserError(
            f"norm {name}: a normalization returns floating-point numbers, not {y.dtype}, which it returned"
        )
    return y


def _letters(shape: Any) -> str:
    """`(N, 26, 26, 32)`."""
    return f"({', '.join(['N', *map(str, shape[1:])])})"
