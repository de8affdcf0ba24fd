"""What `validate` and `run` say of points that can be trained, but may surprise."""

from pathlib import Path

import pytest

from bnexp.config.load import load
from bnexp.specs.experiment import cautions


def found(folder: Path, norm: str, model: str, batch_size: int, data: str = "mnist-5k") -> list[str]:
    keys = f"data: {data}\ntraining: {{batch_size: {batch_size}}}\nmodel: {model}\n"
    (folder / "c.yaml").write_text(f"{keys}variants: {{v: {{norm: {norm}}}}}")
    return cautions(load(folder / "c.yaml"))


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
    told = found(tmp_path, norm, model, batch_size)
    assert len(told) == len(expected)
    for text, part in zip(told, expected, strict=True):
        assert part in text
        assert text.startswith("c, variant v: ")


def test_23_what_holds_for_images_of_any_size_is_said_of_own_datasets_too(tmp_path: Path) -> None:
    (tmp_path / "digits.py").write_text("def load(): ...")
    (text,) = found(tmp_path, "batch", "cnn", 1, "digits:load")
    assert text.startswith("c, variant v: with one example a batch dense1 is normalized to the constant")


def test_variants_that_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("variants: {a: {norm: none}, b: {norm: layer}, c: {norm: {name: layer, epsilon: 1e-3}}}")
    assert cautions(load(file)) == ["c, variant c: it is the same as b; nothing is compared"]


def test_the_shipped_configs_need_no_caution() -> None:
    for path in Path("configs").rglob("*.yaml"):
        assert cautions(load(path)) == []
