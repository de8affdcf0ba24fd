"""What the formulas of the methods are written with: operations of NumPy's arrays, so that nothing imports NumPy here.

x is (N,H,W,C) or (N,C); `w` holds a method's variables by name.
"""

from typing import Any

Array = Any
"""A NumPy array of float64."""

Variables = dict[str, Array]


def scaled(normalized: Array, w: Variables) -> Array:
    """γ x̂ + β."""
    return w["gamma"] * normalized + w["beta"]


def standardized(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """(x − μ) / √(σ² + ε), μ and σ² over `axes`."""
    return (x - x.mean(axes, keepdims=True)) / (x.var(axes, keepdims=True) + epsilon) ** 0.5


def batch_axes(x: Any) -> tuple[int, ...]:
    """N,H,W of (N,H,W,C); N of (N,C); of a kernel all that one output unit sums over, its fan-in.  Of tensors too."""
    return tuple(range(len(x.shape) - 1))


def pixel_axes(x: Any) -> tuple[int, ...]:
    """H,W of (N,H,W,C); none of (N,C)."""
    return tuple(range(1, len(x.shape) - 1))


def example_axes(x: Array) -> tuple[int, ...]:
    """H,W,C."""
    return tuple(range(1, x.ndim))


def in_groups(x: Array, groups: int) -> tuple[Array, tuple[int, ...]]:
    """x as (N,...,G,C/G), and the axes of one group of one example."""
    view = x.reshape(*x.shape[:-1], groups, -1)
    return view, (*range(1, view.ndim - 2), view.ndim - 1)


def group_standardized(x: Array, groups: int, epsilon: float) -> Array:
    """(x − μ) / √(σ² + ε), μ and σ² over each group of each example."""
    return standardized(*in_groups(x, groups), epsilon).reshape(x.shape)


def batch_moments(x: Array, w: Variables, training: bool) -> tuple[Array, Array]:
    """μ and σ² of each channel over the batch; at inference their moving averages."""
    return (x.mean(batch_axes(x)), x.var(batch_axes(x))) if training else (w["moving_mean"], w["moving_variance"])


def linear(x: Array, kernel: Array, w: Variables) -> Array:
    """x as a linear layer with this kernel makes it (stride 1, no padding), with its bias if it has one."""
    if x.ndim == 2:
        return x @ kernel + w.get("bias", 0.0)
    height, width = (size - extent + 1 for size, extent in zip(x.shape[1:3], kernel.shape[:2], strict=True))
    parts = (
        x[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(kernel.shape[0])
        for j in range(kernel.shape[1])
    )
    return sum(parts) + w.get("bias", 0.0)
