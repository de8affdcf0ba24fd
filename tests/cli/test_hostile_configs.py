"""A config is data: whatever stands in it, no code runs, no file outside the results folder is touched."""

import json
import sys
from pathlib import Path

import pytest

from bnexp.config.load import load
from bnexp.records.store import Store

CODE = [
    "variants: {a: !!python/object/apply:os.system ['touch {marker}']}",
    "variants: !!python/object/new:os.system ['touch {marker}']",
    "about: !!python/name:os.system\nvariants: {{a: {{norm: none}}}}",
    "variants: {{a: {{norm: none}}}}\ndata: {{name: \"__import__('os').system('touch {marker}')\"}}",
    "variants: {{a: {{norm: \"os:system\", command: 'touch {marker}'}}}}",
    'variants: {{a: {{norm: none}}}}\nname: "$(touch {marker})"',
]


@pytest.mark.parametrize("text", CODE)
def test_no_code_runs(bnexp_, tmp_path: Path, text: str) -> None:
    marker = tmp_path / "marker"
    config = tmp_path / "hostile.yaml"
    config.write_text(text.replace("{{", "{").replace("}}", "}").replace("{marker}", str(marker)))
    for command in ("validate", "plan", "run --no-plugins --dry-run"):
        bnexp_(*command.split(), str(config))
        assert not marker.exists()


@pytest.mark.parametrize("name", ["../../up", "/tmp/abs", "..", ".", "a/b", "a\\0b", "-rf", "x" * 300, "$(id)", "a b"])
def test_a_name_that_is_no_file_name_is_refused(bnexp_, tmp_path: Path, name: str) -> None:
    config = tmp_path / "named.yaml"
    config.write_text(f"name: {json.dumps(name)}\nvariants: {{a: {{norm: none}}}}\n")
    before = sorted(tmp_path.rglob("*"))
    said = bnexp_("run", str(config), "--results", str(tmp_path / "results"), "--dry-run")
    assert said.code == 2
    assert "name" in said.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("trial", ["../../../etc/passwd", "..", "/etc/passwd", "a/../../b"])
def test_a_trial_outside_of_the_results_is_not_shown(bnexp_, trial: str) -> None:
    for command in ("show", "logs"):
        said = bnexp_(command, trial)
        assert said.code == 2
        assert "root:" not in said.out


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "depth": "variants: " + "[" * 5000,
    "many points": "variants: {a: {norm: none}}\ngrid:\n"
    + "".join(f"  {key}: {list(range(1, 200))}\n" for key in ("training.batch_size", "training.epochs", "data.train")),
    "many seeds": "variants: {a: {norm: none}}\nseeds: 1000000000000\n",
    "a long line": "about: " + "x" * 5_000_000 + "\nvariants: {a: {norm: none}}\n",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_a_message(bnexp_, tmp_path: Path, bomb: str) -> None:
    config = tmp_path / "bomb.yaml"
    config.write_text(BOMBS[bomb])
    said = bnexp_("validate", str(config))
    assert said.code in (0, 2)
    assert len(said.err) < 20_000
    assert "fault of bnexp" not in said.err


OWN = """
import pathlib
pathlib.Path({marker!r}).touch()
import keras

class Mine(keras.layers.Layer):
    pass

def images():
    pass
"""


def test_without_plugins_code_that_a_config_names_is_refused_and_not_run(bnexp_, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (tmp_path / "my_norms.py").write_text(OWN.format(marker=str(marker)))
    for named, said in {
        "{norm: 'my_norms:Mine'}": "norm my_norms:Mine",
        "{norm: batch, data: 'my_norms:images'}": "data my_norms:images",
    }.items():
        (tmp_path / "own.yaml").write_text(f"data: mnist-5k\nvariants: {{a: {{norm: none}}, b: {named}}}\n")
        found = bnexp_("run", "own.yaml", "--no-plugins")
        assert found.code == 2
        assert f"{said} is code, which --no-plugins forbids" in found.err
    assert not marker.exists()
    assert not (tmp_path / "results").exists()
    assert "my_norms" not in sys.modules


def test_names_of_variants_may_be_anything_and_stay_names(tmp_path: Path) -> None:
    """What a shell or a page could take for more is text; no folder is named after a variant."""
    names = ["$(touch x)", "`id`", "; rm -rf /", "<script>alert(1)</script>", "../up", "$PATH"]
    config = tmp_path / "names.yaml"
    variants = {name: {"norm": "none", "training": {"epochs": k + 1}} for k, name in enumerate(names)}
    config.write_text(json.dumps({"name": "names", "variants": variants}))
    experiment = load(config)
    assert list(experiment.variants) == names
    store = Store(tmp_path / "results")
    store.keep_plan(experiment)
    assert [path.name for path in (tmp_path / "results").rglob("*")] == ["experiments", "names.json"]
    assert store.plans() == ["names"]
