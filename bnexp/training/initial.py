"""Where a trial starts: every weight drawn from (seed, layer name), so that variants of one seed are pairs."""

import hashlib

import keras
import numpy as np

from bnexp.experiment.trial import stream
from bnexp.models.table import AnyModel

SEED_STATE = "seed_generator_state"


def initial_weights(model: keras.Model, spec: AnyModel, seed: int, constants: list[np.ndarray]) -> list[np.ndarray]:
    """The value at which each of `model.variables` starts, in their order.

    A kernel is drawn by the spec's Keras initializer (a recurrent one is orthogonal, as in Keras), seeded from
    (seed, path of the weight), and multiplied by `initial_scale`; the state of a random layer is seeded from
    (seed, its path).  All other weights (biases, γ, β, moving statistics) start at `constants`, the values that Keras
    gave them when the model was built.
    """
    return [
        _initial(variable, path, spec, seed, constant)
        for variable, path, constant in zip(model.variables, paths(model), constants, strict=True)
    ]


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
    if path.endswith(SEED_STATE):
        return np.array([stream(seed, "random", path) >> 32, 0], dtype=constant.dtype)
    return constant


def fingerprint(array: np.ndarray) -> str:
    """16 hexadecimal digits of the SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
