"""Two variants with one seed start from the same kernels and see the same examples in the same order."""

import pytest
from small_trial import TINY_CNN

from bnexp.records.record import TrialRecord

VARIANTS = {
    "none": {"norm": "none"},
    "bn-pre": {"norm": {"name": "batch", "place": "before-activation"}},
    "bn-post": {"norm": {"name": "batch", "place": "after-activation"}},
    "ln": {"norm": "layer"},
    "gn": {"norm": {"name": "group", "groups": 8}},
}


@pytest.fixture(scope="module")
def records(train):
    return {name: train(seed=4, **change) for name, change in VARIANTS.items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_of_one_seed_are_a_pair(records, name):
    one, other = records["none"].fingerprints, records[name].fingerprints
    shared = one.weights.keys() & other.weights.keys()
    assert {"conv1/kernel", "conv2/kernel", "conv3/kernel", "dense1/kernel", "output/kernel"} <= shared
    assert {path: one.weights[path] for path in shared} == {path: other.weights[path] for path in shared}
    assert (one.order, one.validation) == (other.order, other.validation)


PIXELS = {"name": "lstm", "units": 4, "sequence": "pixels", "downsample": 4, "order": "permuted"}
MODELS = {
    "dropout before the norm": {**TINY_CNN, "strides": 2, "dropout": 0.3, "dropout_place": "before-norm"},
    "width and depth": {"name": "mlp", "width": 8, "depth": 3, "initializer": {"name": "normal", "stddev": 0.1}},
    "permuted pixels": {**PIXELS, "dropout": 0.3, "recurrent_initializer": "identity"},
}


@pytest.mark.parametrize("name", MODELS)
def test_so_are_those_with(train, name):
    """The states of dropout among what they share; and a record is read as it was written."""
    one, other = (train(seed=4, model=MODELS[name], norm=norm) for norm in ("none", "batch"))
    weights = one.fingerprints.weights
    assert weights.items() <= other.fingerprints.weights.items()
    assert any("seed_generator_state" in path for path in weights) == ("dropout" in MODELS[name])
    assert one.evaluations[-1].train_loss != other.evaluations[-1].train_loss
    assert TrialRecord.model_validate_json(one.model_dump_json()) == one


def test_variants_of_one_seed_do_train_differently(records):
    assert len({record.evaluations[-1].train_loss for record in records.values()}) == len(VARIANTS)


def test_another_seed_changes_every_kernel_the_order_and_the_split(train, records):
    one, other = records["none"].fingerprints, train(seed=5, **VARIANTS["none"]).fingerprints
    kernels = [path for path in one.weights if path.endswith("kernel")]
    assert all(one.weights[path] != other.weights[path] for path in kernels)
    assert one.order != other.order
    assert one.validation != other.validation


def test_no_two_kernels_of_a_trial_share_their_numbers(records):
    kernels = [digest for path, digest in records["none"].fingerprints.weights.items() if path.endswith("kernel")]
    assert len(set(kernels)) == len(kernels) == 5


def test_another_batch_size_sees_the_examples_in_the_same_order(train, records):
    small = train(seed=4, norm="none", training={"batch_size": 10, "epochs": 2})
    assert small.fingerprints.order == records["none"].fingerprints.order
