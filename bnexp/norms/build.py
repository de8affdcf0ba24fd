"""From a row of the table to Keras layers: the normalization of a block, and its linear layer."""

from typing import TYPE_CHECKING, Any, Literal

from bnexp.lazy import attribute
from bnexp.specs.norms.base import Norm

if TYPE_CHECKING:
    import keras


def build(spec: Norm, name: str) -> "keras.layers.Layer":
    """A new, unbuilt Keras layer of this method, by its `target`; ValueError for a method that adds no layer.

    Where the method `brings_activation`, the layer stands in place of the activation too.
    """
    if spec.target is None:
        raise ValueError(f"{type(spec).__name__} adds no layer")
    return attribute(spec.target)(spec, name)


def linear(spec: Norm, kind: Literal["conv", "dense"], units: int, name: str, **keywords: Any) -> "keras.layers.Layer":
    """A new, unbuilt linear layer of `units` outputs for a block of this `kind`, named after the block.

    Keras's own Conv2D or Dense; where the method acts on the weights of such blocks, its subclass by `linear_target`.
    `keywords` are those of Keras's layer: `kernel_size` (conv only), `padding`, `use_bias`, ...
    The raw kernel is the variable `<name>/kernel` either way.
    """
    import keras  # noqa: PLC0415  # the table's users import this module without TensorFlow

    if spec.linear_target is not None and spec.takes_kind(kind):
        return attribute(spec.linear_target)(spec, kind, units, name, **keywords)
    return (keras.layers.Conv2D if kind == "conv" else keras.layers.Dense)(units, name=name, **keywords)
