"""Where a trial starts: every weight drawn from (seed, layer name), so that variants of one seed are pairs."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bnexp.lazy import attribute
from bnexp.models.blocks import Built
from bnexp.models.own_state import SEED_STATE, bits
from bnexp.specs.initializer import Identity, Initializer
from bnexp.specs.model import AnyModel, LstmSpec, OwnModel
from bnexp.specs.trial import stream

GATES = 4
"""Of an LSTM."""


def initial_weights(built: Built, spec: AnyModel, seed: int, constants: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The value at which each of the model's `variables` starts, in their order, by its path.

    A kernel of the model's own layers is drawn by the spec's initializer, seeded from (seed, path of the weight), and
    multiplied by `initial_scale`; the state of a random layer is an integer, seeded likewise.  What a method adds to a
    linear layer starts as that layer says.  All other weights (biases, γ, β, moving statistics, whatever a user's layer
    has, a `kernel` too) start at `constants`, the values that they got when the model was built; of a user's own model
    all do.
    """
    variables, of_norms = dict(zip(paths(built.model), built.model.variables, strict=True)), built.of_norms
    values = {id(variable): constant for variable, constant in zip(variables.values(), constants, strict=True)}
    for path, variable in variables.items():
        if variable.name == SEED_STATE:
            values[id(variable)] = np.array([bits(seed, "random", path), 0], dtype=values[id(variable)].dtype)
        elif isinstance(spec, OwnModel):
            continue
        elif variable.name in ("kernel", "recurrent_kernel") and id(variable) not in of_norms:
            initializer: Initializer = spec.initializer
            if isinstance(spec, LstmSpec) and variable.name == "recurrent_kernel":
                initializer = spec.recurrent_initializer
            gates = GATES if path.startswith("lstm/") else 1
            kernel = _drawn(initializer, variable.shape, bits(seed, "weight", path), gates)
            values[id(variable)] = kernel * np.float32(spec.initial_scale)
    for norm in built.norms:
        if hasattr(norm.layer, "initial_values"):
            kernel = values[id(norm.layer.kernel)]
            added = norm.layer.initial_values(kernel, lambda path: np.random.default_rng(stream(seed, "weight", path)))
            values.update((id(variable), value) for variable, value in added)
    return {path: values[id(variable)] for path, variable in variables.items()}


def _drawn(spec: Initializer, shape: tuple[int, ...], seed: int, gates: int) -> np.ndarray:
    """A kernel in float32; that of an LSTM holds a matrix for each gate, side by side.

    Keras's identity would be that of the first gate, and zero in the others.
    """
    if isinstance(spec, Identity):
        return np.tile(np.eye(shape[0], shape[1] // gates, dtype=np.float32) * np.float32(spec.gain), gates)
    arguments = {key: value for key, value in spec if key != "name"}
    with tf.device("CPU"):  # a GPU rounds normal numbers and orthogonal matrices in another way
        return np.asarray(attribute(spec.target)(**arguments, seed=seed)(shape, dtype="float32"))


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
    """The path of each of `model.variables`, which depends on the model alone; no two are the same.

    Each begins with the name of its layer.  Keras counts random layers through the whole life of a process; here they
    go by the name of the layer around them.  What has the path of an earlier one is numbered, from the second on.
    """
    named: dict[int, str] = {}
    times = Counter[str]()
    for layer in model.layers:
        for variable in layer.variables:
            inner = SEED_STATE if variable.name == SEED_STATE else variable.path.removeprefix(f"{layer.name}/")
            path = f"{layer.name}/{inner}"
            named.setdefault(id(variable), path + (f"_{times[path]}" if times[path] else ""))
            times[path] += 1
    return [named[id(variable)] for variable in model.variables]


def fingerprint(arrays: Iterable[np.ndarray]) -> str:
    """16 hexadecimal digits of the SHA-256 of the arrays' bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
