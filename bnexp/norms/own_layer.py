"""A layer that is not ours: made with the arguments of the config, or told in the user's terms why it cannot be."""

import keras

from bnexp.specs.norms.own import OwnNorm
from bnexp.usercode.code import own_code


def layer(spec: OwnNorm, name: str) -> keras.layers.Layer:
    """A new layer of the user's class, called with the arguments of the config and `name`, within `usercode.in_use`.

    Raises UserError where there is no such module or class, where it fails, or where it takes other arguments.
    """
    code = own_code("norm", spec.name, spec.source, ())
    assert code is not None, spec
    made: keras.layers.Layer = code.make(keras.layers.Layer, ("name", "trainable", "dtype"), spec.arguments, name=name)
    return made
