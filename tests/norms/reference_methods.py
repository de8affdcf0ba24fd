"""Every method in float64 numpy, written from its paper with loops over examples, channels, groups and chunks.

`FORWARD[name](x, w, training, arguments)` gives (y, state): y for x of shape (N,H,W,C) or (N,C) and variables `w` by
name, and the variables that training changes.  `frozen` in `arguments` holds what no gradient flows through, from the
same function at the point where the gradient is taken; so finite differences of y are the method's gradients.
"""

import numpy as np
from made import UNUSUAL

EPSILON, WEIGHT_EPSILON, MOMENTUM = UNUSUAL["epsilon"], UNUSUAL["weight_epsilon"], UNUSUAL["momentum"]


def standard(x, epsilon=EPSILON):
    """(x − mean) / √(variance + ε) of all the numbers in x."""
    return (x - x.mean()) / np.sqrt(((x - x.mean()) ** 2).mean() + epsilon)


def moved(old, new):
    return MOMENTUM * old + (1 - MOMENTUM) * new


def by_channel(x, w, training, arguments):
    """Batch normalization."""
    y, state = np.empty_like(x), {key: w[key].copy() for key in ("moving_mean", "moving_variance")}
    for c in range(x.shape[-1]):
        mean, variance = w["moving_mean"][c], w["moving_variance"][c]
        if training:
            mean, variance = x[..., c].mean(), x[..., c].var()
            state["moving_mean"][c] = moved(w["moving_mean"][c], mean)
            state["moving_variance"][c] = moved(w["moving_variance"][c], variance)
        y[..., c] = w["gamma"][c] * (x[..., c] - mean) / np.sqrt(variance + EPSILON) + w["beta"][c]
    return y, state


def by_group(x, w, groups):
    y = np.empty_like(x)
    for members in np.split(np.arange(x.shape[-1]), groups):
        for n in range(len(x)):
            y[n][..., members] = standard(x[n][..., members])
    return w["gamma"] * y + w["beta"]


def pixels(x):
    """Views (C) of every pixel, or of every example of (N,C)."""
    return x.reshape(-1, x.shape[-1])


def layer_channel(x, w, training, arguments):
    y = np.array([standard(pixel) for pixel in pixels(x)])
    return w["gamma"] * y.reshape(x.shape) + w["beta"], {}


def rms(x, w, training, arguments):
    y = np.array([pixel / np.sqrt((pixel**2).mean() + EPSILON) for pixel in pixels(x)])
    return w["scale"] * y.reshape(x.shape), {}


def linear(x, kernel, bias):
    """Convolution without padding, or matrix product."""
    if x.ndim == 2:
        return x @ kernel + bias
    high, wide = kernel.shape[:2]
    y = np.empty((len(x), x.shape[1] - high + 1, x.shape[2] - wide + 1, kernel.shape[-1]))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            seen = x[:, i : i + high, j : j + wide, :]
            y[:, i, j] = np.tensordot(seen, kernel, 3)
    return y + bias


def weight(x, w, training, arguments):
    kernel = np.empty_like(w["kernel"])
    for k in range(kernel.shape[-1]):
        kernel[..., k] = w["gain"][k] * w["kernel"][..., k] / np.sqrt((w["kernel"][..., k] ** 2).sum())
    return linear(x, kernel, w["bias"]), {}


def mean_only_batch(x, w, training, arguments):
    t, _ = weight(x, w, training, arguments)
    mean = t.reshape(-1, t.shape[-1]).mean(0)
    state = {"moving_mean": moved(w["moving_mean"], mean) if training else w["moving_mean"]}
    return t - (mean if training else w["moving_mean"]) + w["beta"], state


def batch_renorm(x, w, training, arguments):
    y, frozen = np.empty_like(x), []
    state = {key: w[key].copy() for key in ("moving_mean", "moving_deviation")}
    for c in range(x.shape[-1]):
        mean, deviation = w["moving_mean"][c], w["moving_deviation"][c]
        normal = (x[..., c] - mean) / deviation
        if training:
            own_mean, own = x[..., c].mean(), np.sqrt(x[..., c].var() + EPSILON)
            r = min(max(own / deviation, 1 / arguments["r_max"]), arguments["r_max"])
            d = min(max((own_mean - mean) / deviation, -arguments["d_max"]), arguments["d_max"])
            r, d = arguments["frozen"][c] if "frozen" in arguments else (r, d)
            frozen.append((r, d))
            normal = (x[..., c] - own_mean) / own * r + d
            state["moving_mean"][c], state["moving_deviation"][c] = moved(mean, own_mean), moved(deviation, own)
        y[..., c] = w["gamma"][c] * normal + w["beta"][c]
    return y, {**state, "frozen": frozen}


def frozen_batch(x, w, training, arguments):
    y, state = by_channel(x, w, training and w["steps"] < arguments["freeze_after"], arguments)
    return y, state


def noise(y, w, training, arguments):
    """One number after the other; draws of an example are for all its pixels."""
    if not training:
        return y, {}
    noisy, (each_scale, each_shift) = np.empty_like(y), (np.broadcast_to(w[key], y.shape) for key in ("scale", "shift"))
    for index in np.ndindex(y.shape):
        mean = arguments.get("shift_limit", 0.5) * w["channel_shift"][index[-1]]
        deviation = 1 + (arguments["scale_limit"] - 1) * w["channel_scale"][index[-1]]
        scale = deviation + arguments["scale_spread"] * each_scale[index]
        noisy[index] = scale * y[index] + mean + arguments["shift_spread"] * each_shift[index]
    return noisy, {}


def noisy_batch(x, w, training, arguments):
    y, state = by_channel(x, w, training, arguments)
    return noise(y, w, training, arguments)[0], state


