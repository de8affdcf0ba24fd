"""The multilayer perceptron: the flattened image, hidden dense layers, logits."""

from keras import layers

from bnexp.models.blocks import Blocks
from bnexp.models.built import Built
from bnexp.specs.model import MlpSpec
from bnexp.specs.trial import TrialSpec


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> Built:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes)."""
    model = spec.model
    assert isinstance(model, MlpSpec)
    blocks = Blocks(spec, image)
    x = layers.Flatten(name="flatten")(blocks.inputs)
    for block in model.blocks(image):
        x = blocks.dropped(blocks.hidden(x, block, model.activation), block.name)
    return blocks.built(x, classes)
