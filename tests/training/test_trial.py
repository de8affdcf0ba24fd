"""What a record of one trial says, and how a trial ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_trial import SMALL, small

from bnexp.specs.training import TrainingSpec
from bnexp.specs.trial import Trial

STEPS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14]


def test_evaluations_stand_where_the_spec_says_and_add_up(train):
    """Four looks per factor of two, and the last step; two epochs of seven steps of 50 and 30 images."""
    record = train()
    assert [row.step for row in record.evaluations] == STEPS == small().training.evaluation_steps(330)
    assert [row.examples for row in record.evaluations] == [
        step * 50 - 20 * (step > 6) - 20 * (step > 13) for step in STEPS
    ]
    assert record.evaluations[6].epoch == 1
    assert record.evaluations[-1].epoch == 2
    assert all(a.seconds < b.seconds for a, b in zip(record.evaluations, record.evaluations[1:], strict=False))


def test_looks_are_as_far_apart_at_any_step():
    """So that a time to an accuracy is known to the same factor wherever it lies."""
    training = TrainingSpec(batch_size=2, epochs=3, evaluations=4)
    steps = np.array(training.evaluation_steps(54_000))
    assert steps[-1] == 81_000
    ratios = steps[1:] / steps[:-1]
    assert ratios[steps[:-1] >= 64].max() < 2**0.25 * 1.02
    assert TrainingSpec(evaluations=1, epochs=1).evaluation_steps(640) == [1, 2, 4, 8, 10]


def test_looks_change_nothing_of_the_training(train):
    """Recalibrated scores set moving averages, and set them back."""
    few, many = (train(norm="batch", training={**SMALL["training"], "evaluations": n}) for n in (1, 20))
    assert len(few.evaluations) < len(many.evaluations)
    assert few.test == many.test
    assert few.other_statistics == many.other_statistics
    assert few.evaluations[-1].validation_loss == many.evaluations[-1].validation_loss
    assert few.evaluations[-1].recalibrated_loss == many.evaluations[-1].recalibrated_loss


def test_what_was_learned_stands_beside_what_would_be_deployed(train):
    """After 14 steps moving averages still hold most of what they started with."""
    batch, layer = train(norm="batch", training=TENS), train(norm="layer")
    last = batch.evaluations[-1]
    assert last.recalibrated_accuracy > last.validation_accuracy + 0.2
    assert last.recalibrated_accuracy == pytest.approx(batch.other_statistics.recalibrated.accuracy, abs=0.1)
    assert {row.recalibrated_accuracy for row in layer.evaluations} == {None}
    assert "recalibrated_loss" not in layer.model_dump()["evaluations"][0]


@pytest.mark.slow
def test_a_run_has_trained_if_it_is_far_above_guessing(train):
    assert train(norm="batch", training=TENS).trained is True
    assert train(norm="none", training={**SMALL["training"], "epochs": 1, "optimizer": SLOW}).trained is False
    assert train(norm="batch", training={**TENS, "trained": 0.999}).trained is False
    assert train(data={**SMALL["data"], "validation": 0}).trained is None


SLOW = {"name": "sgd", "learning_rate": 1e-9}
TENS = {**SMALL["training"], "batch_size": 10}


def test_dropping_the_last_batch_leaves_it_out_of_every_epoch(train):
    record = train(training={**SMALL["training"], "last_batch": "drop"})
    assert record.evaluations[-1].step == 12
    assert record.evaluations[-1].examples == 600
    assert record.evaluations[-1].epoch == 2


def test_test_figures_agree_with_each_other(train):
    test = train(norm="batch").test
    assert test.examples == sum(test.examples_per_class) == 1000
    assert sum(test.correct_per_class) == 1000 - len(test.missed)
    assert test.accuracy == pytest.approx(1 - len(test.missed) / 1000)
    assert list(test.missed) == sorted(set(test.missed))
    wrong = np.array(test.examples_per_class) - test.correct_per_class
    assert np.bincount(test.labels, minlength=10).tolist() == wrong.tolist()
    assert len(test.predicted) == len(test.missed)
    assert {*test.predicted} <= {*range(10)}
    assert not np.any(np.array(test.predicted) == test.labels)
    assert all(type(count) is int for count in test.correct_per_class)


def test_some_hundred_images_are_learned(train):
    """Two epochs of 330 images: far above the 10 % of guessing."""
    assert train(norm="none", training={**SMALL["training"], "batch_size": 10}).test.accuracy > 0.6


@pytest.mark.parametrize(
    ("norm", "trainable", "non_trainable", "normalization"),
    [
        # conv 320 + 18,496 + 36,928, dense 36,928 + 650; γ and β of 32 + 64 + 64 + 64 channels.
        ("none", 93_322, 0, 0),
        ("batch", 93_322 + 448, 448, 448),
        ("group", 93_322 + 448, 0, 448),
        ({"name": "batch", "use_bias": False}, 93_322 + 448 - 224, 448, 448),
        ({"name": "batch", "layers": "conv"}, 93_322 + 320, 320, 320),
    ],
)
def test_parameters_are_counted(train, norm, trainable, non_trainable, normalization):
    record = train(norm=norm)
    found = record.parameters
    assert (found.trainable, found.non_trainable, found.normalization) == (trainable, non_trainable, normalization)
    assert record.execution["precision"] == "float32"


@pytest.mark.slow
def test_a_users_keras_settings_change_no_precision(train, tmp_path):
    """`~/.keras/keras.json` is read by Keras at its import; a trial is the same whatever stands there."""
    settings = {"floatx": "float64", "epsilon": 1e-2, "backend": "tensorflow", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    code = (
        "import sys, keras; sys.path.insert(0, sys.argv[1])\n"
        "from small_trial import small\n"
        "from bnexp.specs.trial import Trial\n"
        "from bnexp.training import Trainer\n"
        "record = Trainer('cpu', threads=1)(Trial(small(norm='layer'), 0), lambda _: None)\n"
        "print(record.test.model_dump_json(), record.execution['precision'])\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        env={**os.environ, "KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    without = train(norm="layer")  # in this process, whose KERAS_HOME is empty
    assert said.strip() == f"{without.test.model_dump_json()} float32"


def test_divergence_ends_the_trial_and_is_an_outcome(train):
    record = train(training={**SMALL["training"], "optimizer": {"name": "sgd", "learning_rate": 1e30}})
    assert record.status == "diverged"
    assert 1 <= record.diverged_at_step <= 3
    assert record.evaluations[-1].step == record.diverged_at_step
    assert record.test is None
    json.loads(record.model_dump_json(), parse_constant=lambda name: pytest.fail(f"{name} in the record"))


def test_an_overflow_of_the_very_last_update_is_divergence_too(train):
    one_step = {"epochs": 1, "batch_size": 330, "optimizer": {"name": "sgd", "learning_rate": 1e39}}
    record = train(data={"name": "mnist-5k", "train": 330, "validation": 60}, training=one_step)
    assert (record.status, record.diverged_at_step, record.test) == ("diverged", 1, None)
    assert [(row.train_loss is None, row.validation_loss) for row in record.evaluations] == [(False, None)]


def test_without_a_validation_split_there_are_no_validation_figures(train):
    record = train(data={"name": "mnist-5k", "train": 330, "validation": 0})
    assert record.validation_examples == 0
    assert {row.validation_accuracy for row in record.evaluations} == {None}


def test_progress_is_told_at_each_evaluation(trainer):
    told = []
    trainer(Trial(small(), 0), told.append)
    assert [(one.epoch, one.step, one.steps) for one in told] == [(1 + (step > 7), step, 14) for step in STEPS]
