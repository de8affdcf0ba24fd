"""What torch computes for the methods that it has: outputs and gradients, in float64, as `<method>.npz` beside this.

Run with torch 2.13.0: `python tests/golden/make.py`.  The arrays are of N,H,W,C and of N,C (keys `conv_...` and
`dense_...`), though torch's own are of N,C,H,W; kernels are (height, width, channels, filters) and (fan-in, units).
Keys: `x` input, `upstream` ∂L/∂y, `y` output in training mode, `d_<name>` gradients of L = Σ upstream · y, further
the variables by the names that they have here.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

EPSILON = 1e-3
MOMENTUM = 0.9
GROUPS = 4
SHAPES = {"conv": (5, 3, 4, 8), "dense": (6, 8)}
"""What is normalized.  The layers that act on weights have inputs of `INPUTS` instead, and 4 units."""
INPUTS = {"conv": (3, 5, 4, 3), "dense": (6, 5)}
KERNELS = {"conv": (3, 2, 3, 4), "dense": (5, 4)}


def arrays(method: str) -> dict[str, np.ndarray]:
    """All arrays of one method."""
    kinds = ["conv"] if method == "instance" else ["conv", "dense"]
    compute = _of_weights if method in ("weight", "spectral") else _of_outputs
    return {f"{kind}_{key}": value for kind in kinds for key, value in compute(method, kind)}


METHODS = ["batch", "layer", "layer-channel", "layer-full", "instance", "group", "rms", "weight", "spectral"]


def _of_outputs(method: str, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    import torch  # noqa: PLC0415  # the tests read this file's constants without torch

    shape = SHAPES[kind]
    generator = np.random.default_rng([11, METHODS.index(method), len(shape)])
    x, upstream = generator.normal(0.5, 1.5, shape), generator.normal(0, 1, shape)
    layer = _layer(method, shape).double()
    names = {"scale": layer.weight} if method == "rms" else {"gamma": layer.weight, "beta": layer.bias}
    per_element = method == "layer-full" and kind == "conv"
    values = {}
    for name, parameter in names.items():
        values[name] = generator.normal(1, 0.5, shape[1:] if per_element else shape[-1:])
        with torch.no_grad():
            parameter.copy_(torch.tensor(_to_torch(values[name][None])[0] if per_element else values[name]))
    last = method in ("layer-channel", "rms")  # these normalize torch's last axis: given N,H,W,C they need no turning
    given = torch.tensor(x if last else _to_torch(x)).requires_grad_()
    y = layer(given)
    y.backward(torch.tensor(upstream if last else _to_torch(upstream)))
    yield from {"x": x, "upstream": upstream, **values}.items()
    turn = (lambda array: array) if last else _from_torch
    yield "y", turn(y.detach().numpy())
    yield "d_x", turn(given.grad.numpy())
    for name, parameter in names.items():
        gradient = parameter.grad.numpy()
        yield f"d_{name}", _from_torch(gradient[None])[0] if per_element else gradient
    if method == "batch":
        yield "moving_mean", layer.running_mean.numpy()
        yield "moving_variance_unbiased", layer.running_var.numpy()
        yield "y_inference", turn(layer.eval()(given).detach().numpy())


def _layer(method: str, shape: tuple[int, ...]) -> "torch.nn.Module":  # noqa: F821  # imported where it is used
    from torch import nn  # noqa: PLC0415  # see above

    channels = shape[-1]
    if method == "batch":
        return (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(channels, eps=EPSILON, momentum=1 - MOMENTUM)
    if method == "instance":
        return nn.InstanceNorm2d(channels, eps=EPSILON, affine=True)
    if method in ("layer", "group"):
        return nn.GroupNorm(1 if method == "layer" else GROUPS, channels, eps=EPSILON)
    if method == "layer-full":
        return nn.LayerNorm([shape[-1], *shape[1:-1]], eps=EPSILON)
    return (nn.RMSNorm if method == "rms" else nn.LayerNorm)(channels, eps=EPSILON)


def _of_weights(method: str, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    import torch  # noqa: PLC0415  # see above
    from torch.nn.utils import parametrizations  # noqa: PLC0415

    generator = np.random.default_rng([11, METHODS.index(method), len(INPUTS[kind])])
    x, kernel = generator.normal(0.5, 1.5, INPUTS[kind]), generator.normal(0, 0.5, KERNELS[kind])
    fan_in, units = KERNELS[kind][-2:]
    linear = torch.nn.Conv2d(fan_in, units, kernel.shape[:2]) if kind == "conv" else torch.nn.Linear(fan_in, units)
    linear = linear.double()
    bias = generator.normal(0, 0.5, units)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(_kernel_to_torch(kernel)))
        linear.bias.copy_(torch.tensor(bias))
    values = {"kernel": kernel, "bias": bias}
    if method == "weight":
        parametrizations.weight_norm(linear)
        length, raw = linear.parametrizations.weight.original0, linear.parametrizations.weight.original1
        values["gain"] = generator.normal(1, 0.5, units)
        with torch.no_grad():
            length.copy_(torch.tensor(values["gain"]).reshape(length.shape))
    else:
        parametrizations.spectral_norm(linear, n_power_iterations=1)
        raw = linear.parametrizations.weight.original
        values["singular_vector"] = generator.normal(0, 1, units)
        start = torch.tensor(values["singular_vector"])
        linear.parametrizations.weight[0]._u.copy_(start / start.norm())
        # torch's step makes u from v first, and v from that u: this v makes it continue where we start.
        linear.parametrizations.weight[0]._v.copy_(
            torch.tensor(_unit(start.numpy() @ raw.detach().numpy().reshape(units, -1)))
        )
    given = torch.tensor(_to_torch(x)).requires_grad_()
    y = linear(given)
    upstream = generator.normal(0, 1, _from_torch(y.detach().numpy()).shape)
    y.backward(torch.tensor(_to_torch(upstream)))
    yield from {"x": x, "upstream": upstream, **values}.items()
    yield "y", _from_torch(y.detach().numpy())
    yield "d_x", _from_torch(given.grad.numpy())
    yield "d_kernel", _kernel_from_torch(raw.grad.numpy())
    yield "d_bias", linear.bias.grad.numpy()
    if method == "weight":
        yield "d_gain", length.grad.numpy().reshape(-1)
    else:
        yield "singular_vector_after", linear.parametrizations.weight[0]._u.numpy()


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _to_torch(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, 1)


def _from_torch(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, 1, -1)


def _kernel_to_torch(kernel: np.ndarray) -> np.ndarray:
    """(height, width, channels, filters) as (filters, channels, height, width); (fan-in, units) transposed."""
    return kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T


def _kernel_from_torch(kernel: np.ndarray) -> np.ndarray:
    return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T


if __name__ == "__main__":
    for each in METHODS:
        np.savez_compressed(Path(__file__).with_name(f"{each}.npz"), **arrays(each))
