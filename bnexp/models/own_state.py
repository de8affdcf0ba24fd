"""The state of a user's own layer: drawn from (seed, name of the layer, path within it), however the layer draws."""

import gc
import random
import weakref
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src import backend
from keras.src.backend.common import global_state
from keras.src.initializers.random_initializers import RandomInitializer
from keras.src.random import seed_generator

from bnexp.models.built import inside
from bnexp.specs.trial import stream

SEED_STATE = "seed_generator_state"
"""Keras's name of the state of a random layer."""
_NAMES = "object_name_uids"
"""Keras's name of what counts the objects that get a name by number."""

_seed: ContextVar[int] = ContextVar("seed", default=0)


def seed_everything(seed: int, name: str) -> seed_generator.SeedGenerator:
    """Start the generators of Python, NumPy, TensorFlow and Keras from `stream(seed, name)`; returns Keras's."""
    keras.utils.set_random_seed(_bits(seed, name))
    return seed_generator.global_seed_generator()


def restart(generator: seed_generator.SeedGenerator, seed: int, name: str) -> None:
    """As `seed_everything`, with a generator of Keras's that graphs hold already as the global one."""
    keras.utils.set_random_seed(_bits(seed, name))
    generator.state.assign(np.array([_bits(seed, name), 0], generator.state.dtype))
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, generator)


def _bits(seed: int, *names: str | int) -> int:
    """31 bits, which every generator takes."""
    return stream(seed, *names) >> 32


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """While a model is built: the seed of the states of users' own layers in it."""
    token = _seed.set(seed)
    try:
        yield
    finally:
        _seed.reset(token)


@contextmanager
def apart(layer: str) -> Iterator[None]:
    """While a user's layer of this name is made and built: what it draws and names depends on nothing before it.

    Parts without a name are numbered within the layer.  All generators start from (seed, layer), and again from
    (seed, layer, path) at each weight; a random initializer of Keras without a seed of its own gets one from there.
    """
    seed, drawn = _seed.get(), Counter[str]()
    original = backend.Variable._initialize_with_initializer

    def initialize(variable: Any, initializer: Any) -> None:
        if variable.name == SEED_STATE:  # set from its path later, and Keras's global one is none of the layer's
            original(variable, initializer)
            return
        path = variable.path.removeprefix(f"{layer}/")
        keras.utils.set_random_seed(_bits(seed, "weight", layer, path, drawn[path]))
        drawn[path] += 1
        if isinstance(initializer, RandomInitializer) and initializer._init_seed is None:
            initializer = copy(initializer)
            initializer.seed = random.randint(1, 10**9)
        original(variable, initializer)

    names = global_state.get_global_attribute(_NAMES)
    global_state.set_global_attribute(_NAMES, defaultdict(int))
    backend.Variable._initialize_with_initializer = initialize
    keras.utils.set_random_seed(_bits(seed, "layer", layer))
    try:
        yield
    finally:
        backend.Variable._initialize_with_initializer = original
        global_state.set_global_attribute(_NAMES, names)


class Made:
    """The TensorFlow variables that are made while a model is."""

    def __init__(self) -> None:
        self._variables: list[weakref.ref[Any]] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        def make(next_creator: Any, **keywords: Any) -> Any:
            variable = next_creator(**keywords)
            self._variables.append(weakref.ref(variable))
            return variable

        with tf.variable_creator_scope(make):
            yield

    def unknown_to(self, model: keras.Model) -> str | None:
        """The name of one that is neither a weight of the model nor of its metrics nor a random state; None if none."""
        known = {id(variable._value) for variable in model.variables}
        known |= {id(variable._value) for layer in inside(model) for variable in layer.metrics_variables}

        def unknown() -> list[Any]:
            alive = [variable for reference in self._variables if (variable := reference()) is not None]
            return [variable for variable in alive if id(variable) not in known and SEED_STATE not in variable.name]

        if unknown():
            gc.collect()  # what is held by a circle alone is nobody's state
        return next((str(variable.name) for variable in unknown()), None)
