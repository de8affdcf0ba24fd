"""From a row of the table to a Keras layer."""

import importlib
from typing import TYPE_CHECKING

from bnexp.norms.table import Norm

if TYPE_CHECKING:
    import keras


def build(spec: Norm, name: str) -> "keras.layers.Layer":
    """A new, unbuilt Keras layer of this method, by its `target`; ValueError for a method that adds no layer."""
    if spec.target is None:
        raise ValueError(f"{type(spec).__name__} adds no layer")
    module, _, attribute = spec.target.partition(":")
    return getattr(importlib.import_module(module), attribute)(spec, name)
