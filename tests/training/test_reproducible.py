"""Two runs of one trial give bit-identical histories, whatever the worker did before."""

import json
import subprocess
import sys

from small_trial import SMALL

BATCH = {"norm": "batch"}

SCRIPT = """
import json, sys
from bnexp.specs.trial import TrialSpec
from bnexp.specs.trial import Trial
from bnexp.training import Trainer
spec = TrialSpec.model_validate(json.loads(sys.argv[1]))
record = Trainer(device="cpu", threads=1)(Trial(spec, 7), lambda _: None)
print(record.model_dump_json())
"""


def measured(record: dict) -> dict:
    """All of a record but times, memory, versions, and whether a compiled model was there already."""
    kept = {key: record[key] for key in ("identity", "status", "test", "fingerprints", "parameters", "data_hash")}
    history = [{key: value for key, value in row.items() if key != "seconds"} for row in record["evaluations"]]
    return {**kept, "evaluations": history}


def fresh(change: dict) -> dict:
    """The record of seed 7 from a new process that trains nothing else."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, json.dumps({**SMALL, **change})]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_fresh_process_and_a_used_one_give_the_same_bits(train):
    train(seed=1, **BATCH)  # so that the model below is one that another seed was trained on
    here = train(seed=7, **BATCH)
    assert here.execution["compiled_model_reused"]
    assert measured(fresh(BATCH)) == measured(here.model_dump(mode="json"))


DROPOUT = {"model": {"name": "cnn", "dropout": 0.5}}


def test_dropout_does_not_depend_on_the_random_layers_that_a_process_made_before(train):
    train(seed=7, model={"name": "cnn", "dropout": 0.25, "dense": [64, 32]})
    here = train(seed=7, **DROPOUT)
    assert measured(fresh(DROPOUT)) == measured(here.model_dump(mode="json"))


def test_dropout_is_drawn_from_the_seed_too(train):
    first, other, again = (train(seed=seed, **DROPOUT) for seed in (1, 2, 1))
    assert measured(first.model_dump(mode="json")) == measured(again.model_dump(mode="json"))
    assert first.evaluations[0].train_loss != other.evaluations[0].train_loss


def test_a_reused_model_takes_the_learning_rate_of_its_trial(train):
    slow = {"training": {**SMALL["training"], "optimizer": {"name": "adam", "learning_rate": 1e-6}}}
    train(seed=1)
    record = train(seed=1, **slow)
    assert record.execution["compiled_model_reused"]
    assert record.evaluations[-1].train_loss > 2.2  # hardly moved from ln 10 = 2.30
