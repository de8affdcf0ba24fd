"""The methods that torch has, against arrays that torch 2.13.0 computed (tests/golden), and against torch itself.

Everything is float64.  1e-11 relative to numbers of order 1 is some ten thousand roundings: sums in another order.
"""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made import made, policy

pytestmark = pytest.mark.numeric

GOLDEN = Path(__file__).parents[1] / "golden"
TOLERANCE = {"rtol": 1e-10, "atol": 1e-11}
MAKE = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make.py")))
CASES = [
    (method, kind) for method in MAKE.METHODS for kind in ("conv", "dense") if (method, kind) != ("instance", "dense")
]


@pytest.fixture
def golden(method, kind):
    """torch's arrays, and our layer with the same variables."""
    with np.load(GOLDEN / f"{method}.npz") as file:
        arrays = {key.removeprefix(f"{kind}_"): file[key] for key in file.files if key.startswith(f"{kind}_")}
    arguments = {"spectral": {"power_iterations": 1}, "weight": {}}.get(method, {"epsilon": MAKE.EPSILON})
    arguments |= {"group": {"groups": MAKE.GROUPS}, "batch": {"momentum": MAKE.MOMENTUM}}.get(method, {})
    with policy("float64"):
        it = made(method, kind, arrays["x"].shape, units=MAKE.KERNELS[kind][-1], plain=True, **arguments)
    it.assign(**arrays)
    return it, arrays


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_outputs_are_torchs(golden):
    it, arrays = golden
    np.testing.assert_allclose(it(arrays["x"], True), arrays["y"], **TOLERANCE)


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_gradients_are_torchs(golden):
    it, arrays = golden
    of_x, others = it.gradients(arrays["x"], arrays["upstream"])
    for name, found in {"x": of_x, **others}.items():
        np.testing.assert_allclose(found, arrays[f"d_{name}"], err_msg=name, **TOLERANCE)


@pytest.mark.parametrize(("method", "kind"), [("batch", "conv"), ("batch", "dense")])
def test_moving_statistics_are_torchs_but_for_the_biased_variance(golden):
    """torch's momentum is 1 − ours, and its running variance takes in n/(n−1) times ours."""
    it, arrays = golden
    x = arrays["x"]
    it.assign(moving_mean=0.0, moving_variance=1.0)
    it(x, True)
    n, old, mine = x.size // x.shape[-1], MAKE.MOMENTUM, it.values()
    np.testing.assert_allclose(mine["moving_mean"], arrays["moving_mean"], **TOLERANCE)
    taken_in = (mine["moving_variance"] - old) * n / (n - 1)
    np.testing.assert_allclose(taken_in, arrays["moving_variance_unbiased"] - old, **TOLERANCE)
    it.assign(moving_variance=arrays["moving_variance_unbiased"])
    np.testing.assert_allclose(it(x, False), arrays["y_inference"], **TOLERANCE)


@pytest.mark.parametrize(("method", "kind"), [("spectral", "conv"), ("spectral", "dense")])
def test_the_power_method_goes_on_as_torchs(golden):
    it, arrays = golden
    it(arrays["x"], True)
    np.testing.assert_allclose(it.values()["singular_vector"], arrays["singular_vector_after"], **TOLERANCE)


@pytest.mark.parametrize("method", MAKE.METHODS)
def test_torch_still_computes_the_golden_arrays(method):
    pytest.importorskip("torch", reason="torch is big: it is installed by the extra `oracle`, not with the tests")
    with np.load(GOLDEN / f"{method}.npz") as file:
        computed = MAKE.arrays(method)
        assert computed.keys() == set(file.files)
        for key in file.files:
            np.testing.assert_allclose(computed[key], file[key], err_msg=key, rtol=1e-10, atol=1e-12)
