"""Federated averaging: one client is central training to the bit; many are what plain Keras models give."""

import keras
import numpy as np
import pytest
from beside_keras import labels, pixels
from small_trial import SMALL, images, numbers, small, started

from bnexp.data.division import split
from bnexp.specs.procedure import Federated
from bnexp.specs.training import TrainingSpec
from bnexp.specs.trial import Trial
from bnexp.training.loop import Setup, batches
from bnexp.training.procedures import federated
from bnexp.training.statistics import EVALUATED_RECALIBRATION

SGD = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
BATCH = {"batch_size": 50}


def setup(seed=3, norm="batch", optimizer=SGD, batch_size=50, **procedure):
    spec = small(
        norm=norm,
        training={"batch_size": batch_size, "optimizer": optimizer, "procedure": {"name": "federated", **procedure}},
    )
    program = started(spec, seed=seed)
    parts = split(images().dataset, spec.data, seed)
    return Setup(Trial(spec, seed), program, images(), parts, recalibrates=program.batch_dependent)


class Clock:
    """Time is of no interest."""

    parts = {"train": 0.0}  # noqa: RUF012

    def __call__(self, _):
        return self

    def __enter__(self): ...

    def __exit__(self, *_): ...


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param({"norm": "batch"}, marks=pytest.mark.slow),
        {"norm": "batch", "model": {"name": "mlp", "dropout": 0.3}, "training": {"schedule": "cosine"}},
        pytest.param({"norm": "none", "training": {"optimizer": SGD, "last_batch": "drop"}}, marks=pytest.mark.slow),
    ],
    ids=["batch, adam", "dropout, cosine", "sgd, last batch dropped"],
)
@pytest.mark.parametrize(
    "procedure",
    [{"rounds": 2}, pytest.param({"rounds": 1, "local_epochs": 2}, marks=pytest.mark.slow)],
    ids=["2 rounds", "1 round"],
)
def test_one_client_is_central_training_to_the_bit(train, blocks, procedure):
    keys = blocks.get("training", {})
    central = train(**{**blocks, "training": {**BATCH, **keys, "epochs": 2}})
    alone = train(
        **{**blocks, "training": {**BATCH, **keys, "procedure": {"name": "federated", "clients": 1, **procedure}}}
    )
    mine, theirs = numbers(alone), numbers(central)
    for key in ("test", "other_statistics", "fingerprints", "parameters", "trained"):
        assert mine[key] == theirs[key]
    last, same = mine["evaluations"][-1], theirs["evaluations"][-1]
    assert (last["step"], last["examples"]) == (same["step"], 600 if "last_batch" in keys else 660)
    for key in ("validation_loss", "validation_accuracy", "recalibrated_loss"):
        assert last.get(key) == same.get(key)


@pytest.mark.usefixtures("float64")
@pytest.mark.slow
@pytest.mark.parametrize("kept", ["average", "local"])
def test_many_clients_are_averaged_as_plain_keras_models_are(kept):
    """Two rounds of three clients, two of which train in each; moving averages as `batch_statistics` says."""
    made = setup(clients=3, fraction=0.7, rounds=2, batch_statistics=kept)
    training, program = made.trial.spec.training, made.program
    assert training.procedure.participants == 2
    common = [np.array(weight) for weight in program.model.get_weights()]
    trainable = [
        any(variable is one for one in program.model.trainable_variables) for variable in program.model.variables
    ]
    models = {}
    for client in range(3):
        models[client] = keras.models.clone_model(program.model)
        models[client].set_weights(common)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        models[client].compile(keras.optimizers.SGD(0.05, 0.9), loss)
    shards, taken = federated.shards(made), []
    orders = federated.orders(made)
    for number in range(2):
        ends = []
        for client in federated.participants(training.procedure, 3, number):
            taken.append(client)
            model = models[client]
            pairs = zip(common, model.get_weights(), trainable, strict=True)
            model.set_weights([mine if kept == "local" and not yes else one for one, mine, yes in pairs])
            order = next(orders)
            assert sorted(order) == sorted(shards[client])
            for stretch in batches(order, 50, 0, training.steps_per_epoch(len(order))):
                for batch in stretch:
                    model.train_on_batch(pixels(batch), labels(batch))
            ends.append(model.get_weights())
        common = [np.mean(values, axis=0) for values in zip(*ends, strict=True)]
    assert federated.train(made, [], Clock()) is None
    assert len(set(taken)) > 1
    for variable, expected in zip(program.model.variables, common, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected, rtol=0, atol=3e-6, err_msg=variable.path)


