"""Where a trial starts: every weight drawn from (seed, layer name), so that variants of one seed are pairs."""

import hashlib

import keras
import numpy as np

from bnexp.experiment.trial import stream
from bnexp.models.table import AnyModel


def initial_weights(model: keras.Model, spec: AnyModel, seed: int, constants: list[np.ndarray]) -> list[np.ndarray]:
    """The value at which each of `model.variables` starts, in their order.

    A kernel is drawn by the spec's Keras initializer (a recurrent one is orthogonal, as Keras has it), seeded from
    (seed, path of the weight), and multiplied by `initial_scale`; the state of a random layer is seeded from (seed, its path).  All other weights (biases, γ, β,
    moving statistics) start at `constants`, the values that Keras gave them when the model was built.
    """
    return [
        _initial(variable, spec, seed, constant) for variable, constant in zip(model.variables, constants, strict=True)
    ]


def _initial(variable: keras.Variable, spec: AnyModel, seed: int, constant: np.ndarray) -> np.ndarray:
    if variable.path.endswith(("/kernel", "/recurrent_kernel")):
        kind = spec.initializer if variable.path.endswith("/kernel") else "orthogonal"
        # Keras takes seeds of 32 bits; 31 are safe on every backend.
        initializer = keras.initializers.get(
            {"class_name": kind, "config": {"seed": stream(seed, "weight", variable.path) >> 32}}
        )
        return np.asarray(initializer(variable.shape, dtype="float32")) * np.float32(spec.initial_scale)
    if variable.path.endswith("seed_generator_state"):
        return np.array([stream(seed, "random", variable.path) >> 32, 0], dtype=constant.dtype)
    return constant


def fingerprint(array: np.ndarray) -> str:
    """16 hexadecimal digits of the SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
