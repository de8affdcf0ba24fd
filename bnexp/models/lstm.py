"""The LSTM over the rows of an image, top to bottom: logits from the final hidden state."""

from typing import Any

import keras
from keras import layers, ops

from bnexp.models.blocks import normalized
from bnexp.specs.block import Block
from bnexp.specs.model import LstmSpec
from bnexp.specs.norms.base import Norm
from bnexp.specs.trial import TrialSpec


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> keras.Model:
    """A functional model from images (N,H,W,C), values in [0,1], to logits (N,classes).

    Hochreiter & Schmidhuber 1997 as Keras has it, forget gate with a bias of 1; the sequence is the H rows of
    W·C numbers each.  A norm stands on the rows (layer `rows_norm`) and on the final hidden state (`state_norm`).
    """
    model = spec.model
    assert isinstance(model, LstmSpec)
    rows, state = model.blocks(image)
    inputs = keras.Input(image, name="image")
    x = layers.Reshape((image[0], *rows.shape), name="rows")(inputs)
    if spec.norm.takes(rows):
        x = _normalized_rows(x, rows, spec.norm)
    x = layers.LSTM(model.units, name="lstm")(x)
    if spec.norm.takes(state):
        x = normalized(x, state, spec.norm)
    if model.dropout:
        x = layers.Dropout(model.dropout, name="state_dropout")(x)
    logits = layers.Dense(classes, name="output")(x)
    return keras.Model(inputs, logits, name="lstm")


def _normalized_rows(x: Any, block: Block, norm: Norm) -> Any:
    """Rows (N,T,F) normalized.

    A method that looks at one example sees each row by itself, (N·T,F).  One that looks at the batch sees
    (N,T,1,F), an image of width 1: its statistics of a feature are over the batch and all rows
    (Laurent et al. 2016, https://arxiv.org/abs/1510.01378), and what counts examples counts sequences.
    """
    steps, features = x.shape[1:]
    seen = (-1, steps, 1, features) if norm.batch_dependent else (-1, features)
    return ops.reshape(normalized(ops.reshape(x, seen), block, norm), (-1, steps, features))
