"""Hidden blocks, linear → [norm] → activation → [norm], the same after convolutions and dense layers."""

from contextlib import nullcontext
from typing import Any

import keras
from keras import layers

from bnexp.errors import UserError
from bnexp.models.built import Built, NormLayer
from bnexp.models.own_state import apart
from bnexp.norms.build import build, linear
from bnexp.specs.block import Block
from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.trial import TrialSpec


class Blocks:
    """A model in the making: from its `inputs` block by block to its logits.

    Layers are named after their block (`conv1`, `conv1_norm`, `conv1_relu`, `output`), so that a weight has the same
    path in every variant.  Weights are set later (`training.initial`).
    """

    def __init__(self, spec: TrialSpec, image: tuple[int, int, int]) -> None:
        self.inputs = keras.Input(image, name="image")
        self._model, self._norm = spec.model, spec.norm
        self._norms: list[NormLayer] = []

    def hidden(self, x: Any, block: Block, activation: str, **keywords: Any) -> Any:
        """The output of a block for the input `x`; `keywords` are those of Keras's Conv2D or Dense.

        A norm that brings its activation stands in place of norm and activation.
        """
        norm = self._norm
        below = linear(norm, block, use_bias=norm.keeps_bias(block), **keywords)
        if norm.linear_target is not None and norm.takes(block):
            self._norms.append(NormLayer(below, block, below))
        x = below(x)
        adds_layer = norm.takes(block) and norm.target is not None
        if adds_layer and norm.brings_activation:
            return self.normalized(x, block, below)
        place = getattr(norm, "place", "before-activation") if adds_layer else None
        if place == "before-activation":
            x = self.normalized(x, block, below)
        x = layers.Activation(activation, name=f"{block.name}_{activation}")(x)
        return self.normalized(x, block, below) if place == "after-activation" else x

    def normalized(self, x: Any, block: Block, below: keras.layers.Layer | None = None) -> Any:
        """`x` after the norm of this block; UserError for a layer that changes the shape or returns no floats."""
        own_name = f"{block.name}_norm"
        with apart(own_name) if isinstance(self._norm, OwnNorm) else nullcontext():
            layer = build(self._norm, own_name)
            y = layer(x)
        self._norms.append(NormLayer(layer, block, below))
        name = getattr(self._norm, "name", type(self._norm).__name__)
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

    def dropped(self, x: Any, name: str) -> Any:
        """`x` after the model's dropout, where it has one."""
        return layers.Dropout(self._model.dropout, name=f"{name}_dropout")(x) if self._model.dropout else x

    def built(self, x: Any, classes: int) -> Built:
        """The whole model, with logits (N,classes) from its last hidden output `x`."""
        logits = layers.Dense(classes, name="output")(x)
        return Built(keras.Model(self.inputs, logits, name=self._model.name), tuple(self._norms))


def _letters(shape: Any) -> str:
    """`(N, 26, 26, 32)`."""
    return f"({', '.join(['N', *map(str, shape[1:])])})"
