"""The table: what it refuses and why, what it says, and that saying it needs no TensorFlow."""

import subprocess
import sys

import keras
import pytest

import bnexp.norms
from bnexp.specs.block import Block
from bnexp.specs.norms.table import METHODS, TABLE

CONV = Block("conv1", "conv", (5, 4, 12))
PIXEL = Block("conv3", "conv", (1, 1, 12))
DENSE = Block("dense1", "dense", (12,))


@pytest.mark.parametrize(
    ("name", "arguments", "block", "key", "reason"),
    [
        ("group", {"groups": 8}, CONV, "groups", "8 groups do not divide the 12 channels of conv1"),
        ("group", {"groups": 12}, DENSE, "groups", "one number to each group of dense1"),
        ("group", {"groups": 12}, PIXEL, "groups", "one number to each group of conv3"),
        ("weight-standardized-group", {"groups": 5}, DENSE, "groups", "5 groups do not divide the 12 channels"),
        ("evonorm-s0", {"groups": 5}, CONV, "groups", "5 groups do not divide the 12 channels of conv1"),
        ("instance", {}, PIXEL, "name", "would be a constant"),
        ("batch-instance", {}, PIXEL, "name", "instance half of conv3, which is 1x1 pixel, would be zero"),
        ("switchable", {}, PIXEL, "name", "instance statistics of conv3, which is 1x1 pixel, have no variance"),
        ("filter-response", {}, PIXEL, "name", "would leave the sign of a number"),
        ("ghost-batch", {"ghost_size": 1}, DENSE, "ghost_size", "chunks of one example make dense1 a constant"),
        ("layer-channel", {}, Block("conv1", "conv", (5, 4, 1)), "name", "has one channel"),
        ("rms", {}, Block("conv1", "conv", (5, 4, 1)), "name", "has one channel"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(name, arguments, block, key, reason):
    wrong, message = METHODS[name](**arguments).refusal(block)
    assert wrong == key
    assert reason in message


@pytest.mark.parametrize("name", [name for name in METHODS if name != "none"])
def test_nothing_else_is_refused(name):
    arguments = {"groups": 4} if "groups" in METHODS[name].model_fields else {}
    spec = METHODS[name](**arguments)
    for block in (CONV, DENSE):
        assert not spec.takes(block) or spec.refusal(block) is None


@pytest.mark.parametrize("name", ["instance", "batch-instance", "filter-response"])
def test_methods_for_images_take_no_dense_layers_and_say_why(name):
    assert not METHODS[name]().takes(DENSE)
    assert METHODS[name].not_dense
    with pytest.raises(ValueError, match="layers"):
        METHODS[name](layers="all")


def test_what_acts_on_weights_or_brings_its_activation_takes_no_place():
    without = {name for name, row in METHODS.items() if "place" not in row.model_fields}
    bound = {name for name, row in METHODS.items() if row.brings_activation or row.linear_target}
    assert without == bound | {"none"}


@pytest.mark.parametrize("name", [name for name in METHODS if name != "none"])
def test_one_epsilon_and_momentum_for_all(name):
    fields = METHODS[name].model_fields
    assert "epsilon" not in fields or fields["epsilon"].default == 1e-3
    assert "momentum" not in fields or fields["momentum"].default == 0.99
    assert METHODS[name]().use_bias


def test_a_ramp_that_ends_before_it_starts_is_an_error():
    with pytest.raises(ValueError, match=r"r_ramp_end \(4\) lies before ramp_start \(5\)"):
        METHODS["batch-renorm"](ramp_start=5, r_ramp_end=4)


def test_listing_the_methods_and_naming_the_layers_imports_no_tensorflow():
    code = (
        "import sys, bnexp.norms, bnexp.specs.norms.table, bnexp.norms.build; dir(bnexp.norms); "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_layer_is_to_be_had_from_the_package_and_knows_its_serialized_name():
    names = {name for name in dir(bnexp.norms) if name[0].isupper() and name != "Any"}
    assert len(names) == 22
    for name in names:
        layer = getattr(bnexp.norms, name)
        assert keras.saving.get_registered_name(layer) == f"bnexp>{name}"
        assert layer.__doc__
    with pytest.raises(AttributeError, match="NoSuchNorm"):
        _ = bnexp.norms.NoSuchNorm


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("BatchRenormalization", {"r_max": 0.5}, "r_max must be at least 1"),
        ("BatchRenormalization", {"ramp_start": 9, "r_ramp_end": 3}, "a ramp must not end before it starts"),
        ("BatchRenormalization", {"momentum": 1.0}, r"momentum must lie in \[0, 1\); received 1.0"),
        ("FrozenBatchNormalization", {"freeze_after": -1}, "freeze_after must be at least 0; received -1"),
        ("ActivationNoise", {"scale_limit": 0.5}, "scale_limit must be at least 1, and shift_limit"),
        ("NoisyBatchNormalization", {"noise_per": "pixel"}, "must be 'activation' or 'example'; received 'pixel'"),
        ("GhostBatchNormalization", {"ghost_size": 0}, "ghost_size must be at least 1; received 0"),
        ("EvoNormS0", {"groups": 0}, "groups must be at least 1; received 0"),
        ("EvoNormB0", {"epsilon": 0.0}, "epsilon must be positive; received 0.0"),
        ("SpectralNormDense", {"units": 2, "power_iterations": 0}, "power_iterations must be at least 1"),
        ("WeightStandardizedDense", {"units": 2, "weight_epsilon": -1.0}, "epsilon must be positive; received -1.0"),
    ],
)
def test_a_layer_refuses_wrong_arguments(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(bnexp.norms, name)(**arguments)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("EvoNormS0", (None, 5, 4, 12), "groups must divide the channels; received 8 groups, 12 channels"),
        ("FilterResponseNormalization", (None, 12), "only the sign would be left; received shape"),
        ("BatchInstanceNormalization", (None, 1, 1, 12), "the instance half would be 0"),
        ("SwitchableNormalization", (None, 1, 1, 12), "an instance of one number has no variance"),
        ("Affine", (None, 5, 4, None), "a known number of channels C; received shape"),
    ],
)
def test_a_layer_refuses_wrong_shapes(name, shape, message):
    with pytest.raises(ValueError, match=message):
        getattr(bnexp.norms, name)().build(shape)


def test_a_method_is_one_file_of_facts_and_one_of_layers_both_by_its_name():
    for name, target in TABLE.items():
        method, file = METHODS[name], name.replace("-", "_")
        assert method.model_fields["name"].default == name
        assert target == f"bnexp.specs.norms.{file}:{method.__name__}"
        layers = {layer for layer in (method.target, method.linear_target) if layer}
        assert {f"bnexp.norms.{file}"} <= {layer.partition(":")[0] for layer in layers} or name == "none"
