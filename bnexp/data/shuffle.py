"""Random keys and orders that depend on their seed alone, whatever the version of NumPy."""

import numpy as np
from numpy.typing import NDArray


def keys(count: int, seed: int) -> NDArray[np.uint64]:
    """`count` random 64-bit numbers.

    NumPy promises the raw stream of a bit generator for good, but not `Generator.permutation` (NEP 19).
    """
    return np.random.PCG64(seed).random_raw(count)


def order(count: int, seed: int) -> NDArray[np.intp]:
    """A random permutation of 0..count-1."""
    return np.argsort(keys(count, seed), kind="stable")
