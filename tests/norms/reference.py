"""Normalization in float64 numpy, forward and backward, written from the papers and not from any library."""

import numpy as np


def normalize(x: np.ndarray, axes: tuple[int, ...], epsilon: float) -> np.ndarray:
    """(x − μ) / √(σ² + ε), statistics over `axes`, biased variance."""
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)


def normalize_gradient(x: np.ndarray, upstream: np.ndarray, axes: tuple[int, ...], epsilon: float) -> np.ndarray:
    """∂L/∂x for y = normalize(x): (g − mean g − y · mean(g y)) / √(σ² + ε), g = ∂L/∂y (Ioffe & Szegedy 2015, §3)."""
    y = normalize(x, axes, epsilon)
    deviation = np.sqrt(x.var(axes, keepdims=True) + epsilon)
    return (upstream - upstream.mean(axes, keepdims=True) - y * (upstream * y).mean(axes, keepdims=True)) / deviation


def statistics_of(method: str, shape: tuple[int, ...], groups: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape to view x in, and the axes of that view over which this method takes statistics.

    `shape` is (N,H,W,C) or (N,C).
    """
    batch, *space, channels = shape
    if method == "batch":
        return shape, tuple(range(len(shape) - 1))
    count = {"layer": 1, "instance": channels, "group": groups}[method]
    view = (batch, *space, count, channels // count)
    return view, (*range(1, len(view) - 2), len(view) - 1)
