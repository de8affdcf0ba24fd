"""Three-line arrays that a reader checks by hand: ε is next to nothing, γ and β are 1 and 0."""

import numpy as np
import pytest
from made import made, policy

from bnexp.specs.norms.table import METHODS

pytestmark = pytest.mark.numeric


def check(name, x, expected, *, training=True, arguments, **values):
    x = np.array(x, "float64")
    tiny = {"epsilon": 1e-15} if "epsilon" in METHODS[name].model_fields else {}
    with policy("float64"):
        it = made(name, "conv" if x.ndim == 4 else "dense", x.shape, plain=True, **tiny, **arguments)
    it.assign(**values)
    np.testing.assert_allclose(np.asarray(it(x, training)), np.array(expected).reshape(x.shape), atol=1e-7)


HALF_OF_EACH = 0.5 * np.array([-3, -1, 1, 3]) / 5**0.5 + 0.5 * np.array([-1, 1, -1, 1])
CLIPS = {"r_max": 1.5, "d_max": 0.5, "ramp_start": 0, "r_ramp_end": 0, "d_ramp_end": 0}

CASES = {
    # 1, 3 have mean 2 and deviation 1, whatever the other example is.
    "layer": ([[1, 3], [10, 30]], [[-1, 1], [-1, 1]], {}, {}),
    # Each pixel by itself: (1,3) and (10,30).
    "layer-channel": ([[[[1, 3], [10, 30]]]], [[-1, 1], [-1, 1]], {}, {}),
    # Each element has a scale of its own.
    "layer-full": ([[[[1], [3]]]], [-1, 5], {}, {"gamma": np.array([[[1], [5]]])}),
    # (3,4) has mean square 25/2, so its root is 5/√2.
    "rms": ([[3, 4]], [[3 * 2**0.5 / 5, 4 * 2**0.5 / 5]], {}, {}),
    # Two groups of two channels: (1,3) and (10,30) have means 2, 20 and deviations 1, 10.
    "group": ([[1, 3, 10, 30]], [-1, 1, -1, 1], {"groups": 2}, {}),
    # Mean 3, deviation 2.
    "batch": ([[1], [5]], [-1, 1], {}, {}),
    # By the averages, 2 and the root of 4, whatever the batch is.
    "frozen-batch": ([[1], [5]], [-0.5, 1.5], {"freeze_after": 0}, {"moving_mean": 2.0, "moving_variance": 4.0}),
    # Chunks (1,3), (10,30) and, left over, (7): −1, 1, −1, 1 and 0.
    "ghost-batch": ([[1], [3], [10], [30], [7]], [-1, 1, -1, 1, 0], {"ghost_size": 2}, {}),
    # Batch (1,5): mean 3, deviation 2.  Moving 2 and 1: r = 2 clipped to 1.5, d = 1 clipped to 0.5.
    "batch-renorm": ([[1], [5]], [-1, 2], CLIPS, {"moving_mean": 2.0, "moving_deviation": 1.0}),
    # Two examples of two pixels of one channel: half of each normalization.
    "batch-instance": ([[[[0], [2]]], [[[4], [6]]]], HALF_OF_EACH, {}, {"rho": 0.5}),
    # Means of the examples 2, 6 and of the channels 3, 5, variances 1, 1 and 4, 4; half of each: means 2.5, 3.5, 4.5,
    # 5.5 and variance 5/2.
    "switchable": ([[1, 3], [5, 7]], np.array([-1.5, -0.5, 0.5, 1.5]) / 2.5**0.5, {}, {}),
    # (3,−4): √(25/2); then the threshold −0.5 in place of the activation.
    "filter-response": ([[[[3], [-4]]]], [3 * 2**0.5 / 5, -0.5], {}, {"tau": -0.5}),
    # v = 0: half of x over the deviation of the group (1,3), which is 1.
    "evonorm-s0": ([[1, 3]], [[0.5, 1.5]], {"groups": 1}, {"v": 0.0}),
    # Batch (1,5): deviation 2.  v = 1: 1/max(2, 1) and 5/max(2, 5).
    "evonorm-b0": ([[1], [5]], [[0.5], [1]], {}, {}),
    "affine": ([[1, 2]], [[7, 9]], {}, {"gamma": 2.0, "beta": 5.0}),
}


@pytest.mark.parametrize("name", CASES)
def test_outputs_in_training(name):
    x, expected, arguments, values = CASES[name]
    check(name, x, expected, arguments=arguments, **values)


def test_batch_renorm_at_inference():
    """Moving 2 and 1."""
    check("batch-renorm", [[1], [5]], [-1, 3], training=False, arguments=CLIPS, moving_mean=2.0, moving_deviation=1.0)


LINEAR = {
    # (3,4) has length 5, (0,2) length 2; gains 10 and 1.
    "weight": ([[3, 0], [4, 2]], [[6, 0], [8, 1]], {}, {"gain": np.array([10, 1])}),
    # (1,3) and (10,30) become (−1,1).
    "weight-standardized-group": ([[1, 10], [3, 30]], [[-1, -1], [1, 1]], {"groups": 1, "weight_epsilon": 1e-15}, {}),
    # A diagonal of 4 and 2 has the largest singular value 4, and the vector of it is (1,0).
    "spectral": ([[4, 0], [0, 2]], [[1, 0], [0, 0.5]], {}, {"singular_vector": np.array([1, 0])}),
}


@pytest.mark.parametrize("name", LINEAR)
def test_effective_kernels_from_two_inputs_to_two_units(name):
    kernel, expected, arguments, values = LINEAR[name]
    with policy("float64"):
        it = made(name, "dense", (1, 2), units=2, plain=True, **arguments)
    it.assign(kernel=np.array(kernel), **values)
    np.testing.assert_allclose(it.model.layers[1].effective_kernel(False), expected)
