"""From a row of the table to Keras layers: the normalization of a block, and its linear layer."""

from typing import TYPE_CHECKING, Any

from bnexp.lazy import attribute
from bnexp.specs.block import Block
from bnexp.specs.norms.base import Norm

if TYPE_CHECKING:
    import keras


def build(spec: Norm, name: str) -> "keras.layers.Layer":
    """A new, unbuilt Keras layer of this method, by its `target`; ValueError for a method that adds no layer.

    Where the method `brings_activation`, the layer stands in place of the activation too.
    """
    if spec.target is None:
        raise ValueError(f"{type(spec).__name__} adds no layer")
    made = attribute(spec.target)
    return getattr(made, "of", made)(spec, name=name)


def linear(spec: Norm, block: Block, **keywords: Any) -> "keras.layers.Layer":
    """A new, unbuilt linear layer for a `conv` or `dense` block, named after it, with an output for each channel.

    Keras's own Conv2D or Dense; where the method acts on the weights of such blocks, its subclass by `linear_target`.
    `keywords` are those of Keras's layer: `kernel_size` (conv only), `padding`, `use_bias`, ...
    The raw kernel is the variable `<name>/kernel` either way.
    """
    import keras  # noqa: PLC0415  # the table's users import this module without TensorFlow

    if spec.linear_target is not None and spec.takes(block):
        return attribute(spec.linear_target)(spec, block, **keywords)
    kind = keras.layers.Conv2D if block.kind == "conv" else keras.layers.Dense
    return kind(block.shape[-1], name=block.name, **keywords)
