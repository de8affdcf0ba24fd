"""Every method against float64 numpy written from its paper: outputs, what training changes, and gradients.

The layers compute in float64 here.  Outputs agree to 1e-12 relative to numbers of order 1, a few thousand roundings;
the reference's gradients are central differences with a step of 1e-6, good to about 1e-9 (rounding 1e-16/1e-6, and a
third derivative times 1e-12), so 1e-6 leaves room for sums over the batch and notices any term left out.
"""

import numpy as np
import pytest
from made import CASES, made, policy, settings
from reference_methods import FORWARD, gradient

pytestmark = pytest.mark.numeric

STATE = ("moving_mean", "moving_variance", "moving_deviation", "singular_vector")


@pytest.fixture
def both(case):
    """The layer, its input, and the reference at the same weights as a function of input and changed weights."""
    name, kind = case
    with policy("float64"):
        it = made(name, kind)
    weights = {key: value.astype("float64") for key, value in it.values().items()}

    drawn = it.draws(it.input())

    def reference(x, training, frozen=None, **changed):
        arguments = settings(name) | ({} if frozen is None else {"frozen": frozen})
        return FORWARD[name](x, {**weights, **drawn, **changed}, training, arguments)

    return it, it.input(), weights, reference


@pytest.mark.parametrize("case", CASES, ids="-".join)
@pytest.mark.parametrize("training", [True, False])
def test_outputs_are_the_papers(both, training):
    it, x, _, reference = both
    np.testing.assert_allclose(it(x, training), reference(x, training)[0], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_training_changes_the_state_as_the_paper_says(both):
    it, x, _, reference = both
    it(x, True)
    expected = reference(x, True)[1]
    found = {key: value for key, value in it.values().items() if key in STATE}
    assert found.keys() == expected.keys() - {"frozen"}
    for key, value in found.items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids="-".join)
@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_of_the_paper(both, training):
    it, x, weights, reference = both
    y, state = reference(x, training)
    frozen = state.get("frozen") or None
    upstream = np.random.default_rng(8).normal(0, 1, y.shape)
    of_x, others = it.gradients(x, upstream, training)
    expected = gradient(lambda value: reference(value, training, frozen)[0], x, upstream)
    np.testing.assert_allclose(of_x, expected, rtol=1e-6, atol=1e-6)
    for name, found in others.items():
        of_weight = lambda value, name=name: reference(x, training, frozen, **{name: value})[0]  # noqa: E731  # in place
        np.testing.assert_allclose(found, gradient(of_weight, weights[name], upstream), rtol=1e-6, atol=1e-6)
