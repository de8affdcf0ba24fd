"""Every method of the table as a small Keras model with weights drawn at random, after a convolution or a dense layer.

A method that acts on weights is its linear layer and what follows it; any other is the normalizing layer alone.
"""

from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from bnexp.norms.build import build, linear
from bnexp.specs.block import Block
from bnexp.specs.norms.base import Norm
from bnexp.specs.norms.table import METHODS

INPUTS = {
    (False, "conv"): (5, 4, 3, 8),
    (False, "dense"): (7, 8),
    (True, "conv"): (4, 5, 4, 3),
    (True, "dense"): (7, 5),
}
"""Shape of the input, by (whether the method acts on weights, kind); where it does, 8 units follow."""
UNITS = 8
ARGUMENTS = {
    "group": {"groups": 4},
    "weight-standardized-group": {"groups": 4},
    "evonorm-s0": {"groups": 4},
    "ghost-batch": {"ghost_size": 3},
    "frozen-batch": {"freeze_after": 20},
    "noise": {"shift_limit": 0.3, "scale_limit": 1.5, "shift_spread": 0.2, "scale_spread": 0.15},
    "noisy-batch": {"scale_limit": 1.75, "shift_spread": 0.3, "scale_spread": 0.25, "noise_per": "example"},
    "batch-renorm": {"r_max": 1.5, "d_max": 0.5, "ramp_start": 0, "r_ramp_end": 0, "d_ramp_end": 0},
}
"""Where the default would not show everything on such small arrays: groups of 2, a smaller last chunk, both clips."""
UNUSUAL = {"epsilon": 0.02, "momentum": 0.7, "weight_epsilon": 3e-4, "power_iterations": 2}
"""Of every method that has them.  No defaults: an argument that is lost on the way to the layer, or in a saved file, is
noticed."""
CASES = [
    (name, kind)
    for name, row in METHODS.items()
    for kind in ("conv", "dense")
    if name != "none" and row().takes_kind(kind)
]


@contextmanager
def policy(name: str):
    """Keras's policy for layers made inside."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def settings(name: str) -> dict:
    """The arguments of a method unless a test gives others."""
    fields = METHODS[name].model_fields
    return ARGUMENTS.get(name, {}) | {key: value for key, value in UNUSUAL.items() if key in fields}


@dataclass
class Made:
    """A method ready for use."""

    spec: Norm
    kind: str
    shape: tuple[int, ...]
    model: keras.Model

    @property
    def block(self) -> Block:
        """What its output would be called in a model."""
        return Block("it", self.kind, tuple(self.model.output_shape[1:]))

    def draws(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """What the next call in training will draw; {} where the method draws nothing."""
        before, norm = self.values(), self.model.layers[-1]
        found = {name: np.asarray(value, "float64") for name, value in norm.draws(x).items()} if self.random else {}
        self.assign(**before)
        return found

    @property
    def random(self) -> bool:
        """Whether it draws random numbers in training."""
        return hasattr(self.model.layers[-1], "draws")

    def input(self, seed: int = 0) -> np.ndarray:
        """Numbers with another mean and deviation in each channel, float64."""
        generator = np.random.default_rng([seed, *self.shape])
        channels = self.shape[-1]
        return generator.normal(0, 1, self.shape) * np.linspace(0.5, 3, channels) + np.linspace(-2, 2, channels)

    def values(self) -> dict[str, np.ndarray]:
        """The variables by their name."""
        return {variable.name: variable.numpy() for variable in self.model.variables}

    def assign(self, **values) -> None:
        """Set variables by their name."""
        for variable in self.model.variables:
            if variable.name in values:
                variable.assign(np.broadcast_to(values[variable.name], variable.shape))

    def __call__(self, x: np.ndarray, training: bool):
        return self.model(tf.constant(x, self.model.input.dtype), training=training)

    def gradients(self, x: np.ndarray, upstream: np.ndarray | None = None, training: bool = True):
        """Gradients of Σ upstream · y: of x, and by name of the trained variables; without `upstream` that of Σ y²."""
        with tf.GradientTape() as tape:
            value = tf.constant(x, self.model.input.dtype)
            tape.watch(value)
            y = tf.cast(self.model(value, training=training), value.dtype)
            loss = tf.reduce_sum(y * y if upstream is None else y * tf.constant(upstream, value.dtype))
        variables = self.model.trainable_variables
        of_x, *others = tape.gradient(loss, [value, *(variable.value for variable in variables)])
        return of_x.numpy(), {one.name: other.numpy() for one, other in zip(variables, others, strict=True)}


def made(
    name: str, kind: str, shape: tuple[int, ...] | None = None, *, units: int = UNITS, plain: bool = False, **arguments
) -> Made:
    """A method with `arguments` (default: `settings`), weights at random (`plain`: as they start)."""
    spec = METHODS[name](**(settings(name) | arguments))
    acts = spec.linear_target is not None
    shape = shape or INPUTS[acts, kind]
    inputs = keras.Input(shape[1:], dtype=keras.config.dtype_policy().variable_dtype)
    y = inputs
    if acts:
        kernel = {"kernel_size": (3, 2)} if kind == "conv" else {}
        y = linear(spec, Block("it", kind, (units,)), use_bias=spec.use_bias, **kernel)(y)
    if spec.target is not None:
        y = build(spec, "it_norm")(y)
    it = Made(spec, kind, shape, keras.Model(inputs, y))
    it.assign(seed_generator_state=np.array([7, 0]))
    if not plain:
        randomize(it)
    return it


def randomize(it: Made) -> None:
    """Weights that a trained layer might have; none at a value that would hide it."""
    generator = np.random.default_rng(5)
    ranges = {"rho": (0.1, 0.9), "moving_variance": (0.5, 4), "moving_deviation": (0.5, 4), "gain": (0.5, 2)}
    for variable in it.model.weights:
        if variable.name == "steps":
            variable.assign(10)
        elif variable.name in ranges:
            variable.assign(generator.uniform(*ranges[variable.name], variable.shape))
        else:
            around_1 = variable.name in ("gamma", "scale", "v")
            variable.assign(generator.normal(*((1, 0.4) if around_1 else (0, 0.5)), variable.shape))
