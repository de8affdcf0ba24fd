"""The LSTM over the rows, columns or pixels of an image: logits from the final hidden state."""

import numpy as np
from keras import layers, ops

from bnexp.data import shuffle
from bnexp.models.blocks import Blocks, Built
from bnexp.specs.model import LstmSpec
from bnexp.specs.norms.base import Placed
from bnexp.specs.trial import TrialSpec, stream


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> Built:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes).

    Hochreiter & Schmidhuber 1997 as Keras has it, forget gate with a bias of 1; the sequence is of H rows of W·C
    numbers each, of W columns of H·C, or of H·W pixels of C (Le et al. 2015, https://arxiv.org/abs/1504.00941).
    Before, `downsample` takes means over blocks of pixels: every second pixel alone would lose strokes that are thin.
    A norm stands on the inputs (layer `rows_norm`, `columns_norm` or `pixels_norm`) and on the final hidden state
    (`state_norm`); or in the cell, of which it is then a part (`lstm/input_norm`, `lstm/hidden_norm` and
    `lstm/cell_norm`).
    """
    model = spec.model
    assert isinstance(model, LstmSpec)
    blocks = Blocks(spec, image)
    step, state = model.blocks(image)
    x = blocks.inputs
    if model.downsample > 1:
        x = layers.AveragePooling2D(model.downsample, name="downsample")(x)
    if model.sequence == "columns":
        x = layers.Permute((2, 1, 3), name="transpose")(x)
    x = layers.Reshape((-1, *step.shape), name=step.name)(x)
    steps = x.shape[1]
    if model.order == "permuted":
        x = ops.take(x, permutation(steps), axis=1)
    if isinstance(spec.norm, Placed) and spec.norm.stands_in_cell:
        lstm = blocks.normalized_lstm(model.units, model.cell(spec.norm.place))
        return blocks.built(lstm(x), classes)
    if spec.norm.takes(step):
        # A method that looks at one example sees each step by itself, (N·T,F).  One that looks at the batch sees
        # (N,T,1,F), an image of width 1: its statistics of a feature are over the batch and all steps
        # (Laurent et al. 2016, https://arxiv.org/abs/1510.01378), and what counts examples counts sequences.
        seen = (-1, steps, 1, *step.shape) if spec.norm.batch_dependent else (-1, *step.shape)
        x = ops.reshape(blocks.normalized(ops.reshape(x, seen), step), (-1, steps, *step.shape))
    # The same operations as of a normalized cell, on a GPU too.
    x = layers.LSTM(model.units, use_cudnn=False, name="lstm")(x)
    if spec.norm.takes(state):
        x = blocks.normalized(x, state)
    return blocks.built(x, classes)


def permutation(steps: int) -> np.ndarray:
    """Which pixel comes at each step, (steps,): each once, in one random order for all trials and seeds."""
    return shuffle.order(steps, stream(0, "permutation"))
