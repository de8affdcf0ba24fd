"""Two runs of one trial give bit-identical histories, whatever the worker did before."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf
from small_trial import SMALL, numbers, small, started

from bnexp.records.record import TrialRecord

BATCH = {"norm": "batch"}

SCRIPT = """
import json, sys
from bnexp.specs.trial import Trial, TrialSpec
from bnexp.training import Trainer
spec = TrialSpec.model_validate(json.loads(sys.argv[1]))
print(Trainer(device="cpu", threads=1)(Trial(spec, 7), lambda _: None).model_dump_json())
"""


def fresh(change: dict) -> TrialRecord:
    """The record of seed 7 from a new process that trains nothing else."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, json.dumps({**SMALL, **change})]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return TrialRecord.model_validate_json(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_fresh_process_and_a_used_one_give_the_same_bits(train):
    train(seed=1, **BATCH)  # so that the model below is one that another seed was trained on
    here = train(seed=7, **BATCH)
    assert here.execution["compiled_model_reused"]
    assert numbers(fresh(BATCH)) == numbers(here)


DROPOUT = {"model": {"name": "cnn", "dropout": 0.5}}


@pytest.mark.slow
def test_dropout_does_not_depend_on_the_random_layers_that_a_process_made_before(train):
    train(seed=7, model={"name": "cnn", "dropout": 0.25, "dense": [64, 32]})
    here = train(seed=7, **DROPOUT)
    assert numbers(fresh(DROPOUT)) == numbers(here)


def test_dropout_is_drawn_from_the_seed_too(train):
    first, other, again = (train(seed=seed, **DROPOUT) for seed in (1, 2, 1))
    assert numbers(first) == numbers(again)
    assert first.evaluations[0].train_loss != other.evaluations[0].train_loss


def test_a_reused_model_takes_the_learning_rate_of_its_trial(train):
    slow = {"training": {**SMALL["training"], "optimizer": {"name": "adam", "learning_rate": 1e-6}}}
    train(seed=1)
    record = train(seed=1, **slow)
    assert record.execution["compiled_model_reused"]
    assert record.evaluations[-1].train_loss > 2.2  # hardly moved from ln 10 = 2.30


def test_another_start_leaves_the_optimized_graphs_as_they_are(monkeypatch):
    """TensorFlow forgets them where its global seed is set, so that the first step would optimize them again."""
    program = started(small())
    monkeypatch.setattr(tf.random, "set_seed", pytest.fail)
    program.reset(small(), seed=4)
