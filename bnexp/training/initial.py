"""Where a trial starts: every weight drawn from (seed, layer name), so that variants of one seed are pairs."""

import hashlib
from typing import Any

import keras
import numpy as np

from bnexp.models.built import Built
from bnexp.specs.model import AnyModel
from bnexp.specs.trial import stream

SEED_STATE = "seed_generator_state"
"""Keras's name of the state of a random layer."""


def initial_weights(built: Built, spec: AnyModel, seed: int, constants: list[np.ndarray]) -> list[np.ndarray]:
    """The value at which each of the model's `variables` starts, in their order.

    A kernel is drawn by the spec's Keras initializer (a recurrent one is orthogonal, as in Keras), seeded from
    (seed, path of the weight), and multiplied by `initial_scale`; the state of a random layer is an integer, seeded
    likewise.  What a method adds to a linear layer starts as that layer says.  All other weights (biases, γ, β, moving
    statistics) start at `constants`, the values that Keras gave them when the model was built.
    """
    variables = built.model.variables
    values = {
        id(variable): _initial(variable, path, spec, seed, constant)
        for variable, path, constant in zip(variables, paths(built.model), constants, strict=True)
    }
    for norm in built.norms:
        if hasattr(norm.layer, "initial_values"):
            added = norm.layer.initial_values(values[id(norm.layer.kernel)], lambda path: _generator(seed, path))
            values.update((id(variable), value) for variable, value in added)
    return [values[id(variable)] for variable in variables]


def data_dependent_initialization(built: Built, images: Any) -> None:
    """Let every norm layer that starts from data do so with a first batch of images (N,H,W,C), from the input upwards.

    Each sees what those below it, already initialized, make of the images in inference mode (Salimans & Kingma 2016,
    §3).  Nothing happens to a model without such layers.
    """
    for norm in built.norms:
        if hasattr(norm.layer, "initialize_from_data"):
            below = keras.Model(built.model.inputs, norm.layer.input)
            norm.layer.initialize_from_data(below(images, training=False))


def paths(model: keras.Model) -> list[str]:
    """The path of each of `model.variables`, which depends on the model alone.

    Keras counts random layers through the whole life of a process; here they go by the name of the layer around them,
    numbered from the second on.
    """
    named = {}
    for layer in model.layers:
        states = [variable for variable in layer.variables if variable.name == SEED_STATE]
        for k, variable in enumerate(states):
            named[id(variable)] = f"{layer.name}/{SEED_STATE}" + (f"_{k}" if k else "")
    return [named.get(id(variable), variable.path) for variable in model.variables]


def _initial(variable: keras.Variable, path: str, spec: AnyModel, seed: int, constant: np.ndarray) -> np.ndarray:
    if variable.name in ("kernel", "recurrent_kernel"):
        kind = spec.initializer if variable.name == "kernel" else "orthogonal"
        # Keras takes seeds of 32 bits; 31 are safe on every backend.
        initializer = keras.initializers.get(
            {"class_name": kind, "config": {"seed": stream(seed, "weight", path) >> 32}}
        )
        return np.asarray(initializer(variable.shape, dtype="float32")) * np.float32(spec.initial_scale)
    if variable.name == SEED_STATE:
        return np.array([stream(seed, "random", path) >> 32, 0], dtype=constant.dtype)
    return constant


def _generator(seed: int, path: str) -> np.random.Generator:
    """The random numbers of one weight."""
    return np.random.default_rng(stream(seed, "weight", path))


def fingerprint(array: np.ndarray) -> str:
    """16 hexadecimal digits of the SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
