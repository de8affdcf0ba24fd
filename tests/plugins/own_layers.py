"""A module of layers as users write them, right and wrong, in a test's folder as `my_norms.py`; trials with them."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from bnexp.config.load import from_mapping
from bnexp.lazy import attribute
from bnexp.specs.trial import Trial
from bnexp.training.program import Program
from bnexp.usercode.code import code_of, in_use


def trial(folder: Path, norm: Any, seed: int = 0, **blocks: Any) -> Trial:
    """A small trial with a layer from this folder."""
    config = {
        "data": {"name": "mnist-5k", "train": 100, "validation": 50},
        "model": {"name": "mlp", "widths": [4]},
        "training": {"epochs": 1, "batch_size": 50},
        "norm": norm,
        **blocks,
    }
    experiment = from_mapping(config, name="x", search_path=[str(folder)])
    return Trial(experiment.points[0].spec, seed, experiment.search_path)


def built(made: Trial) -> keras.Model:
    """The trial's model."""
    with in_use(code_of(made.spec, made.search_path)["norm"]):
        return attribute(made.spec.model.target)(made.spec, (28, 28, 1), 10).model


def start(made: Trial) -> dict[str, Any]:
    """What the trial's weights start at, by path."""
    with in_use(code_of(made.spec, made.search_path)["norm"]):
        return Program(made.spec, (28, 28, 1), 10, tf.uint8, seed=made.seed).reset(made.spec, made.seed)


SOURCE = """
import keras
from keras import ops


class Right(keras.layers.Layer):
    def __init__(self, alpha=0.1, sizes=(), **kwargs):
        super().__init__(**kwargs)
        self.alpha, self.sizes = alpha, sizes

    def call(self, x):
        return x * self.alpha


class Mine(keras.layers.BatchNormalization):
    pass


class Parts(keras.layers.Layer):
    # A block of layers without names of their own, two of them random.
    def __init__(self, rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.BatchNormalization()
        self.first, self.last = keras.layers.Dropout(rate), keras.layers.Dropout(rate)

    def call(self, x, training=None):
        return self.last(self.norm(self.first(x), training=training))


class Cut(keras.layers.Layer):
    def call(self, x):
        return x[..., :1]


class Lists(keras.layers.Layer):
    def call(self, x):
        return [x, x]


class Nameless(keras.layers.Layer):
    def __init__(self, alpha=0.1):
        super().__init__()


class Raises(keras.layers.Layer):
    def __init__(self, alpha=0.1, **kwargs):
        super().__init__(**kwargs)
        if alpha < 0:
            raise ValueError("alpha must not be negative")

    def call(self, x):
        raise RuntimeError("not written yet")


class RaisesInTraining(keras.layers.Layer):
    def call(self, x, training=None):
        if training:
            raise RuntimeError("not written yet")
        return x


class Whole(keras.layers.Layer):
    def call(self, x):
        return ops.cast(x, "int32")


class Alone(keras.layers.Layer):
    def call(self, x):
        return x[:1]


class NoLayer:
    pass


def function(x):
    return x
"""
