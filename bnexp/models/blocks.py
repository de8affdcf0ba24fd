"""Hidden blocks, linear → [norm] → activation → [norm], the same after convolutions and dense layers; and the model
that is made of them, with its norm layers noted as they were put in.

Dropout stands at one of these places (Li et al. 2019, https://arxiv.org/abs/1801.05134, have the first two as their two
cases, dropout next to a batch normalization and with a linear layer between, and advise the third):

- `before-norm`: linear → dropout → norm → activation, or linear → activation → dropout → norm, where the norm comes
  last.  Where there is no norm, linear → dropout → activation; for a ReLU all three drop the same.
- `after-norm`: at the end of each hidden block, after the pooling, so that the next linear layer sees it.
- `before-output`: at the end of the last hidden block alone.
- `after-dense`: at the end of the dense blocks.

Its layer is named after its block wherever it stands, so that all of one shape drop the same in all variants.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from bnexp.errors import UserError
from bnexp.models.own_state import apart
from bnexp.norms import in_cell
from bnexp.norms.build import build, linear
from bnexp.specs.block import Block
from bnexp.specs.model import LstmSpec, OwnModel
from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.trial import TrialSpec


@dataclass(frozen=True)
class NormLayer:
    """A layer that normalizes."""

    layer: keras.layers.Layer
    """Of a method that acts on weights it is `linear` itself."""
    block: Block
    linear: keras.layers.Layer | None
    """The layer whose outputs or weights are normalized; None for what an LSTM normalizes, and in own models."""

    @property
    def parameters(self) -> list[keras.Variable]:
        """The trained variables that normalization adds to the model: of a linear layer not its kernel and bias."""
        plain = [] if self.layer is not self.linear else [self.linear.kernel, self.linear.bias]
        return [variable for variable in self.layer.trainable_variables if not any(variable is one for one in plain)]


@dataclass(frozen=True)
class HiddenLayer:
    """A convolution or dense layer below the logits, and its activation."""

    linear: keras.layers.Layer
    activation: keras.layers.Layer
    """Of a method that brings its activation it is the norm."""


@dataclass(frozen=True)
class Built:
    """A model from images (N,H,W,C) to logits (N,classes), its norm and hidden layers from the input upwards."""

    model: keras.Model
    norms: tuple[NormLayer, ...]
    hidden: tuple[HiddenLayer, ...] = ()

    @property
    def of_norms(self) -> set[int]:
        """The ids of the variables that normalizing layers have; of linear layers with a rule of their own none."""
        return {
            id(variable) for norm in self.norms if norm.layer is not norm.linear for variable in norm.layer.variables
        }


class Blocks:
    """A model in the making: from its `inputs` block by block to its logits.

    Layers are named after their block (`conv1`, `conv1_norm`, `conv1_relu`, `output`), so that a weight has the same
    path in every variant.  Weights are set later (`training.initial`).
    """

    def __init__(self, spec: TrialSpec, image: tuple[int, int, int]) -> None:
        self.inputs = keras.Input(image, name="image")
        self._model, self._norm = spec.model, spec.norm
        self._last = next((block.name for block in reversed(spec.model.blocks(image))), "image")
        self._norms: list[NormLayer] = []
        self._hidden: list[HiddenLayer] = []

    def hidden(self, x: Any, block: Block, **keywords: Any) -> Any:
        """The output of a block for the input `x`; `keywords` are those of Keras's Conv2D or Dense.

        A norm that brings its activation stands in place of norm and activation.
        """
        norm, model = self._norm, self._model
        assert not isinstance(model, LstmSpec | OwnModel)  # which have activations of their own
        below = linear(norm, block, use_bias=norm.keeps_bias(block), **keywords)
        if norm.linear_target is not None and norm.takes(block):
            self._norms.append(NormLayer(below, block, below))
        x = below(_flat(x) if block.kind == "dense" else x)
        activation = layers.Activation(model.activation, name=f"{block.name}_{model.activation}")
        normalized = norm.target is not None and norm.takes(block)
        last = normalized and getattr(norm, "place", "") == "after-activation"
        x = activation(x) if last else x
        x = self.dropped(x, block.name, "before-norm")
        x = self.normalized(x, block, below) if normalized else x
        brought = normalized and norm.brings_activation
        self._hidden.append(HiddenLayer(below, self._norms[-1].layer if brought else activation))
        return x if last or brought else activation(x)

    def normalized(self, x: Any, block: Block, below: keras.layers.Layer | None = None) -> Any:
        """`x` after the norm of this block; UserError for a layer that changes the shape or returns no floats."""
        own_name = f"{block.name}_norm"
        with apart(own_name) if isinstance(self._norm, OwnNorm) else nullcontext():
            layer = build(self._norm, own_name)
            y = layer(x)
        self._norms.append(NormLayer(layer, block, below))
        is_tensor, wrong = keras.utils.is_keras_tensor(y), None
        if not is_tensor or tuple(y.shape) != tuple(x.shape):
            received = f"shape {_letters(y.shape)}" if is_tensor else f"a {type(y).__name__}"
            wrong = f"keeps the shape; after {block.name} it was given {_letters(x.shape)} and returned {received}"
        elif not keras.backend.is_float_dtype(y.dtype):
            wrong = f"returns floating-point numbers, not {y.dtype}, which it returned"
        if wrong:
            raise UserError(f"norm {self._norm.name}: a normalization {wrong}")
        return y

    def normalized_lstm(self, units: int, blocks: Sequence[Block]) -> keras.layers.Layer:
        """A new LSTM with the norm at these blocks of its cell."""
        layer = in_cell.lstm(self._norm, units, blocks, name="lstm")
        self._norms += (NormLayer(norm, block, None) for norm, block in zip(layer.norms, blocks, strict=True))
        return layer

    def dropped(self, x: Any, name: str, *places: str) -> Any:
        """`x`, of the block of this name, after the model's dropout, where it has one at one of these places."""
        model = self._model
        assert not isinstance(model, OwnModel)
        here = model.dropout and model.dropout_place in places
        return layers.Dropout(model.dropout, name=f"{name}_dropout")(x) if here else x

    def built(self, x: Any, classes: int) -> Built:
        """The whole model, with logits (N,classes) from its last hidden output `x`."""
        x = self.dropped(x, self._last, "before-output")
        return self.up_to(layers.Dense(classes, name="output")(_flat(x)))

    def up_to(self, logits: Any) -> Built:
        """The whole model up to these logits; ValueError of Keras's where they do not follow from the inputs."""
        name = self._model.name.rpartition(":")[2]
        return Built(keras.Model(self.inputs, logits, name=name), tuple(self._norms), tuple(self._hidden))


def _flat(x: Any) -> Any:
    return layers.Flatten(name="flatten")(x) if len(x.shape) > 2 else x


def _letters(shape: Any) -> str:
    """`(N, 26, 26, 32)`."""
    return f"({', '.join(['N', *map(str, shape[1:])])})"
