"""What the report says of probes: a part each, with curves, a table and every number."""

import json

import pandas as pd
import pytest
from made_up import build

from bnexp.evidence.experiment import Evidence
from bnexp.reporting.drawing.figures import looks
from bnexp.reporting.drawing.probes import Measured
from bnexp.reporting.parts import section
from bnexp.reporting.parts.probes import LAYERS, _mean
from bnexp.reporting.write import write_report
from bnexp.specs.probes import PROBES
from bnexp.stats.estimates import mean_interval

STEPS = (0, 1, 10, 100)


def probed(tmp_path, layers=2, **options):
    """A made-up experiment of which ratios of some layers and a calibration were measured; bn-pre grows, none is 1."""
    found = {"variants": ("none", "bn-pre"), "batch_sizes": (), "seeds": 3, "faults": {}} | options
    store, plan = build(tmp_path, **found)
    for path in store.root.glob("trials/*/record.json"):
        record = json.loads(path.read_text())
        factor = (1 if record["spec"]["norm"]["name"] == "none" else 2) + record["seed"]
        ratios = [{f"dense{k}": factor * k * (step + 1) for k in range(1, layers + 1)} for step in STEPS]
        record["probes"] = {
            "gradient-ratios": [
                {"step": step, "values": {"ratio": each, "median-ratio": {"model": None if step else 1.5}}}
                for step, each in zip(STEPS, ratios, strict=True)
            ],
            "dead-units": [{"step": step, "values": {"dead": {"dense1": 0.25}}} for step in STEPS],
        }
        path.write_text(json.dumps(record))
    return store, plan


def parts(store, plan):
    found = section(Evidence(store, plan), "it", looks(plan.variants), store.root).parts
    return {name.removeprefix("probe "): part for name, part in found.items() if name.startswith("probe ")}


def test_each_probe_has_a_part_with_its_definition_figure_and_table(tmp_path):
    found = parts(*probed(tmp_path))
    assert [*found] == ["gradient-ratios", "dead-units"]
    part = found["gradient-ratios"]
    assert "Yang et al. 2019" in part.paragraphs[0]
    (table,) = part.tables
    assert list(table.text.columns) == ["variant", "layer", "quantity", "start", "middle", "end"]
    row = table.text.set_index(["variant", "layer"]).loc[("bn-pre", "dense2")]
    assert row["start"] == "6 [2, 14]"  # the geometric mean of 4, 6 and 8
    assert table.text.set_index(["variant", "layer"]).loc[("none", "model"), "end"] == "—"


def test_without_probes_there_is_no_part_and_no_file(tmp_path):
    store, plan = build(tmp_path, variants=("none",), batch_sizes=(), seeds=1, faults={})
    assert parts(store, plan) == {}
    assert not (write_report(store, tmp_path / "out").index.parent / "probes.csv").exists()


def test_every_number_is_in_a_tidy_table_and_every_mean_in_that_of_the_probe(tmp_path):
    store, _ = probed(tmp_path, batch_sizes=(16, 64))
    folder = write_report(store, tmp_path / "out").index.parent
    rows = pd.read_csv(folder / "probes.csv")
    assert len(rows) == 2 * 2 * 3 * 4 * (2 + 1 + 1)
    assert {"training.batch_size", "probe", "quantity", "layer", "unit", "step", "value"} <= {*rows.columns}
    means = pd.read_csv(folder / "tables/made-up-gradient-ratios.csv")
    one = means[(means["layer"] == "dense1") & (means["step"] == 10) & (means["training.batch_size"] == 16)]
    assert one.set_index("variant")["mean"].to_dict() == pytest.approx(
        {"none": 11 * 6 ** (1 / 3), "bn-pre": 11 * 24 ** (1 / 3)}
    )
    assert {path.name for path in (folder / "figures").glob("*gradient-ratios*.png")} == {
        "made-up-gradient-ratios.png",
        "made-up-gradient-ratios-2.png",
    }


def test_of_many_layers_some_are_shown_and_all_are_in_the_file(tmp_path):
    (part, _) = parts(*probed(tmp_path, layers=30)).values()
    (table,) = part.tables
    shown = [*dict.fromkeys(table.text["layer"])]
    assert len(shown) == LAYERS + 1  # and the whole model
    assert {"dense1", "dense30", "model"} <= {*shown}
    assert table.numbers["layer"].nunique() == 31
    assert any("CSV" in sentence for sentence in table.legend)


def test_a_trial_that_diverged_is_drawn_and_not_in_the_mean(tmp_path):
    rows = pd.DataFrame({"seed": [0, 0, 1], "step": [0, 9, 0], "value": [1.0, 3.0, 8.0]})
    measured = Measured(rows, finished=[0], planned=2, scale="linear")
    assert measured.counts == (1, 2)
    assert [each.mean for each in measured.means] == [1.0, 3.0]
    assert measured.seeds.shape == (2, 2)


def test_on_a_logarithmic_scale_the_mean_is_geometric(tmp_path):
    rows = pd.DataFrame({"seed": [0, 1, 2], "step": [0, 0, 0], "value": [1.0, 100.0, 0.0]})
    (mean,) = Measured(rows, finished=[0, 1, 2], planned=3, scale="log").means
    assert (mean.mean, mean.n) == (pytest.approx(10), 2)
    (mean,) = Measured(rows, finished=[0, 1, 2], planned=3, scale="linear").means
    assert mean == mean_interval([1.0, 100.0, 0.0])


def test_what_looked_once_is_told_after_the_last_step_and_times_with_their_caution(tmp_path):
    """And what a later version measured is in the tidy table alone."""
    store, plan = probed(tmp_path)
    for path in store.root.glob("trials/*/record.json"):
        record = json.loads(path.read_text())
        values = {"raw-1": {"model": 2.0 + record["seed"]}, "raw-9": {"model": 1.0}}
        record["probes"] |= {
            "inference-latency": [{"step": 100, "values": values}],
            "of-tomorrow": [{"step": 100, "values": {"number": {"model": 7.0}}}],
        }
        path.write_text(json.dumps(record))
    found = parts(store, plan)
    assert [*found] == ["gradient-ratios", "dead-units", "inference-latency"]
    part = found["inference-latency"]
    assert "6 of 6 trials ran beside others" in part.sentences[0]
    assert list(part.tables[0].text.columns) == ["variant", "quantity", "after the last step"]
    assert part.tables[0].numbers["quantity"].unique() == ["raw-1"]
    (figure,) = part.figures
    assert "after the last step" in figure.caption
    (axes,) = figure.draw().axes
    assert len(axes.get_xticks()) == 0
    rows = Evidence(store, plan).probes
    assert {*rows.loc[rows["unit"] == "", "quantity"]} >= {"number", "raw-9"}


def test_the_mean_is_named_as_it_was_taken():
    means = {name: _mean(PROBES[name]) for name in ("dead-units", "smoothness", "covariate-shift")}
    assert means["dead-units"] == "mean"
    assert means["smoothness"] == "geometric mean"
    assert means["covariate-shift"] == "geometric mean (of shift, cosine the arithmetic mean)"
