"""A module of layers as users write them, right and wrong; written into a test's folder as `my_norms.py`."""

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
