"""The reference CNN: convolutions with pooling, hidden dense layers, logits."""

from typing import Any

import keras
from keras import layers

from bnexp.experiment.spec import TrialSpec
from bnexp.models.table import Block, CnnSpec
from bnexp.norms.build import build as build_norm
from bnexp.norms.table import AnyNorm, Placed


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> keras.Model:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes).

    Layers are named after their block (`conv1`, `conv1_norm`, `dense1`, `output`), so that a weight has the same
    path in every variant.  Weights are set later (`training.initial`).
    """
    model = spec.model
    inputs = keras.Input(image, name="image")
    x = inputs
    for block in model.blocks(image):
        if block.name == "dense1":
            x = layers.Flatten(name="flatten")(x)
        x = _normalized_block(x, block, model, spec.norm)
        if block.kind == "conv" and int(block.name.removeprefix("conv")) <= model.pools:
            x = layers.MaxPooling2D(2, name=f"{block.name}_pool")(x)
        if block.kind == "dense" and model.dropout:
            x = layers.Dropout(model.dropout, name=f"{block.name}_dropout")(x)
    if not model.dense:
        x = layers.Flatten(name="flatten")(x)
    logits = layers.Dense(classes, name="output")(x)
    return keras.Model(inputs, logits, name="cnn")


def _normalized_block(x: Any, block: Block, model: CnnSpec, norm: AnyNorm) -> Any:
    """linear → [norm] → activation → [norm], the same in convolutional and dense blocks."""
    place = norm.place if isinstance(norm, Placed) and norm.takes(block) else None
    x = _linear(block, model, norm.use_bias)(x)
    if place == "before-activation":
        x = build_norm(norm, f"{block.name}_norm")(x)
    x = layers.Activation(model.activation, name=f"{block.name}_{model.activation}")(x)
    if place == "after-activation":
        x = build_norm(norm, f"{block.name}_norm")(x)
    return x


def _linear(block: Block, model: CnnSpec, use_bias: bool) -> keras.layers.Layer:
    units = block.shape[-1]
    if block.kind == "conv":
        return layers.Conv2D(units, model.kernel_size, padding=model.padding, use_bias=use_bias, name=block.name)
    return layers.Dense(units, use_bias=use_bias, name=block.name)
