"""Which smaller batches a training has."""

import pytest

from bnexp.specs.training import TrainingSpec

FEDERATED = {"name": "federated", "clients": 10, "shards": "iid"}


@pytest.mark.parametrize(
    ("training", "examples", "smaller"),
    [
        ({"batch_size": 50, "epochs": 2}, 330, 30),
        ({"batch_size": 50, "epochs": 2}, 300, 0),
        ({"batch_size": 50, "epochs": 2, "last_batch": "drop"}, 330, 0),
        ({"batch_size": 50, "steps": 7}, 330, 30),
        ({"batch_size": 50, "steps": 6}, 330, 0),  # ends before it
        ({"batch_size": 50, "procedure": FEDERATED}, 1230, 23),  # of a client, which has 123
    ],
)
def test_the_smaller_batch_at_the_end_of_an_epoch(training, examples, smaller):
    assert TrainingSpec.model_validate(training).smaller_batch(examples) == smaller
