"""The LSTM over the rows of an image, top to bottom: logits from the final hidden state."""

from keras import layers, ops

from bnexp.models.blocks import Blocks, Built
from bnexp.specs.model import LstmSpec
from bnexp.specs.trial import TrialSpec


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> Built:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes).

    Hochreiter & Schmidhuber 1997 as Keras has it, forget gate with a bias of 1; the sequence is the H rows of
    W·C numbers each.  A norm stands on the rows (layer `rows_norm`) and on the final hidden state (`state_norm`).
    """
    model = spec.model
    assert isinstance(model, LstmSpec)
    blocks = Blocks(spec, image)
    rows, state = model.blocks(image)
    x = layers.Reshape((image[0], *rows.shape), name="rows")(blocks.inputs)
    if spec.norm.takes(rows):
        # A method that looks at one example sees each row by itself, (N·T,F).  One that looks at the batch sees
        # (N,T,1,F), an image of width 1: its statistics of a feature are over the batch and all rows
        # (Laurent et al. 2016, https://arxiv.org/abs/1510.01378), and what counts examples counts sequences.
        seen = (-1, image[0], 1, *rows.shape) if spec.norm.batch_dependent else (-1, *rows.shape)
        x = ops.reshape(blocks.normalized(ops.reshape(x, seen), rows), (-1, image[0], *rows.shape))
    x = layers.LSTM(model.units, name="lstm")(x)
    if spec.norm.takes(state):
        x = blocks.normalized(x, state)
    return blocks.built(blocks.dropped(x, state.name), classes)