def test_recalibrated_statistics_are_those_of_all_clients():
    made = setup(clients=3, rounds=1, batch_statistics="recalibrate")
    assert federated.train(made, [], Clock()) is None
    found = made.program.state().model
    made.program.recalibrate(images().images, federated.sample(made, EVALUATED_RECALIBRATION))
    for one, other in zip(found, made.program.state().model, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["iid", "classes-1", "classes-2"])
def test_shards_are_of_one_size_and_hold_no_example_twice(kind):
    made = setup(clients=10, shards=kind, rounds=1, norm="none", batch_size=10)
    found = federated.shards(made)
    assert {len(shard) for shard in found} == {made.trial.spec.training.procedure.examples_of_client(330)}
    together = np.concatenate(found)
    assert len(set(together)) == len(together) >= 320
    assert set(together) <= set(made.parts.train)
    of_classes = [len(set(labels(shard))) for shard in found]
    if kind == "iid":
        assert min(of_classes) >= 6
    else:  # a piece may begin in one class and end in the next
        assert max(of_classes) <= 2 * int(kind[-1])
        assert np.mean(of_classes) <= int(kind[-1]) + 1
    assert all((shard == again).all() for shard, again in zip(found, federated.shards(made), strict=True))
    other = federated.shards(setup(seed=4, clients=10, shards=kind, rounds=1, norm="none", batch_size=10))
    assert any(set(shard) != set(moved) for shard, moved in zip(found, other, strict=True))


def test_lengths_are_those_of_a_client():
    given = {"batch_size": 50, "procedure": {"name": "federated", "clients": 10, "fraction": 0.3, "local_epochs": 2}}
    training = TrainingSpec.model_validate(given)
    assert training.epochs is None
    assert training.steps_per_round(54_000) == 2 * 108  # 5,400 images in batches of 50, twice
    assert training.length(54_000) == 10 * 216
    assert training.examples(54_000) == 10 * 2 * 3 * 5_400
    assert training.evaluation_steps(54_000) == [216 * r for r in (1, 2, 3, 4, 5, 6, 7, 8, 10)]


@pytest.mark.slow
def test_a_record_has_an_evaluation_after_rounds_alone(train):
    record = train(norm="batch", training={"batch_size": 10, "procedure": {"name": "federated", "rounds": 3}})
    assert [each.step for each in record.evaluations] == [4, 8, 12]  # 33 images each, in batches of 10
    assert [each.examples for each in record.evaluations] == [330, 660, 990]
    again = train(norm="none", training={"batch_size": 10, "procedure": {"name": "federated", "rounds": 3}})
    assert record.fingerprints.order == again.fingerprints.order
    skewed = {"name": "federated", "rounds": 3, "shards": "classes-2"}
    other = train(norm="none", training={"batch_size": 10, "procedure": skewed})
    assert other.fingerprints.order != again.fingerprints.order


def test_a_client_that_diverges_ends_the_training(train):
    wild = {"name": "sgd", "learning_rate": 1e20}
    record = train(norm="none", training={"batch_size": 10, "optimizer": wild, "procedure": {"name": "federated"}})
    assert (record.status, record.trained) == ("diverged", False)
    assert record.diverged_at_step <= 4


def test_the_procedure_has_a_card_of_its_own():
    assert Federated().participants == 10
    assert Federated(fraction=0.01).participants == 1
    assert Federated(shards="classes-2").examples_of_client(330) == 32
    assert SMALL["training"]["batch_size"] == 50
