"""Where a trial starts: every weight drawn from (seed, layer name), so that variants of one seed are pairs."""

import hashlib
from typing import Any

import keras
import numpy as np

from bnexp.specs.model import AnyModel
from bnexp.specs.trial import stream

SEED_STATE = "seed_generator_state"


def initial_weights(model: keras.Model, spec: AnyModel, seed: int, constants: list[np.ndarray]) -> list[np.ndarray]:
    """The value at which each of `model.variables` starts, in their order.

    A kernel is drawn by the spec's Keras initializer (a recurrent one is orthogonal, as in Keras), seeded from
    (seed, path of the weight), and multiplied by `initial_scale`; the gain of weight normalization is the length of
    each unit's kernel; a vector of the power method is normal, and the state of a random layer an integer, both
    seeded from (seed, its path).  All other weights (biases, γ, β, moving statistics) start at `constants`, the
    values that Keras gave them when the model was built.
    """
    names = paths(model)
    values = [
        _initial(variable, path, spec, seed, constant)
        for variable, path, constant in zip(model.variables, names, constants, strict=True)
    ]
    drawn = dict(zip(names, values, strict=True))
    return [
        _lengths(kernel) if path.endswith("/gain") and (kernel := drawn.get(_beside(path))) is not None else value
        for path, value in zip(names, values, strict=True)
    ]


def data_dependent_initialization(model: keras.Model, images: Any) -> None:
    """Let every layer that starts from data do so with a first batch of images (N,H,W,C), from the input upwards.

    Each sees what those below it, already initialized, make of the images in inference mode (Salimans & Kingma 2016,
    §3).  Nothing happens to a model without such layers.
    """
    for layer in model.layers:
        if hasattr(layer, "initialize_from_data"):
            layer.initialize_from_data(keras.Model(model.inputs, layer.input)(images, training=False))


def paths(model: keras.Model) -> list[str]:
    """The path of each of `model.variables`, which depends on the model alone.

    Keras counts random layers through the whole life of a process; here they go by the name of the layer.
    """
    named = {
        id(variable): f"{layer.name}/{SEED_STATE}"
        for layer in model.layers
        for variable in layer.variables
        if variable.path.endswith(SEED_STATE)
    }
    return [named.get(id(variable), variable.path) for variable in model.variables]


def _initial(variable: keras.Variable, path: str, spec: AnyModel, seed: int, constant: np.ndarray) -> np.ndarray:
    if path.endswith(("/kernel", "/recurrent_kernel")):
        kind = spec.initializer if path.endswith("/kernel") else "orthogonal"
        # Keras takes seeds of 32 bits; 31 are safe on every backend.
        initializer = keras.initializers.get(
            {"class_name": kind, "config": {"seed": stream(seed, "weight", path) >> 32}}
        )
        return np.asarray(initializer(variable.shape, dtype="float32")) * np.float32(spec.initial_scale)
    if path.endswith("/singular_vector"):
        generator = np.random.default_rng(stream(seed, "weight", path))
        return generator.standard_normal(constant.shape).astype("float32")
    if path.endswith(SEED_STATE):
        return np.array([stream(seed, "random", path) >> 32, 0], dtype=constant.dtype)
    return constant


def _beside(path: str) -> str:
    """The path of the kernel that a gain belongs to."""
    return f"{path.removesuffix('gain')}kernel"


def _lengths(kernel: np.ndarray) -> np.ndarray:
    """Euclidean length of each unit's weights, shape (units,)."""
    return np.asarray(np.sqrt(np.square(kernel).sum(tuple(range(kernel.ndim - 1)))))


def fingerprint(array: np.ndarray) -> str:
    """16 hexadecimal digits of the SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
