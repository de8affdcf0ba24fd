"""What a card says of the layer beside its formula, and that it would notice a wrong layer.

A float32 layer is within 1e-4 of float64 on outputs of order 1: some hundred roundings of 6e-8, divided by deviations
down to 0.1.  Any wrong term would be of order 1.
"""

import numpy as np
import pytest
from made import CASES, made, policy, settings

from bnexp.norms.check import deviation
from bnexp.specs.norms.table import METHODS

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("name", [name for name in METHODS if name != "none"])
def test_every_layer_is_its_formula(name):
    found = deviation(METHODS[name]())
    kinds = ["conv"] if METHODS[name].not_dense else ["conv", "dense"]
    assert list(found) == [f"{kind}_{mode}" for kind in kinds for mode in ("training", "inference")]
    assert all(0 <= value < 1e-4 for value in found.values())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("group", {"groups": 3}),
        ("ghost-batch", {"ghost_size": 5}),
        ("batch-renorm", {"r_ramp_end": 5000, "d_ramp_end": 5000}),
        ("batch", {"epsilon": 0.5}),
        ("spectral", {"power_iterations": 3, "use_bias": False}),
        ("mean-only-batch", {"layers": "dense"}),
        ("frozen-batch", {"freeze_after": 0}),
        ("noisy-batch", {"noise_per": "example", "scale_limit": 2.0}),
    ],
)
def test_arguments_of_the_card_are_those_of_the_layer_that_is_checked(name, arguments):
    found = deviation(METHODS[name](**arguments))
    assert found
    assert max(found.values()) < 1e-4


def test_a_wrong_formula_of_the_noise_is_noticed(monkeypatch):
    noisy = METHODS["noise"]
    wrong = noisy(shift_limit=0.3).reference
    monkeypatch.setattr(noisy, "reference", lambda self, x, w, training: wrong(x, w, training))
    assert deviation(noisy())["conv_training"] > 0.1


def test_a_layer_that_forgets_its_noise_is_noticed(monkeypatch):
    monkeypatch.setattr("bnexp.norms.noise.ActivationNoise.call", lambda self, inputs, training=None: inputs)
    assert deviation(METHODS["noise"]())["dense_training"] > 0.1


def test_no_normalization_has_nothing_to_compare():
    assert deviation(METHODS["none"]()) == {}


def test_a_wrong_formula_is_noticed(monkeypatch):
    monkeypatch.setattr(METHODS["layer"], "reference", METHODS["layer-channel"].reference)
    assert deviation(METHODS["layer"]())["conv_training"] > 0.1


@pytest.mark.parametrize("case", CASES, ids="-".join)
@pytest.mark.parametrize("training", [True, False])
def test_formulas_and_the_tests_reference_were_written_apart_and_agree(case, training):
    from reference_methods import FORWARD  # noqa: PLC0415  # only here are both needed

    name, kind = case
    with policy("float64"):
        it = made(name, kind)
    weights = {key: value.astype("float64") for key, value in it.values().items()} | it.draws(it.input())
    expected = FORWARD[name](it.input(), weights, training, settings(name))[0]
    np.testing.assert_allclose(it.spec.reference(it.input(), weights, training), expected, rtol=1e-11, atol=1e-12)
