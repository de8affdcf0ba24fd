"""The validation split: stratified, exact, the same for all variants of a seed."""

from typing import Any

import numpy as np
import pytest

from bnexp.data.dataset import Dataset
from bnexp.data.division import apportion, split
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec
from bnexp.specs.datasets import ImageSet
from bnexp.specs.trial import TrialSpec, problems


def dataset(counts: list[int], seed: int = 0) -> Dataset:
    """Empty images with `counts[c]` examples of class c, in random order."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)
    nothing = np.zeros((len(labels), 1, 1, 1), np.uint8)
    return Dataset("mine", nothing, labels, nothing, labels, len(counts), "0" * 64)


def spec(**keys: Any) -> DataSpec:
    return DataSpec(name="mine:data", **keys)


@pytest.mark.parametrize(
    ("counts", "seats", "expected"),
    [
        ([10, 10, 10], 6, [2, 2, 2]),
        ([10, 10, 10], 7, [3, 2, 2]),  # equal remainders: the lower class first
        ([5, 3, 1], 3, [2, 1, 0]),  # shares 1.67, 1.00, 0.33
        ([6, 3, 1], 5, [3, 2, 0]),  # shares 3.0, 1.5, 0.5: the lower of two equal halves
        ([4, 4], 8, [4, 4]),
        ([4, 4], 0, [0, 0]),
        ([0, 7], 3, [0, 3]),
    ],
)
def test_seats_go_by_largest_remainder(counts: list[int], seats: int, expected: list[int]) -> None:
    assert apportion(np.array(counts), seats).tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_apportionment_is_exact_and_within_one_of_the_share(seed: int) -> None:
    random = np.random.default_rng(seed)
    counts = random.integers(1, 1000, 12)
    seats = int(random.integers(0, counts.sum() + 1))
    quotas = apportion(counts, seats)
    assert quotas.sum() == seats
    assert np.all(np.abs(quotas - counts * seats / counts.sum()) < 1)
    assert np.all(quotas <= counts)


THREE = dataset([500, 300, 200])


@pytest.mark.parametrize(("validation", "held"), [(0.1, 100), (0.123, 123), (250, 250), (0, 0), (0.0, 0)])
def test_the_validation_set_has_exactly_the_size_asked_for(validation: float, held: int) -> None:
    parts = split(THREE, spec(validation=validation), seed=1)
    assert (len(parts.validation), len(parts.train)) == (held, 1000 - held)
    assert np.array_equal(np.sort(np.concatenate([parts.train, parts.validation])), np.arange(1000))


def test_both_parts_are_ascending_and_stratified() -> None:
    parts = split(THREE, spec(validation=0.1, train=90), seed=3)
    for part, counts in ((parts.validation, [50, 30, 20]), (parts.train, [45, 27, 18])):
        assert part.dtype == np.int64
        assert np.all(np.diff(part) > 0)
        assert np.bincount(THREE.train_labels[part]).tolist() == counts


def test_a_seed_gives_one_split_and_another_seed_another() -> None:
    first, again, other = (split(THREE, spec(), seed).validation for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_split_is_what_it_has_always_been() -> None:
    """Written down from version 1 of the protocol: another NumPy, or a change here, must not move it unnoticed."""
    parts = split(dataset([6, 6], seed=0), spec(validation=4, train=4), seed=0)
    assert (parts.validation.tolist(), parts.train.tolist()) == ([5, 7, 9, 11], [1, 4, 8, 10])


def test_more_training_examples_include_the_fewer_beside_the_same_validation_set() -> None:
    data = dataset([500, 500])
    few, more, whole = (split(data, spec(train=train), seed=1) for train in (100, 200, None))
    assert np.array_equal(few.validation, whole.validation)
    assert (len(few.train), len(more.train)) == (100, 200)
    assert np.isin(few.train, more.train).all()
    assert np.isin(more.train, whole.train).all()


def test_every_example_is_held_out_equally_often() -> None:
    """Over 400 seeds with a tenth held out, each of 100 examples about 40 times: binomial, 6 deviations of 6."""
    data = dataset([50, 50])
    times = np.zeros(100)
    for seed in range(400):
        times[split(data, spec(validation=0.1), seed).validation] += 1
    assert times.sum() == 4000
    assert np.abs(times - 40).max() < 36


@pytest.mark.parametrize(
    ("counts", "keys", "says"),
    [
        ([50, 50, 50], {"train": 2}, "data.train: 2 examples cannot hold each of the 3 classes"),
        ([90, 9, 1], {"train": 10}, "class 2 of mine is too rare: none of its 1 training examples is left"),
    ],
)
def test_data_too_small_for_the_split_are_refused(counts: list[int], keys: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        split(dataset(counts), spec(**keys), seed=0)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"validation": 2}, "2 validation examples cannot hold each of the 3 classes; use more, or 0"),
        ({"validation": 0.02}, "2 validation examples cannot hold each of the 3 classes; use more, or 0"),
        ({"validation": 99}, "leaves 1 of 100 examples to train on"),
        ({"validation": 500}, "leaves 0 of 100 examples to train on"),
        ({"train": 91}, "91 examples, but after the validation split mine:data has 90"),
    ],
)
def test_sizes_that_do_not_fit_own_data_are_found_once_they_are_loaded(keys: dict[str, Any], says: str) -> None:
    sizes = ImageSet("mine:data", 100, 100, (28, 28, 1), 3)
    (problem,) = problems(TrialSpec(data=spec(**keys)), sizes)
    assert problem.message == says
