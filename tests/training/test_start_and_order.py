"""What is drawn for a trial, by the functions that draw it."""

import keras
import numpy as np
import pytest

from bnexp.models.blocks import Built
from bnexp.specs.model import CnnSpec
from bnexp.training.initial import initial_weights
from bnexp.training.loop import batches, epoch_order


def test_each_epoch_and_each_seed_has_an_order_of_its_own():
    indices = np.arange(100, 200)
    orders = [epoch_order(indices, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(indices) for order in orders)
    assert len({order.tobytes() for order in orders}) == 4


@pytest.mark.parametrize(
    ("first", "last", "shapes"),
    [(0, 2, [(2, 4)]), (1, 3, [(1, 4), (1, 2)]), (2, 3, [(1, 2)]), (0, 3, [(2, 4), (1, 2)])],
)
def test_the_last_smaller_batch_comes_where_a_stretch_reaches_it(first, last, shapes):
    found = list(batches(np.arange(10), 4, first, last))
    assert [part.shape for part in found] == shapes
    assert np.concatenate([part.ravel() for part in found]).tolist() == list(range(4 * first, min(10, 4 * last)))


def test_initial_kernels_are_multiplied_and_nothing_else_is():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="some"), keras.layers.Dense(3, name="next")]
    )
    constants = [variable.numpy() + 1 for variable in model.variables]
    built = Built(model, ())
    once = initial_weights(built, CnnSpec(), 0, constants)
    twice = initial_weights(built, CnnSpec(initial_scale=2.0), 0, constants)
    for path, one in once.items():
        assert (twice[path] == one * (2 if path.endswith("kernel") else 1)).all()
        assert one.any()
