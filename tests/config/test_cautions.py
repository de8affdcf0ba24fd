"""What is said before training of averages that cannot arrive, and of names that get lost."""

from pathlib import Path

import pytest

from bnexp.config.load import load
from bnexp.specs.experiment import cautions, seeds_needed

CONFIG = """name: c
data: mnist-5k
training: {{batch_size: 64, epochs: {epochs}}}
variants: {{v: {{norm: {norm}}}}}
"""


@pytest.mark.parametrize(
    ("norm", "epochs", "expected"),
    [
        ("batch", 12, ["momentum 0.99), which arrive after some 688 steps, and is trained for 684"]),  # 57 a epoch
        ("batch", 13, []),
        ("{name: batch, momentum: 0.9}", 2, []),
        ("{name: batch, momentum: 0.9}", 1, ["some 66 steps, and is trained for 57"]),
        ("batch-renorm", 1, ["batch-renorm tests and validates with moving averages"]),
        ("{name: frozen-batch, freeze_after: 700}", 13, []),
        ("{name: frozen-batch, freeze_after: 741}", 13, ["741 steps, and is trained for 741: it is batch normal"]),
        ("{name: frozen-batch, freeze_after: 100}", 13, ["after 100 steps, and they arrive after some 688: it trains"]),
        ("layer", 1, []),
    ],
)
def test_41_moving_averages_that_cannot_arrive(tmp_path: Path, norm: str, epochs: int, expected: list[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG.format(norm=norm, epochs=epochs))
    found = cautions(load(file))
    assert len(found) == len(expected)
    assert all(part in text for text, part in zip(found, expected, strict=True))


def test_41_not_of_averages_that_are_computed_anew_after_each_round(tmp_path: Path) -> None:
    text = "training: {procedure: {name: federated, rounds: 2, batch_statistics: %s}}\nnorm: batch\ndata: mnist-5k"
    said = {}
    for statistics in ("average", "recalibrate"):
        file = tmp_path / f"{statistics}.yaml"
        file.write_text(text % statistics)
        said[statistics] = [caution for caution in cautions(load(file)) if "arrive" in caution]
    assert len(said["average"]) == 1
    assert not said["recalibrate"]


@pytest.mark.parametrize(
    ("norm", "more", "said"), [("batch", "", True), ("batch", ", fraction: 0.5", False), ("layer", "", False)]
)
def test_local_averages_of_clients_that_all_train_are_the_common_ones(tmp_path: Path, norm, more, said) -> None:
    procedure = f"{{name: federated, clients: 2, rounds: 100, batch_statistics: local{more}}}"
    text = CONFIG.format(norm=norm, epochs=1).replace("epochs: 1", f"procedure: {procedure}")
    (tmp_path / "c.yaml").write_text(text)
    assert any("`local` moving averages" in each for each in cautions(load(tmp_path / "c.yaml"))) == said


def test_41_it_is_said_once_for_a_variant(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG.format(norm="batch", epochs=9) + "grid: {training.epochs: [1, 2, 3]}")
    (text,) = cautions(load(file))
    assert text.endswith("recalibrated statistics (likewise at 2 more of its places in the grid)")


def test_names_that_are_one_number(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("variants: {'1e3': {norm: none}, '1000': {norm: layer}, '2': {norm: batch}}")
    assert [text.partition(":")[0] for text in cautions(load(file))] == ["c, variant 1e3", "c, variant 1000"]


@pytest.mark.parametrize("name", ["None", "NA", "nan", "null"])
def test_33_a_name_that_pandas_takes_for_a_missing_value(tmp_path: Path, name: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"variants: {{'{name}': {{norm: none}}, ln: {{norm: layer}}}}")
    (text,) = cautions(load(file))
    assert text.startswith(f"c, variant {name}: programs that read the CSV tables, such as pandas, take this name")


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (2, 7), (4, 8), (8, 9), (24, 10), (28, 11)])
def test_so_many_seeds_and_no_fewer_can_confirm_something(comparisons: int, seeds: int) -> None:
    assert comparisons * 2.0 ** (1 - seeds) < 0.05 <= comparisons * 2.0 ** (2 - seeds)
    assert seeds_needed(comparisons) == seeds


@pytest.mark.parametrize(
    ("seeds", "expected"), [(9, ["c: 24 comparisons and 9 seeds can confirm nothing; 10 seeds can"]), (10, [])]
)
def test_so_few_seeds_that_nothing_can_be_confirmed(tmp_path: Path, seeds: int, expected: list[str]) -> None:
    """Three variants against the baseline, at eight places."""
    variants = "{a: {norm: none}, b: {norm: layer}, c: {norm: group}, d: {norm: instance}}"
    grid = "{training.batch_size: [2, 4, 8, 16, 32, 64, 128, 256]}"
    file = tmp_path / "c.yaml"
    file.write_text(f"seeds: {seeds}\nvariants: {variants}\ngrid: {grid}\n")
    assert [text for text in cautions(load(file)) if "confirm" in text] == expected
