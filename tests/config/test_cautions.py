"""What `validate` and `run` say of points that can be trained, but may surprise."""

from pathlib import Path

import pytest

from bnexp.config.load import load
from bnexp.specs.experiment import cautions

CONFIG = """name: c
data: mnist-5k
training: {{batch_size: {batch_size}}}
model: {model}
variants: {{v: {{norm: {norm}}}}}
"""


@pytest.mark.parametrize(
    ("norm", "model", "batch_size", "expected"),
    [
        ("batch", "cnn", 1, ["dense1 is normalized to the constant β"]),
        ("{name: batch, place: after-activation}", "cnn", 1, ["dense1 is normalized to the constant β"]),
        ("mean-only-batch", "{name: mlp, widths: [8, 8]}", 1, ["dense1", "dense2"]),
        ("{name: ghost-batch, ghost_size: 16}", "{name: cnn, filters: [8], dense: []}", 8, ["no chunk of 16"]),
        ("batch", "lstm", 1, ["state is normalized"]),
        ("{name: batch, layers: conv}", "cnn", 1, []),
        ("batch", "cnn", 2, []),
        ("layer", "cnn", 1, []),
        ("none", "cnn", 1, []),
        ("{name: ghost-batch, ghost_size: 16}", "cnn", 16, []),
    ],
)
def test_cautions(tmp_path: Path, norm: str, model: str, batch_size: int, expected: list[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG.format(norm=norm, model=model, batch_size=batch_size))
    found = cautions(load(file))
    assert len(found) == len(expected)
    for text, part in zip(found, expected, strict=True):
        assert part in text
        assert text.startswith("c, variant v: ")


def test_23_what_holds_for_images_of_any_size_is_said_of_own_datasets_too(tmp_path: Path) -> None:
    (tmp_path / "digits.py").write_text("def load(): ...")
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG.format(norm="batch", model="cnn", batch_size=1).replace("mnist-5k", "digits:load"))
    (text,) = cautions(load(file))
    assert text.startswith("c, variant v: with one example a batch dense1 is normalized to the constant")


def test_variants_that_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("variants: {a: {norm: none}, b: {norm: layer}, c: {norm: {name: layer, epsilon: 1e-3}}}")
    assert cautions(load(file)) == ["c, variant c: it is the same as b; nothing is compared"]


@pytest.mark.parametrize(
    ("norm", "epochs", "expected"),
    [
        ("batch", 12, ["momentum 0.99), which arrive after some 688 steps, and is trained for 684"]),  # 57 a epoch
        ("batch", 13, []),
        ("{name: batch, momentum: 0.9}", 2, []),
        ("{name: batch, momentum: 0.9}", 1, ["some 66 steps, and is trained for 57"]),
        ("batch-renorm", 1, ["batch-renorm tests and validates with moving averages"]),
        ("layer", 1, []),
    ],
)
def test_41_moving_averages_that_cannot_arrive(tmp_path: Path, norm: str, epochs: int, expected: list[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG.format(norm=norm, model="cnn", batch_size=f"64, epochs: {epochs}"))
    found = cautions(load(file))
    assert len(found) == len(expected)
    assert all(part in text for text, part in zip(found, expected, strict=True))


def test_41_it_is_said_once_for_a_variant(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG.format(norm="batch", model="cnn", batch_size=64) + "grid: {training.epochs: [1, 2, 3]}")
    (text,) = cautions(load(file))
    assert text.endswith("recalibrated statistics (likewise at 2 more of its places in the grid)")


@pytest.mark.parametrize("name", ["None", "NA", "nan", "null"])
def test_33_a_name_that_pandas_takes_for_a_missing_value(tmp_path: Path, name: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"variants: {{'{name}': {{norm: none}}, ln: {{norm: layer}}}}")
    (text,) = cautions(load(file))
    assert text.startswith(f"c, variant {name}: programs that read the CSV tables, such as pandas, take this name")


def test_the_shipped_configs_need_no_other_caution_than_that_the_sweep_shows_it() -> None:
    """Small numbers of steps at the largest batches are what it is about."""
    for path in Path("configs").rglob("*.yaml"):
        assert [text for text in cautions(load(path)) if not text.startswith("batch_size, variant bn-pre: ")] == []
