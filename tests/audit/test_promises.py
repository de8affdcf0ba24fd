"""What a report promises, measured on made-up experiments: a short form of `make audit`, bounds at three errors."""

import numpy as np
import pytest
from scenarios import SCENARIOS, coverage


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(each, marks=[] if each is coverage else pytest.mark.slow, id=each.__name__) for each in SCENARIOS],
)
def test_a_promise_is_kept(scenario):
    for found in scenario(200, np.random.default_rng(7)):
        assert found.kept, f"{found.promise}: {found.nominal}, measured {found.share:.3f} of {found.n}"
