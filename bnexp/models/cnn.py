"""The reference CNN: convolutions with pooling, hidden dense layers, logits."""

from keras import layers

from bnexp.models.blocks import Blocks, Built
from bnexp.specs.model import CnnSpec
from bnexp.specs.trial import TrialSpec


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> Built:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes)."""
    model = spec.model
    assert isinstance(model, CnnSpec)
    blocks = Blocks(spec, image)
    x = blocks.inputs
    for k, block in enumerate(model.blocks(image)):
        if block.kind == "dense":
            x = blocks.dropped(blocks.hidden(x, block), block.name, "after-dense", "after-norm")
            continue
        stride = model.each_stride[k]
        x = blocks.hidden(x, block, kernel_size=model.kernel_size, strides=stride, padding=model.padding)
        if k < model.pools:
            x = layers.MaxPooling2D(2, name=f"{block.name}_pool")(x)
        x = blocks.dropped(x, block.name, "after-norm")
    return blocks.built(x, classes)
