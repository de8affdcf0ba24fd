"""`frozen-batch`: batch normalization up to a step, then a line that its moving averages fix."""

import numpy as np
import pytest
from made import made, policy

pytestmark = pytest.mark.numeric

SHAPES = {"conv": (6, 5, 4, 8), "dense": (6, 8)}


@pytest.fixture(params=SHAPES)
def pair(request):
    """Batch normalization that freezes after two steps, and one that does not, both with γ and β; inputs, upstream."""
    kind = request.param
    with policy("float64"):
        frozen = made("frozen-batch", kind, SHAPES[kind], plain=True, freeze_after=2)
        batch = made("batch", kind, SHAPES[kind], plain=True)
    for it in (frozen, batch):
        it.assign(gamma=np.linspace(0.5, 2, 8), beta=np.linspace(-1, 1, 8))
    return frozen, batch, frozen.input(), np.random.default_rng(4).normal(0, 1, SHAPES[kind])


def close(one, other):
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-10, atol=1e-11)


def test_up_to_that_step_it_is_batch_normalization(pair):
    frozen, batch, x, upstream = pair
    for k in range(2):
        (of_x, others), (expected_of_x, expected) = (it.gradients(x + k, upstream) for it in (frozen, batch))
        close(of_x, expected_of_x)
        for name, value in expected.items():
            close(others[name], value)
        for name in ("moving_mean", "moving_variance"):
            close(frozen.values()[name], batch.values()[name])
    close(frozen(x, False), batch(x, False))


def test_from_then_on_it_is_a_line_for_each_channel_and_the_averages_stay_to_the_bit(pair):
    frozen, _, x, upstream = pair
    frozen(x, True), frozen(x + 1, True)
    kept = frozen.values()
    scale = kept["gamma"] / np.sqrt(kept["moving_variance"] + frozen.spec.epsilon)
    for inputs in (x, 10 * x + 3):
        of_x, others = frozen.gradients(inputs, upstream)
        close(of_x, upstream * scale)
        axes = tuple(range(x.ndim - 1))
        close(others["beta"], upstream.sum(axes))
        centred = (inputs - kept["moving_mean"]) / np.sqrt(kept["moving_variance"] + frozen.spec.epsilon)
        close(others["gamma"], (upstream * centred).sum(axes))
        close(frozen(inputs, True), centred * kept["gamma"] + kept["beta"])
        close(frozen(inputs, True), frozen(inputs, False))
    for name in ("moving_mean", "moving_variance"):
        np.testing.assert_array_equal(frozen.values()[name], kept[name])


def test_recalibration_sets_the_statistics_as_long_as_they_are_not_frozen(pair):
    frozen, _, x, _ = pair
    norm = frozen.model.layers[-1]
    for step, expected in [(1, 3.0), (2, 3.0), (3, 3.0)]:
        frozen(x, True)
        before = frozen.values()["moving_mean"]
        norm.set_statistics(np.full(8, expected), np.full(8, 2.0))
        np.testing.assert_array_equal(frozen.values()["moving_mean"], np.full(8, 3.0) if step < 2 else before)


@pytest.mark.parametrize("kind", SHAPES)
def test_frozen_from_the_start_it_is_affine_over_the_root_of_1_and_epsilon(kind):
    with policy("float64"):
        frozen, affine = (
            made(name, kind, SHAPES[kind], plain=True, **arguments)
            for name, arguments in [("frozen-batch", {"freeze_after": 0, "epsilon": 0.02}), ("affine", {})]
        )
    x = frozen.input()
    frozen.assign(gamma=2 * np.sqrt(1.02)), affine.assign(gamma=2.0)
    close(frozen(x, True), affine(x, True))


@pytest.mark.parametrize("kind", SHAPES)
def test_frozen_it_is_torchs_with_frozen_statistics(kind):
    """torch's `eval()` alone: γ and β have gradients still."""
    torch = pytest.importorskip(
        "torch", reason="torch is big: it is installed by the extra `oracle`, not with the tests"
    )
    with policy("float64"):
        it = made("frozen-batch", kind, SHAPES[kind], freeze_after=0, epsilon=0.02)
    x, upstream, values = it.input(), np.random.default_rng(4).normal(0, 1, SHAPES[kind]), it.values()
    theirs = (torch.nn.BatchNorm2d if kind == "conv" else torch.nn.BatchNorm1d)(8, eps=0.02).double().eval()
    with torch.no_grad():
        pairs = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        for their_name, name in pairs.items():
            getattr(theirs, their_name).copy_(torch.from_numpy(values[name]))
    first = lambda array: torch.from_numpy(np.moveaxis(array, -1, 1).copy())  # noqa: E731  # channels first
    inputs = first(x).requires_grad_()
    y = theirs(inputs)
    (y * first(upstream)).sum().backward()
    of_x, others = it.gradients(x, upstream)
    close(it(x, True), np.moveaxis(y.detach().numpy(), 1, -1))
    close(of_x, np.moveaxis(inputs.grad.numpy(), 1, -1))
    close(others["gamma"], theirs.weight.grad.numpy())
    close(others["beta"], theirs.bias.grad.numpy())