def ghost_batch(x, w, training, arguments):
    if not training:
        return by_channel(x, w, False, arguments)
    parts = []
    for start in range(0, len(x), arguments["ghost_size"]):
        part, state = by_channel(x[start : start + arguments["ghost_size"]], w, True, arguments)
        parts.append(part)
        w = {**w, **state}
    return np.concatenate(parts), state


def batch_instance(x, w, training, arguments):
    plain = {**w, "gamma": np.ones(x.shape[-1]), "beta": np.zeros(x.shape[-1])}
    of_batch, state = by_channel(x, plain, training, arguments)
    of_instance = by_group(x, plain, x.shape[-1])
    return w["gamma"] * (w["rho"] * of_batch + (1 - w["rho"]) * of_instance) + w["beta"], state


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum()


def switchable(x, w, training, arguments):
    a, b = softmax(w["mean_logits"]), softmax(w["variance_logits"])
    y = np.empty_like(x)
    _, state = by_channel(x, {**w, "gamma": np.ones(x.shape[-1]), "beta": np.ones(x.shape[-1])}, training, arguments)
    for n in range(len(x)):
        for c in range(x.shape[-1]):
            of_batch = x[..., c].mean(), x[..., c].var()
            if not training:
                of_batch = w["moving_mean"][c], w["moving_variance"][c]
            members = [(x[n].mean(), x[n].var()), of_batch]
            if x.ndim == 4:
                members.insert(0, (x[n, ..., c].mean(), x[n, ..., c].var()))
            mean = sum(weight * member[0] for weight, member in zip(a, members, strict=True))
            variance = sum(weight * member[1] for weight, member in zip(b, members, strict=True))
            y[n, ..., c] = w["gamma"][c] * (x[n, ..., c] - mean) / np.sqrt(variance + EPSILON) + w["beta"][c]
    return y, state


def filter_response(x, w, training, arguments):
    y = np.empty_like(x)
    for n in range(len(x)):
        for c in range(x.shape[-1]):
            response = x[n, ..., c]
            normal = response / np.sqrt((response**2).mean() + EPSILON)
            y[n, ..., c] = np.maximum(w["gamma"][c] * normal + w["beta"][c], w["tau"][c])
    return y, {}


def weight_standardized_group(x, w, training, arguments):
    kernel = np.stack([standard(w["kernel"][..., k], WEIGHT_EPSILON) for k in range(w["kernel"].shape[-1])], -1)
    return by_group(linear(x, kernel, w["bias"]), w, arguments["groups"]), {}


def spectral(x, w, training, arguments):
    matrix = w["kernel"].reshape(-1, w["kernel"].shape[-1])
    u = w["singular_vector"] / np.linalg.norm(w["singular_vector"])
    v = matrix @ u / np.linalg.norm(matrix @ u)
    for _ in range(arguments["power_iterations"] if training else 0):
        u = matrix.T @ v / np.linalg.norm(matrix.T @ v)
        v = matrix @ u / np.linalg.norm(matrix @ u)
    v, u = arguments.get("frozen", (v, u))
    state = {"singular_vector": u if training else w["singular_vector"], "frozen": (v, u)}
    return linear(x, w["kernel"] / (v @ matrix @ u), w["bias"]), state


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def evonorm_s0(x, w, training, arguments):
    y = np.empty_like(x)
    for members in np.split(np.arange(x.shape[-1]), arguments["groups"]):
        for n in range(len(x)):
            some = x[n][..., members]
            y[n][..., members] = some * sigmoid(w["v"][members] * some) / np.sqrt(some.var() + EPSILON)
    return w["gamma"] * y + w["beta"], {}


def evonorm_b0(x, w, training, arguments):
    y, moving = np.empty_like(x), w["moving_variance"].copy()
    for c in range(x.shape[-1]):
        variance = x[..., c].var() if training else w["moving_variance"][c]
        moving[c] = moved(moving[c], variance) if training else moving[c]
        for n in range(len(x)):
            some = x[n, ..., c]
            other = w["v"][c] * some + np.sqrt(some.var() + EPSILON)
            y[n, ..., c] = w["gamma"][c] * some / np.maximum(np.sqrt(variance + EPSILON), other) + w["beta"][c]
    return y, {"moving_variance": moving}


FORWARD = {
    "affine": lambda x, w, training, arguments: (w["gamma"] * x + w["beta"], {}),
    "batch": by_channel,
    "layer": lambda x, w, training, arguments: (by_group(x, w, 1), {}),
    "layer-channel": layer_channel,
    "layer-full": lambda x, w, training, arguments: (by_group(x, w, 1), {}),
    "instance": lambda x, w, training, arguments: (by_group(x, w, x.shape[-1]), {}),
    "group": lambda x, w, training, arguments: (by_group(x, w, arguments["groups"]), {}),
    "rms": rms,
    "weight": weight,
    "mean-only-batch": mean_only_batch,
    "batch-renorm": batch_renorm,
    "ghost-batch": ghost_batch,
    "frozen-batch": frozen_batch,
    "noisy-batch": noisy_batch,
    "noise": noise,
    "batch-instance": batch_instance,
    "switchable": switchable,
    "filter-response": filter_response,
    "weight-standardized-group": weight_standardized_group,
    "spectral": spectral,
    "evonorm-s0": evonorm_s0,
    "evonorm-b0": evonorm_b0,
}


def gradient(function, value, upstream, step=1e-6):
    """Of Σ upstream · function(value), by central differences, one number of `value` after the other."""
    found = np.empty_like(value)
    for index in np.ndindex(value.shape):
        away = np.zeros_like(value)
        away[index] = step
        found[index] = (upstream * (function(value + away) - function(value - away))).sum() / (2 * step)
    return found
