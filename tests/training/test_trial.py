"""What a record of one trial says, and how a trial ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_trial import SMALL, small

from bnexp.specs.trial import Trial


def test_evaluations_stand_where_the_spec_says_and_add_up(train):
    """Three evaluations in the first epoch of seven steps, one at the end of the second."""
    record = train()
    assert [row.step for row in record.evaluations] == [3, 5, 7, 14] == small().training.evaluation_steps(330)
    assert [row.examples for row in record.evaluations] == [150, 250, 330, 660]
    assert [row.epoch for row in record.evaluations] == pytest.approx([150 / 330, 250 / 330, 1, 2])
    assert all(a.seconds < b.seconds for a, b in zip(record.evaluations, record.evaluations[1:], strict=False))


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
    assert [(one.epoch, one.step, one.steps) for one in told] == [(1, 3, 14), (1, 5, 14), (1, 7, 14), (2, 14, 14)]
