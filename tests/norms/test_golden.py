"""The methods that torch has, against arrays that torch 2.13.0 computed (tests/golden), and against torch itself.

Everything is float64.  1e-11 relative to numbers of order 1 is some ten thousand roundings: sums in another order.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from made import made, policy

pytestmark = pytest.mark.numeric

GOLDEN = Path(__file__).parents[1] / "golden"
TOLERANCE = {"rtol": 1e-10, "atol": 1e-11}


def _make():
    """The script that makes the arrays, as a module."""
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = _make()
CASES = [
    (method, kind) for method in MAKE.METHODS for kind in ("conv", "dense") if (method, kind) != ("instance", "dense")
]


@pytest.fixture
def golden(method, kind):
    """torch's arrays, and our layer with the same variables."""
    with np.load(GOLDEN / f"{method}.npz") as file:
        arrays = {key.removeprefix(f"{kind}_"): file[key] for key in file.files if key.startswith(f"{kind}_")}
    arguments = {"groups": MAKE.GROUPS} if method == "group" else {}
    if method in ("weight", "spectral"):
        it = _linear(method, kind, arrays)
    else:
        if method == "batch":
            arguments["momentum"] = MAKE.MOMENTUM
        with policy("float64"):
            it = made(method, kind, arrays["x"].shape, plain=True, epsilon=MAKE.EPSILON, **arguments)
    it.assign(**arrays)
    return it, arrays


def _linear(method, kind, arrays):
    import made as module  # noqa: PLC0415  # only these have another number of units

    with pytest.MonkeyPatch.context() as patch, policy("float64"):
        patch.setattr(module, "UNITS", arrays["kernel"].shape[-1])
        one = {"power_iterations": 1} if method == "spectral" else {}
        return made(method, kind, arrays["x"].shape, plain=True, **one)


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
    n = x.size // x.shape[-1]
    mine = it.values()
    np.testing.assert_allclose(mine["moving_mean"], arrays["moving_mean"], **TOLERANCE)
    old = MAKE.MOMENTUM * 1.0
    np.testing.assert_allclose(
        (mine["moving_variance"] - old) * n / (n - 1), arrays["moving_variance_unbiased"] - old, **TOLERANCE
    )
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
