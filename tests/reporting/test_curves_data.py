"""What the page draws its learning curves from is what the records say, rounded no further than one may."""

import json
import re
from importlib.resources import files

import numpy as np
import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.drawing.chart import chart
from bnexp.reporting.drawing.figures import looks
from bnexp.reporting.drawing.learning_curves import MEASURES, Trainings
from bnexp.reporting.render.html import json_block

FAULTS = {("bn-pre", 16, 1): "diverged", ("gn", 16, 2): "missing"}


def data_of(store, plan):
    it = Evidence(store, plan)
    trials, found = (dict(iter(table.groupby("point"))) for table in (it.trials, it.evaluations))
    trainings = {point: Trainings(trials[point], found[point]) for point in found}
    return chart(it.conditions, trainings, [*looks(plan.variants).values()]), trainings, it.evaluations


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return data_of(*build(tmp_path_factory.mktemp("results"), seeds=4, faults=FAULTS))


def test_there_is_a_curve_for_every_variant_at_every_place(results):
    data, _, _ = results
    assert [variant["name"] for variant in data["variants"]] == ["none", "bn-pre", "bn-post", "ln", "gn"]
    assert data["places"] == ["batch size 16", "batch size 64"]
    assert [(each["place"], each["variant"]) for each in data["curves"]] == [(p, v) for p in (0, 1) for v in range(5)]


@pytest.mark.parametrize("measure", ["validation_accuracy", "train_accuracy", "validation_loss", "train_loss"])
@pytest.mark.parametrize("point", [0, 1, 7])
def test_means_intervals_and_seeds_are_those_of_the_printed_figures(results, measure, point):
    data, trainings, _ = results
    printed = trainings[point].curve(measure, "seconds")
    found = data["curves"][point]
    clock, mean, low, high = printed.mean
    for numbers, exact in zip(found["mean"][measure], (mean, low, high), strict=True):
        assert np.all(np.abs(np.array(numbers) - exact) <= 0.01 * (high - low))
    assert found["seconds"] == pytest.approx(clock, rel=1e-3)
    for seed, (points, finished) in zip(found["seeds"], printed.seeds, strict=True):
        assert seed["finished"] == finished
        values = [value for value in seed[measure] if value is not None]
        assert values == pytest.approx(points[:, 1], rel=1e-3, abs=0.0006)


def test_what_a_diverged_training_did_not_reach_is_null_and_not_in_the_mean(results):
    data, _, looks_ = results
    found = data["curves"][1]
    lost = found["seeds"][1]
    assert (lost["finished"], found["planned"]) == (False, 4)
    assert lost["train_loss"][2:] == [None] * (len(found["step"]) - 2)
    rows = looks_[(looks_["point"] == 1) & (looks_["step"] == found["step"][0]) & (looks_["seed"] != 1)]
    assert found["mean"]["train_loss"][0][0] == pytest.approx(rows["train_loss"].mean(), rel=1e-2)


def test_a_missing_training_is_only_counted(results):
    found = results[0]["curves"][4]
    assert [seed["seed"] for seed in found["seeds"]] == [0, 1, 3]
    assert found["planned"] == 4


def test_everything_diverged_leaves_seeds_without_means(tmp_path):
    faults = {(variant, 64, seed): "diverged" for variant in ("none", "ln") for seed in range(2)}
    data, _, _ = data_of(*build(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=2, faults=faults))
    assert data["curves"][0]["mean"]["validation_accuracy"][0] == [None] * 3
    assert data["curves"][0]["seeds"][0]["validation_accuracy"][0] is not None
    assert json_block(data)


def test_three_hundred_trials_take_a_small_part_of_a_page(tmp_path):
    data, _, _ = data_of(*build(tmp_path, batch_sizes=(16, 32, 64), seeds=20, epochs=11, faults={}))
    assert sum(len(each["seeds"]) for each in data["curves"]) == 300
    assert {len(each["step"]) for each in data["curves"]} == {49, 53, 57}
    assert len(json_block(data)) < 900_000


def test_of_a_recalibrated_method_the_seeds_have_what_was_learned_and_the_mean_both(tmp_path):
    build_ = {"variants": ("none", "bn-pre"), "batch_sizes": (), "seeds": 2, "faults": {}, "recalibrated": True}
    none, bn = data_of(*build(tmp_path, **build_))[0]["curves"]
    assert not any(key.startswith("recalibrated") for key in none["mean"])
    assert {"validation_accuracy", "recalibrated_accuracy", "train_accuracy"} <= bn["mean"].keys()
    assert bn["seeds"][0].keys() >= {"recalibrated_accuracy", "train_loss"}
    assert "validation_accuracy" not in bn["seeds"][0]


def test_the_page_can_show_whatever_was_measured():
    script = files("bnexp.reporting").joinpath("templates/curves.js").read_text(encoding="utf-8")
    phases = json.loads(re.search(r"const phases = (\[.*?\])", script)[1])
    phases.append("recalibrated")  # which it shows as validation
    assert {f"{phase}_{kind}" for phase in phases for kind in ("accuracy", "loss")} == MEASURES.keys()


def test_no_name_ends_the_element_that_it_stands_in():
    names = ["</script>", "<!--", "]]>", "&lt;", "\u2028", '"\\']
    text = json_block({"names": names})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text)["names"] == names
