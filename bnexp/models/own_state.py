"""The state of a user's own layer, or model: drawn from (seed, its name, path within it), however it draws.

What Keras has no public way to is asked here.
"""

import gc
import random
import weakref
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
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

from bnexp.specs.trial import stream

SEED_STATE = "seed_generator_state"
"""Keras's name of the state of a random layer."""
_NAMES = "object_name_uids"
"""Keras's name of what counts the objects that get a name by number."""

_seed: ContextVar[int] = ContextVar("seed", default=0)


def seed_everything(
    seed: int, name: str, generator: seed_generator.SeedGenerator | None = None
) -> seed_generator.SeedGenerator:
    """Start the generators of Python, NumPy, TensorFlow and Keras from `stream(seed, name)`; returns Keras's.

    That is `generator`, where graphs hold one already.
    """
    keras.utils.set_random_seed(bits(seed, name))
    if generator is not None:
        generator.state.assign(np.array([bits(seed, name), 0], generator.state.dtype))
        global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, generator)
    return seed_generator.global_seed_generator()


def bits(seed: int, *names: str | int) -> int:
    """31 bits of a stream, which every generator takes."""
    return stream(seed, *names) >> 32


def inside(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer and all that it is made of, at any depth: a cell, the parts of a user's block."""
    return list(layer._flatten_layers())  # Keras has no public way to them


@contextmanager
def building(seed: int) -> Iterator[list[weakref.ref[Any]]]:
    """While a model is built: users' own layers in it start from `seed`; collects the TensorFlow variables made."""
    made: list[weakref.ref[Any]] = []

    def make(next_creator: Any, **keywords: Any) -> Any:
        variable = next_creator(**keywords)
        made.append(weakref.ref(variable))
        return variable

    token = _seed.set(seed)
    try:
        with tf.variable_creator_scope(make):
            yield made
    finally:
        _seed.reset(token)


def unknown_variable(made: list[weakref.ref[Any]], model: keras.Model) -> str | None:
    """The name of one that is neither a weight of the model nor of its metrics nor a random state; None if none."""
    known = {id(variable._value) for variable in model.variables}
    known |= {id(variable._value) for layer in inside(model) for variable in layer.metrics_variables}

    def unknown() -> list[str]:
        alive = [variable for reference in made if (variable := reference()) is not None]
        return [str(one.name) for one in alive if id(one) not in known and SEED_STATE not in one.name]

    if unknown():
        gc.collect()  # what is held by a circle alone is nobody's state
    return next(iter(unknown()), None)


def calls(model: keras.Model) -> list[Any]:
    """Each call of a layer or operation in a functional model: `operation`, `arguments`, `input_tensors`, `outputs`."""
    return [call for at_depth in model._nodes_by_depth.values() for call in at_depth]  # Keras has no public way to them


@contextmanager
def unnoticed(name: str) -> Iterator[None]:
    """While a part of this name is made that not all variants have: what comes after it in a model is not shifted.

    Layers without a name are numbered, and all generators start anew, as if it were not there.
    """
    names = dict(global_state.get_global_attribute(_NAMES) or {})
    try:
        yield
    finally:
        global_state.set_global_attribute(_NAMES, defaultdict(int, names))
        keras.utils.set_random_seed(bits(_seed.get(), "after", name))


@contextmanager
def apart(layer: str = "") -> Iterator[None]:
    """While a user's layer of this name is made and built: what it draws and names depends on nothing before it.

    Without a name it is a whole model.  Parts without a name are numbered within it.  All generators start from
    (seed, layer), and again from (seed, layer, path) at each weight; a random initializer of Keras without a seed of
    its own gets one from there.
    """
    seed, drawn = _seed.get(), Counter[str]()
    original = backend.Variable._initialize_with_initializer

    def initialize(variable: Any, initializer: Any) -> None:
        if variable.name == SEED_STATE:  # set from its path later, and Keras's global one is none of the layer's
            original(variable, initializer)
            return
        path = variable.path.removeprefix(f"{layer}/")
        keras.utils.set_random_seed(bits(seed, "weight", layer, path, drawn[path]))
        drawn[path] += 1
        if isinstance(initializer, RandomInitializer) and initializer._init_seed is None:
            initializer = copy(initializer)
            initializer.seed = random.randint(1, 10**9)
        original(variable, initializer)

    names = global_state.get_global_attribute(_NAMES)
    global_state.set_global_attribute(_NAMES, defaultdict(int))
    backend.Variable._initialize_with_initializer = initialize
    keras.utils.set_random_seed(bits(seed, "layer", layer))
    try:
        yield
    finally:
        backend.Variable._initialize_with_initializer = original
        global_state.set_global_attribute(_NAMES, names)


@contextmanager
def kept(variables: Iterable[keras.Variable]) -> Iterator[None]:
    """Whatever happens to these variables within is undone, to the bit."""
    before = [(variable, variable.numpy()) for variable in variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)
