"""A method's layer against its formula in float64 numpy, on numbers drawn for the occasion.

`python -m bnexp.norms.check '{"name": "group", "groups": 4}'` prints the deviations as JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Literal

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
    if isinstance(spec, OwnNorm):
        return {}
    found = {}
    kinds: tuple[Literal["conv", "dense"], ...] = ("conv", "dense")
    for kind in kinds:
        shape = (5, 4, _channels(spec)) if kind == "conv" else (_channels(spec),)
        if spec.takes_kind(kind) and spec.refusal(Block("it", kind, shape)) is None:
            for training in (True, False):
                mode = "training" if training else "inference"
                found[f"{kind}_{mode}"] = _difference(spec, kind, shape, training, np.random.default_rng(seed))
    return found


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


def _difference(
    spec: Norm, kind: Literal["conv", "dense"], shape: tuple[int, ...], training: bool, generator: np.random.Generator
) -> float:
    import keras  # noqa: PLC0415  # TensorFlow only when it is needed

    acts = spec.linear_target is not None
    examples = 2 * getattr(spec, "ghost_size", 4) + 1
    size = (*shape[:-1], _INPUT_CHANNELS) if acts else shape
    inputs = keras.Input(size)
    y = inputs
    if acts:
        keywords = {"kernel_size": 3, "use_bias": spec.use_bias} if kind == "conv" else {"use_bias": spec.use_bias}
        y = linear(spec, kind, shape[-1], "it", **keywords)(y)
    if spec.target is not None:
        y = build(spec, "it_norm")(y)
    model = keras.Model(inputs, y)
    weights = {variable.path.rpartition("/")[2]: _drawn(variable, spec, generator) for variable in model.variables}
    x = generator.normal(1, 2, (examples, *size)).astype("float32")
    expected = spec.reference(x.astype("float64"), weights, training)
    return float(np.abs(np.asarray(model(x, training=training)) - expected).max())


def _drawn(variable: "keras.Variable", spec: Norm, generator: np.random.Generator) -> Any:
    """A value that a trained layer might have, put into the variable; as float64."""
    name = variable.path.rpartition("/")[2]
    if name == "steps":
        value: Any = (getattr(spec, "ramp_start", 0) + getattr(spec, "r_ramp_end", 0)) // 2
    elif name in ("rho", "moving_variance", "moving_deviation", "gain"):
        value = generator.uniform(0.1, 1, variable.shape)
    elif name in ("kernel", "singular_vector"):
        value = generator.normal(0, 0.5, variable.shape)
    else:
        value = generator.normal(1, 0.5, variable.shape)
    variable.assign(value)
    return np.asarray(variable.numpy(), "float64")


def _channels(spec: Norm) -> int:
    """A number of channels that the method takes: two in each group, or 16."""
    return 2 * getattr(spec, "groups", 8)


if __name__ == "__main__":
    print(json.dumps(deviation(TrialSpec.model_validate({"norm": json.loads(sys.argv[1])}).norm)))
