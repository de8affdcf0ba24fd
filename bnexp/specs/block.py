"""A place in a model that takes a normalization."""

from typing import Literal, NamedTuple


class Block(NamedTuple):
    """A place that takes a normalization.

    `conv` and `dense` are linear → [norm] → activation → [norm] → pool.  `inputs` and `state` are what goes into
    a recurrent layer and what comes out of it at the end: there is nothing linear before, and no activation.  `cell`
    is inside that layer: the sums over its inputs, those over its hidden state, and its cell state.
    """

    name: str
    """Name of the linear layer: `conv1`, `dense1`; or what is normalized: `rows`, `columns` or `pixels`, `state`; in a
    cell `input`, `hidden`, `cell`."""
    kind: Literal["conv", "dense", "inputs", "state", "cell"]
    shape: tuple[int, ...]
    """What is normalized of one example: (height, width, channels) or (units,); of inputs, one step of the sequence."""
