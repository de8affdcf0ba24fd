"""A method's layer against its formula in float64 numpy, on numbers drawn for the occasion.

`python -m bnexp.norms.check '{"name": "group", "groups": 4}'` prints the deviations as JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from bnexp.norms.build import build, linear
from bnexp.specs.block import Block
from bnexp.specs.norms.base import Norm
from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.trial import TrialSpec

if TYPE_CHECKING:
    import keras

_INPUT_CHANNELS = 3
"""Of the linear layer, where the method acts on weights."""


def deviation(spec: Norm, seed: int = 0) -> dict[str, float]:
    """The largest absolute difference between the float32 layer and its formula, for outputs of order 1.

    Keys are `conv_training`, `conv_inference` and likewise for `dense`, as far as the method takes such blocks; {} for
    no normalization and for a layer that is not ours.  All variables are drawn at random, from `seed`.
    Imports TensorFlow.
    """
    channels = 2 * getattr(spec, "groups", 8)
    blocks = [Block("it", "conv", (5, 4, channels)), Block("it", "dense", (channels,))]
    return {
        f"{block.kind}_{mode}": _difference(spec, block, mode == "training", np.random.default_rng(seed))
        for block in blocks
        if not isinstance(spec, OwnNorm) and spec.takes(block) and spec.refusal(block) is None
        for mode in ("training", "inference")
    }


def deviation_apart(spec: Norm) -> dict[str, float]:
    """`deviation`, computed in a process of its own, so that this one imports no TensorFlow."""
    asked = [sys.executable, "-P", "-m", "bnexp.norms.check", spec.model_dump_json()]
    with tempfile.TemporaryDirectory() as nothing_set:  # whatever the user's keras.json says
        settings = {"KERAS_HOME": nothing_set, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **settings}
        done = subprocess.run(asked, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"the comparison with NumPy failed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _difference(spec: Norm, block: Block, training: bool, generator: np.random.Generator) -> float:
    import keras  # noqa: PLC0415  # TensorFlow only when it is needed

    acts = spec.linear_target is not None
    size = (*block.shape[:-1], _INPUT_CHANNELS) if acts else block.shape
    y = inputs = keras.Input(size)
    if acts:
        kernel = {"kernel_size": 3} if block.kind == "conv" else {}
        y = linear(spec, block, use_bias=spec.use_bias, **kernel)(y)
    if spec.target is not None:
        y = build(spec, "it_norm")(y)
    model = keras.Model(inputs, y)
    weights = {variable.name: _drawn(variable, spec, generator) for variable in model.weights}
    x = generator.normal(1, 2, (2 * getattr(spec, "ghost_size", 4) + 1, *size)).astype("float32")
    if training and hasattr(model.layers[-1], "draws"):
        weights |= _next_draws(model.layers[-1], x)
    expected = spec.reference(x.astype("float64"), weights, training)
    return float(np.abs(np.asarray(model(x, training=training)) - expected).max())


def _next_draws(layer: "keras.layers.Layer", x: np.ndarray) -> dict[str, Any]:
    """The random numbers that the next call in training will draw, by name; as float64."""
    state = layer.seed_generator.state
    before = state.numpy()
    drawn = {name: np.asarray(value, "float64") for name, value in layer.draws(x).items()}
    state.assign(before)
    return drawn


def _drawn(variable: "keras.Variable", spec: Norm, generator: np.random.Generator) -> Any:
    """A value that a trained layer might have, put into the variable; as float64."""
    if variable.name == "steps":
        value: Any = (getattr(spec, "ramp_start", 0) + getattr(spec, "r_ramp_end", 0)) // 2
    elif variable.name in ("rho", "moving_variance", "moving_deviation", "gain"):
        value = generator.uniform(0.1, 1, variable.shape)
    elif variable.name in ("kernel", "singular_vector"):
        value = generator.normal(0, 0.5, variable.shape)
    else:
        value = generator.normal(1, 0.5, variable.shape)
    variable.assign(value)
    return np.asarray(variable.numpy(), "float64")


if __name__ == "__main__":
    print(json.dumps(deviation(TrialSpec.model_validate({"norm": json.loads(sys.argv[1])}).norm)))
