"""The multilayer perceptron: the flattened image, hidden dense layers, logits."""

import keras
from keras import layers

from bnexp.models.blocks import hidden
from bnexp.specs.model import MlpSpec
from bnexp.specs.trial import TrialSpec


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> keras.Model:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes).

    Layers are named after their block (`dense1`, `dense1_norm`, `output`); weights are set later
    (`training.initial`).
    """
    model = spec.model
    assert isinstance(model, MlpSpec)
    inputs = keras.Input(image, name="image")
    x = layers.Flatten(name="flatten")(inputs)
    for block in model.blocks(image):
        x = hidden(x, block, spec.norm, model.activation)
        if model.dropout:
            x = layers.Dropout(model.dropout, name=f"{block.name}_dropout")(x)
    logits = layers.Dense(classes, name="output")(x)
    return keras.Model(inputs, logits, name="mlp")
