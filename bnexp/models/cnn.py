"""The reference CNN: convolutions with pooling, hidden dense layers, logits."""

from keras import layers

from bnexp.models.blocks import Blocks
from bnexp.models.built import Built
from bnexp.specs.model import CnnSpec
from bnexp.specs.trial import TrialSpec


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> Built:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes)."""
    model = spec.model
    assert isinstance(model, CnnSpec)
    blocks = Blocks(spec, image)
    x = blocks.inputs
    for block in model.blocks(image):
        if block.name == "dense1":
            x = layers.Flatten(name="flatten")(x)
        if block.kind == "conv":
            x = blocks.hidden(x, block, model.activation, kernel_size=model.kernel_size, padding=model.padding)
            if int(block.name.removeprefix("conv")) <= model.pools:
                x = layers.MaxPooling2D(2, name=f"{block.name}_pool")(x)
        else:
            x = blocks.dropped(blocks.hidden(x, block, model.activation), block.name)
    if not model.dense:
        x = layers.Flatten(name="flatten")(x)
    return blocks.built(x, classes)
