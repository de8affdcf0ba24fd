"""Three-line arrays that a reader checks by hand: ε is next to nothing, γ and β are 1 and 0."""

import numpy as np
import pytest
from made import made, policy

pytestmark = pytest.mark.numeric

TINY = {"epsilon": 1e-15}


def check(name, x, expected, *, training=True, arguments=None, **values):
    x = np.array(x, "float64")
    kind = "conv" if x.ndim == 4 else "dense"
    with policy("float64"):
        it = made(name, kind, x.shape, plain=True, **(TINY | (arguments or {})))
    it.assign(**values)
    np.testing.assert_allclose(np.asarray(it(x, training)), np.array(expected).reshape(x.shape), atol=1e-7)


def image(*pixels):
    """One example of 1 x n pixels."""
    return [[list(map(np.atleast_1d, pixels))]]


def test_layer():
    """1, 3 have mean 2 and deviation 1, whatever the other example is."""
    check("layer", [[1, 3], [10, 30]], [[-1, 1], [-1, 1]])


def test_layer_channel():
    """Each pixel by itself: (1,3) and (10,30)."""
    check("layer-channel", [[[[1, 3], [10, 30]]]], [[-1, 1], [-1, 1]])


def test_layer_full_scales_each_element_by_itself():
    check("layer-full", [[[[1], [3]]]], [-1, 5], gamma=np.array([[[1], [5]]]))


def test_rms():
    """(3,4) has mean square 25/2, so its root is 5/√2."""
    check("rms", [[3, 4]], [[3 * 2**0.5 / 5, 4 * 2**0.5 / 5]])


def test_ghost_batch():
    """Chunks (1,3), (10,30) and, left over, (7): −1, 1, −1, 1 and 0."""
    check("ghost-batch", [[1], [3], [10], [30], [7]], [-1, 1, -1, 1, 0], arguments={"ghost_size": 2})


def test_batch_renorm():
    """Batch (1,5): mean 3, deviation 2.  Moving 2 and 1: r = 2 clipped to 1.5, d = 1 clipped to 0.5."""
    arguments = {"r_max": 1.5, "d_max": 0.5, "ramp_start": 0, "r_ramp_end": 0, "d_ramp_end": 0}
    check("batch-renorm", [[1], [5]], [-1, 2], arguments=arguments, moving_mean=2.0, moving_deviation=1.0)
    check("batch-renorm", [[1], [5]], [-1, 3], training=False, arguments=arguments, moving_mean=2.0, moving_deviation=1)


def test_batch_instance():
    """Two examples, pixels (1,1,1,5) ... of one channel: half of each normalization."""
    x = [image(0, 2)[0], image(4, 6)[0]]
    of_batch = np.array([-3, -1, 1, 3]) / 5**0.5
    check("batch-instance", x, 0.5 * of_batch + 0.5 * np.array([-1, 1, -1, 1]), rho=0.5)


def test_switchable_dense():
    """Means of the examples 2, 6 and of the channels 3, 5, variances 1, 1 and 4, 4; half of each: variance 5/2."""
    x = np.array([[1, 3], [5, 7]])
    mean = (np.array([[2, 2], [6, 6]]) + np.array([[3, 5], [3, 5]])) / 2
    check("switchable", x, (x - mean) / 2.5**0.5)


def test_filter_response():
    """(3,−4): √(25/2); then the threshold −0.5 in place of the activation."""
    check("filter-response", image(3, -4), [3 * 2**0.5 / 5, -0.5], tau=-0.5)


def test_evonorm_s0():
    """v = 0: half of x over the deviation of the group (1,3), which is 1."""
    check("evonorm-s0", [[1, 3]], [[0.5, 1.5]], arguments={"groups": 1}, v=0.0)


def test_evonorm_b0():
    """Batch (1,5): deviation 2.  v = 1: 1/max(2, 1) and 5/max(2, 5)."""
    check("evonorm-b0", [[1], [5]], [[0.5], [1]])


def test_affine():
    with policy("float64"):
        it = made("affine", "dense", (1, 2), plain=True)
    it.assign(gamma=2.0, beta=5.0)
    np.testing.assert_array_equal(it(np.array([[1.0, 2.0]]), True), [[7, 9]])


def linear(name, kernel, arguments=None, **values):
    """The effective kernel of a dense layer from 2 inputs to 2 units."""
    with policy("float64"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("made.UNITS", 2)
        it = made(name, "dense", (1, 2), plain=True, **(arguments or {}))
    it.assign(kernel=np.array(kernel), **values)
    return it.model.layers[1].effective_kernel(False).numpy()


def test_weight():
    """(3,4) has length 5, (0,2) length 2; gains 10 and 1."""
    np.testing.assert_allclose(linear("weight", [[3, 0], [4, 2]], gain=np.array([10, 1])), [[6, 0], [8, 1]])


def test_weight_standardized():
    """(1,3) and (10,30) become (−1,1)."""
    kernel = linear("weight-standardized-group", [[1, 10], [3, 30]], {"groups": 1, "weight_epsilon": 1e-15})
    np.testing.assert_allclose(kernel, [[-1, -1], [1, 1]])


def test_spectral():
    """A diagonal of 4 and 2 has the largest singular value 4, and the vector of it is (1,0)."""
    np.testing.assert_allclose(
        linear("spectral", [[4, 0], [0, 2]], singular_vector=np.array([1, 0])), [[1, 0], [0, 0.5]]
    )
