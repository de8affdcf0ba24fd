"""The reference CNN: convolutions with pooling, hidden dense layers, logits."""

import keras
from keras import layers

from bnexp.models.blocks import hidden
from bnexp.specs.model import CnnSpec
from bnexp.specs.trial import TrialSpec


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> keras.Model:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes).

    Layers are named after their block (`conv1`, `conv1_norm`, `dense1`, `output`), so that a weight has the same
    path in every variant.  Weights are set later (`training.initial`).
    """
    model = spec.model
    assert isinstance(model, CnnSpec)
    inputs = keras.Input(image, name="image")
    x = inputs
    for block in model.blocks(image):
        if block.name == "dense1":
            x = layers.Flatten(name="flatten")(x)
        if block.kind == "conv":
            sizes = {"kernel_size": model.kernel_size, "padding": model.padding}
            x = hidden(x, block, spec.norm, model.activation, **sizes)
            if int(block.name.removeprefix("conv")) <= model.pools:
                x = layers.MaxPooling2D(2, name=f"{block.name}_pool")(x)
        else:
            x = hidden(x, block, spec.norm, model.activation)
            if model.dropout:
                x = layers.Dropout(model.dropout, name=f"{block.name}_dropout")(x)
    if not model.dense:
        x = layers.Flatten(name="flatten")(x)
    logits = layers.Dense(classes, name="output")(x)
    return keras.Model(inputs, logits, name="cnn")
