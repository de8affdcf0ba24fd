"""The multilayer perceptron: the flattened image, hidden dense layers, logits."""

from bnexp.models.blocks import Blocks, Built
from bnexp.specs.trial import TrialSpec


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> Built:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes)."""
    blocks = Blocks(spec, image)
    x = blocks.inputs
    for block in spec.model.blocks(image):
        x = blocks.dropped(blocks.hidden(x, block), block.name, "after-dense", "after-norm")
    return blocks.built(x, classes)
