"""The shipped configs: valid, of the size that their comments state, small enough for a smoke test."""

import re
from pathlib import Path

import pytest

from bnexp import shipped
from bnexp.config.load import load
from bnexp.specs.experiment import cautions, plan
from bnexp.specs.norms.table import METHODS

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
README = (ROOT / "configs/README.md").read_text()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_says_its_schema_its_question_and_its_size(path: Path) -> None:
    """It is named with its folder: the `cnn` of `methods` would tell nothing in a results folder.  In `claims`, a
    caution may be what the claim is about."""
    experiment, text, place = load(path), path.read_text(), path.relative_to(ROOT / "configs")
    assert experiment.name == "-".join(place.with_suffix("").parts).replace("claims-", "claim-")
    assert experiment.about
    about = [text for text in cautions(experiment) if "with one example a batch dense" not in text]
    assert (about, len(cautions(experiment))) == ([], 2 if path.stem == "online" else 0)
    trials = len(list(plan(experiment)))
    assert re.findall(r"= (\d+) trials", text) == [str(trials)]
    (row,) = [line for line in README.splitlines() if f"]({place})" in line]
    assert row.endswith(f"= {trials} |")
    (schema,) = re.findall(r"\A# yaml-language-server: \$schema=(.*)", text)
    assert (path.parent / schema).resolve() == ROOT / "bnexp/experiment.schema.json"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_smoke_form_needs_no_download_and_few_images(path: Path) -> None:
    small = load(path, smoke=True)
    assert {point.spec.data.name for point in small.points} == {"mnist-5k"}
    axes = len(small.points[0].coordinates)
    assert len(list(plan(small))) <= 2 * 2**axes * len(small.variants)
    assert set(small.variants) == set(load(path).variants)


def test_the_textbook_comparison_is_the_reference_cnn_with_its_five_variants() -> None:
    experiment = load(ROOT / "configs/mnist.yaml")
    assert experiment.variants == ("none", "bn-pre", "bn-post", "ln", "gn")
    assert experiment.baseline == "none"
    specs = {point.variant: point.spec for point in experiment.points}
    assert [spec.norm.name for spec in specs.values()] == ["none", "batch", "batch", "layer", "group"]
    for spec in specs.values():
        assert (spec.training.epochs, spec.training.batch_size) == (10, 64)
        assert (spec.model.filters, spec.model.dense, spec.data.name) == ((32, 64, 64), (64,), "mnist")


def test_every_trial_of_the_batch_size_sweep_sees_the_examples_that_it_states_and_takes_steps_enough() -> None:
    experiment = load(ROOT / "configs/batch_size.yaml")
    assert "177,000 examples" in experiment.about
    steps = {}
    for point in experiment.points:
        training, known = point.spec.training, point.spec.data.known
        assert known is not None
        examples = point.spec.data.train_examples(known.train)
        assert examples * training.epochs == 177_000
        steps[training.batch_size] = training.evaluation_steps(examples)[-1]
    assert list(steps) == [2, 4, 8, 16, 64, 256]
    assert min(steps.values()) >= 600
    text = (ROOT / "configs/batch_size.yaml").read_text()
    assert f"{steps[2]:,} updates with batches of 2, and {steps[256]} with" in text


def test_each_of_the_sixteen_claims_has_a_file_whose_first_claim_has_its_name() -> None:
    found = {path.stem: [*load(path).claims] for path in (ROOT / "configs/claims").glob("*.yaml")}
    assert len(found) == 16
    assert {name: first for name, (first, *_) in found.items()} == {name: name for name in found}


def test_the_shipped_configs_are_found() -> None:
    assert shipped.names() == sorted(path.relative_to(ROOT / "configs").with_suffix("").as_posix() for path in CONFIGS)
    assert shipped.text("mnist") == (ROOT / "configs/mnist.yaml").read_text()


@pytest.mark.parametrize(("name", "model"), [("cnn", "cnn"), ("mlp", "mlp")])
def test_the_configs_of_all_methods_hold_every_method_that_fits(name: str, model: str) -> None:
    """Those that dense layers refuse, or that are another method after them, are named in a comment of mlp.yaml."""
    path = ROOT / f"configs/methods/{name}.yaml"
    compared = {point.spec.norm.name for point in load(path).points}
    left_out = set() if model == "cnn" else {name for name, row in METHODS.items() if row.not_dense}
    left_out |= {"frozen-batch", "noisy-batch", "noise"}  # they test explanations of batch normalization
    left_out |= set() if model == "cnn" else {"layer-channel", "layer-full"}
    assert compared == set(METHODS) - left_out


def test_instance_norm_stands_beside_a_batch_norm_of_the_convolutions_alone() -> None:
    specs = {point.variant: point.spec.norm for point in load(ROOT / "configs/methods/cnn.yaml").points}
    assert (specs["batch-conv"].name, specs["batch-conv"].layers, specs["instance"].layers) == ("batch", "conv", "conv")
