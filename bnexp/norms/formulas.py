"""Every method's formula in numpy, in the precision of its input: what the layers are compared with on the spot.

`formula(spec, x, w, training)` is the output for inputs x, (N,H,W,C) or (N,C), of the method with the variables `w` by
name.  Where a method acts on weights, x is the input of its linear layer (stride 1, no padding).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from bnexp.specs.norms.base import Norm

Array = np.ndarray
Variables = dict[str, Array]


def formula(spec: Norm, x: Array, w: Variables, training: bool) -> Array:
    """The output of the method; KeyError for one that has no formula here."""
    return _FORMULAS[getattr(spec, "name", "")](spec, x, w, training)


def has_formula(spec: Norm) -> bool:
    """Whether `formula` knows the method."""
    return getattr(spec, "name", "") in _FORMULAS


def _scaled(normalized: Array, w: Variables) -> Array:
    return np.asarray(w["gamma"] * normalized + w["beta"])


def _standardized(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return np.asarray((x - mean) / np.sqrt(variance + epsilon))


def _batch(x: Array) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


def _pixels(x: Array) -> tuple[int, ...]:
    return tuple(range(1, x.ndim - 1))


def _example(x: Array) -> tuple[int, ...]:
    return tuple(range(1, x.ndim))


def _in_groups(x: Array, groups: int) -> tuple[Array, tuple[int, ...]]:
    """x as (N,...,G,C/G), and the axes of one group of one example."""
    view = x.reshape(*x.shape[:-1], groups, -1)
    return view, (*range(1, view.ndim - 2), view.ndim - 1)


def _grouped(x: Array, groups: int, epsilon: float) -> Array:
    return _standardized(*_in_groups(x, groups), epsilon).reshape(x.shape)


def _batch_moments(x: Array, w: Variables, training: bool) -> tuple[Array, Array]:
    return (x.mean(_batch(x)), x.var(_batch(x))) if training else (w["moving_mean"], w["moving_variance"])


def _affine(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    return _scaled(x, w)


def _batch_norm(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    mean, variance = _batch_moments(x, w, training)
    return _scaled((x - mean) / np.sqrt(variance + spec.epsilon), w)


def _layer(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    return _scaled(_standardized(x, _example(x), spec.epsilon), w)


def _layer_channel(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    return _scaled(_standardized(x, (x.ndim - 1,), spec.epsilon), w)


def _instance(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    return _scaled(_standardized(x, _pixels(x), spec.epsilon), w)


def _group(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    return _scaled(_grouped(x, spec.groups, spec.epsilon), w)


def _rms(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    return np.asarray(w["scale"] * x / np.sqrt((x**2).mean(-1, keepdims=True) + spec.epsilon))


def _linear(x: Array, kernel: Array, w: Variables) -> Array:
    """x as the linear layer makes it with this kernel, and its bias if it has one."""
    if x.ndim == 2:
        product = x @ kernel
    else:
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
        product = np.einsum("nyxcij,ijcf->nyxf", windows, kernel)
    return np.asarray(product + w.get("bias", 0.0))


def _weight(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    lengths = np.sqrt((w["kernel"] ** 2).sum(_batch(w["kernel"])))
    return _linear(x, w["gain"] * w["kernel"] / lengths, w)


def _mean_only_batch(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    t = _weight(spec, x, w, training)
    return np.asarray(t - (t.mean(_batch(t)) if training else w["moving_mean"]) + w["beta"])


def _batch_renorm(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    mean, deviation = w["moving_mean"], w["moving_deviation"]
    if not training:
        return _scaled((x - mean) / deviation, w)
    own_mean, own_deviation = x.mean(_batch(x)), np.sqrt(x.var(_batch(x)) + spec.epsilon)
    ends = [spec.ramp_start, spec.r_ramp_end], [spec.ramp_start, spec.d_ramp_end]
    r_max, d_max = (
        last if ramp[0] == ramp[1] else np.interp(w["steps"], ramp, [first, last])
        for ramp, first, last in zip(ends, (1.0, 0.0), (spec.r_max, spec.d_max), strict=True)
    )
    r = np.clip(own_deviation / deviation, 1 / r_max, r_max)
    d = np.clip((own_mean - mean) / deviation, -d_max, d_max)
    return _scaled((x - own_mean) / own_deviation * r + d, w)


def _ghost_batch(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    if not training:
        return _batch_norm(spec, x, w, False)
    chunks = np.split(x, range(spec.ghost_size, len(x), spec.ghost_size))
    return np.concatenate([_batch_norm(spec, chunk, w, True) for chunk in chunks])


def _batch_instance(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    mean, variance = _batch_moments(x, w, training)
    of_batch = (x - mean) / np.sqrt(variance + spec.epsilon)
    of_instance = _standardized(x, _pixels(x), spec.epsilon)
    return _scaled(w["rho"] * of_batch + (1 - w["rho"]) * of_instance, w)


def _switchable(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    kinds = [_pixels(x), _example(x)] if x.ndim == 4 else [_example(x)]
    members = [(x.mean(axes, keepdims=True), x.var(axes, keepdims=True)) for axes in kinds]
    members.append(_batch_moments(x, w, training))
    mean, variance = (
        sum(share * member[k] for share, member in zip(np.exp(logits) / np.exp(logits).sum(), members, strict=True))
        for k, logits in enumerate((w["mean_logits"], w["variance_logits"]))
    )
    return _scaled((x - mean) / np.sqrt(variance + spec.epsilon), w)


def _filter_response(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    square = (x**2).mean(_pixels(x), keepdims=True)
    return np.asarray(np.maximum(_scaled(x / np.sqrt(square + spec.epsilon), w), w["tau"]))


def _weight_standardized_group(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    kernel = _standardized(w["kernel"], _batch(w["kernel"]), spec.weight_epsilon)
    return _group(spec, _linear(x, kernel, w), w, training)


def _spectral(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    matrix = w["kernel"].reshape(-1, w["kernel"].shape[-1])
    u = w["singular_vector"]
    for _ in range(spec.power_iterations if training else 0):
        u = matrix.T @ (matrix @ u)
    sigma = np.linalg.norm(matrix @ u) / np.linalg.norm(u)
    return _linear(x, w["kernel"] / sigma, w)


def _evonorm_s0(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    view, axes = _in_groups(x, spec.groups)
    deviation = np.sqrt(view.var(axes, keepdims=True) + spec.epsilon)
    swish = x / (1 + np.exp(-w["v"] * x))
    return _scaled((swish.reshape(view.shape) / deviation).reshape(x.shape), w)


def _evonorm_b0(spec: Any, x: Array, w: Variables, training: bool) -> Array:
    of_batch = x.var(_batch(x)) if training else w["moving_variance"]
    of_instance = x.var(_pixels(x), keepdims=True)
    other = w["v"] * x + np.sqrt(of_instance + spec.epsilon)
    return _scaled(x / np.maximum(np.sqrt(of_batch + spec.epsilon), other), w)


_FORMULAS: dict[str, Callable[[Any, Array, Variables, bool], Array]] = {
    "affine": _affine,
    "batch": _batch_norm,
    "layer": _layer,
    "layer-channel": _layer_channel,
    "layer-full": _layer,
    "instance": _instance,
    "group": _group,
    "rms": _rms,
    "weight": _weight,
    "mean-only-batch": _mean_only_batch,
    "batch-renorm": _batch_renorm,
    "ghost-batch": _ghost_batch,
    "batch-instance": _batch_instance,
    "switchable": _switchable,
    "filter-response": _filter_response,
    "weight-standardized-group": _weight_standardized_group,
    "spectral": _spectral,
    "evonorm-s0": _evonorm_s0,
    "evonorm-b0": _evonorm_b0,
}
