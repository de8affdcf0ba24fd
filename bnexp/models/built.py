"""What a builder returns: a Keras model, and its norm layers, noted as they were put in."""

from dataclasses import dataclass

import keras

from bnexp.specs.block import Block


@dataclass(frozen=True)
class NormLayer:
    """A layer that normalizes."""

    layer: keras.layers.Layer
    """Of a method that acts on weights it is `linear` itself."""
    block: Block
    linear: keras.layers.Layer | None
    """The layer whose outputs or weights are normalized; None for the rows of an image and the state of an LSTM."""

    @property
    def parameters(self) -> list[keras.Variable]:
        """The trained variables that normalization adds to the model: of a linear layer not its kernel and bias."""
        plain = [] if self.layer is not self.linear else [self.linear.kernel, self.linear.bias]
        return [variable for variable in self.layer.trainable_variables if not any(variable is one for one in plain)]


@dataclass(frozen=True)
class Built:
    """A model from images (N,H,W,C) to logits (N,classes), and its norm layers from the input upwards."""

    model: keras.Model
    norms: tuple[NormLayer, ...]

    @property
    def of_norms(self) -> set[int]:
        """The ids of the variables that normalizing layers have; of linear layers with a rule of their own none."""
        return {
            id(variable) for norm in self.norms if norm.layer is not norm.linear for variable in norm.layer.variables
        }


def inside(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer and all that it is made of, at any depth: a cell, the parts of a user's block."""
    return list(layer._flatten_layers())  # Keras has no public way to them
