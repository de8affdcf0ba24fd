"""Figures show every seed, count what is missing, keep a variant's look, and take any name."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib
import matplotlib.figure
import matplotlib.text
import numpy as np
import pandas as pd
import pytest
from made_up import NORMS, build, renamed

from bnexp.evidence.experiment import Evidence
from bnexp.records.store import read_record
from bnexp.reporting.drawing.accuracy import is_logarithmic
from bnexp.reporting.drawing.figures import brief, counted, looks, multiples, plain, stretched_accuracy, style
from bnexp.reporting.drawing.learning_curves import MEASURES, Trainings
from bnexp.reporting.parts import section

CURVES = ["accuracy-steps", "loss-steps", "accuracy-seconds", "loss-seconds"]
HOSTILE = ["$x^2$", "_hidden", "<script>alert(1)</script>", "a very long name of a variant\nthat goes on", "各層"]


def drawn(store, plan):
    """Every figure of an experiment by name."""
    found = section(Evidence(store, plan), "it", looks(plan.variants), store.root)
    return {figure.name: figure.draw() for figure in found.figures}


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """No grid; one trial of ln diverged, one of gn is missing."""
    faults = {("ln", 64, 2): "diverged", ("gn", 64, 1): "missing"}
    return drawn(*build(tmp_path_factory.mktemp("alone"), batch_sizes=(), faults=faults))


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return drawn(*build(tmp_path_factory.mktemp("grid"), batch_sizes=(4, 16, 64), seeds=3))


def test_a_grid_gets_a_figure_along_its_axis_and_a_panel_for_each_place(grid):
    assert {"accuracy-by-batch-size", "differences", "accuracy", "accuracy-steps-validation"} <= grid.keys()
    assert [axes.get_title(loc="left") for axes in grid["loss-seconds-validation"].axes] == [
        "batch size 4",
        "batch size 16",
        "batch size 64",
    ]


def test_every_axis_says_its_unit(alone):
    labels = {axes.get_ylabel() for name in ("accuracy-steps", "loss-seconds") for axes in alone[name].axes}
    assert labels == {"accuracy (%)", "loss (nats)"}
    assert alone["loss-seconds"].axes[-1].get_xlabel() == "seconds of training"
    assert alone["differences"].axes[0].get_xlabel() == "difference in test accuracy\n(percentage points)"
    assert alone["accuracy"].axes[0].get_xlabel() == "test accuracy (%)"


def test_a_zoomed_axis_says_so(alone, grid):
    for figure in (alone["accuracy-steps"], alone["accuracy"], grid["accuracy-by-batch-size"], alone["differences"]):
        assert any("zoomed to the data" in " ".join(text.split()) for text in texts(figure))


def test_what_did_not_finish_is_counted_in_the_figure(alone):
    assert {"none (5/5)", "ln (4/5)", "gn (4/5)"} <= set(texts(alone["accuracy-steps"]))
    assert texts(alone["accuracy"]).count("4/5") == 2
    assert {"bn-pre (n = 5)", "ln (4 of 5)", "gn (4 of 5)"} <= set(texts(alone["differences"]))


@pytest.mark.parametrize(
    ("places", "behind", "note"),
    [
        ([("a", 5, 5), ("b", 5, 5)], {"a": "", "b": ""}, "n = 5"),
        ([("a", 4, 5), ("b", 4, 5)], {"a": "", "b": ""}, "n = 4 of 5 planned"),
        ([("a", 5, 5), ("b", 5, 5), ("a", 5, 5)], {"a": "", "b": ""}, "n = 5 at each"),
        ([("a", 5, 5), ("b", 4, 5)], {"a": " (5/5)", "b": " (4/5)"}, "behind a name: finished/planned"),
        (
            [("a", 5, 5), ("b", 4, 5), ("a", 3, 5), ("b", 5, 5)],
            {"a": " (8/10)", "b": " (9/10)"},
            "behind a name: finished/planned, at all together",
        ),
    ],
    ids=["alike", "alike and too few", "alike at two places", "unlike", "unlike at two places"],
)
def test_counts_of_one_place_and_of_several(places, behind, note):
    assert counted(places) == (behind, note)


def test_a_diverged_training_ends_in_a_cross(alone):
    crosses = [line for line in alone["loss-steps"].axes[0].lines if line.get_marker() == "x"]
    assert len(crosses) == 1
    assert any("diverged" in text for text in texts(alone["loss-steps"]))


def test_every_seed_is_a_point_in_the_final_accuracies(alone):
    seeds = [line for line in alone["accuracy"].axes[0].lines if line.get_markerfacecolor() == "none"]
    assert [len(line.get_xdata()) for line in seeds] == [5, 5, 5, 4, 4]


def test_a_variant_has_one_colour_in_all_figures(alone):
    look = looks(["none", "bn-pre", "bn-post", "ln", "gn"])["bn-post"]
    for name in ("accuracy-steps", "differences", "accuracy"):
        assert look.colour in {line.get_color() for line in alone[name].axes[0].lines}


def test_what_was_learned_has_a_panel_between_validation_and_training(tmp_path):
    """A method without statistics stands there with its one figure; batch normalization with half the errors."""
    store, plan = build(tmp_path, batch_sizes=(), variants=("none", "bn-pre"), faults={}, seeds=2, recalibrated=True)
    figure = drawn(store, plan)["accuracy-steps"]
    assert any("(n = 2)" in " ".join(text.split()) for text in texts(figure))  # its panels show the same trials
    validation, recalibrated, training = figure.axes
    titles = [axes.get_title(loc="left") for axes in (validation, recalibrated, training)]
    assert titles == ["validation", "recalibrated validation", "training"]
    one, both = ({variant: mean_of(axes, variant) for variant in plan.variants} for axes in (validation, recalibrated))
    np.testing.assert_array_equal(both["none"], one["none"])
    np.testing.assert_allclose(both["bn-pre"], (100 + one["bn-pre"]) / 2)


def test_a_recalibrated_loss_that_was_not_finite_is_not_the_plain_one(tmp_path):
    store, plan = build(tmp_path, batch_sizes=(), variants=("none", "bn-pre"), faults={}, seeds=1, recalibrated=True)
    path = tmp_path / "trials" / plan.points[1].trials[0] / "record.json"
    record = read_record(path)
    first = record.evaluations[0].model_copy(update={"recalibrated_loss": None})
    path.write_text(record.model_copy(update={"evaluations": (first, *record.evaluations[1:])}).model_dump_json())
    found = mean_of(drawn(store, plan)["loss-steps"].axes[1], "bn-pre")
    assert np.isnan(found[0])
    assert np.isfinite(found[1:]).all()


def mean_of(axes, variant):
    """The heights of the mean of a variant in a panel, which has a mark at some of its points."""
    colour = looks(["none", "bn-pre"])[variant].colour
    [line] = [each for each in axes.lines if each.get_color() == colour and each.get_marker() not in ("None", "x")]
    return np.asarray(line.get_ydata())


def test_what_was_learned_has_figures_of_its_own_in_a_grid(tmp_path):
    found = drawn(*build(tmp_path, variants=("none", "bn-pre"), seeds=2, faults={}, recalibrated=True))
    assert {"accuracy-steps-recalibrated-validation", "loss-seconds-recalibrated-validation"} <= found.keys()


def test_without_recalibrated_figures_there_is_no_panel_of_them(alone, grid):
    for name in CURVES:
        titles = ["validation", "training"] if "steps" in name else ["validation"]
        assert [axes.get_title(loc="left") for axes in alone[name].axes] == titles
    assert not any("recalibrated" in name for name in grid)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Twelve variants: more than can be told apart in one panel."""
    names = [f"{name}~{k}" for k in range(3) for name in NORMS][:12]
    return drawn(*build(tmp_path_factory.mktemp("many"), variants=names, batch_sizes=(), faults={}, seeds=2))


def test_many_variants_get_a_panel_each_in_the_learning_curves(many):
    figure = many["accuracy-steps-validation"]
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == [f"{name}~{k}" for k in range(3) for name in NORMS][:12]
    assert not figure.legends
    assert any("dashed: none~0" in text for text in texts(figure))
    assert len({axes.get_ylim() for axes in panels}) == len({axes.get_xlim() for axes in panels}) == 1


def test_many_variants_get_a_panel_each_in_the_times_to_a_target(many):
    """One panel with a legend of twelve would leave no room for the curves."""
    name = next(name for name in many if name.startswith("time-to-9"))
    figure = many[name]
    assert len(figure.axes) == 12
    assert not figure.legends
    assert min(axes.get_window_extent().height for axes in figure.axes) > 0.6 * figure.dpi
    alone, beside_the_baseline = (len(axes.get_lines()) for axes in figure.axes[:2])
    assert alone < beside_the_baseline


@pytest.mark.parametrize("name", ["accuracy-steps-validation", "loss-seconds-validation", "differences", "accuracy"])
def test_no_two_tick_labels_of_many_panels_touch(many, name):
    figure = many[name]
    figure.draw_without_rendering()
    for axes in figure.axes:
        labels = [label for label in axes.get_xticklabels() if label.get_text() and label.get_visible()]
        boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
        assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_thirteen_places_of_an_axis_have_room_for_the_numbers_that_are_written(tmp_path):
    sizes = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
    figure = drawn(*build(tmp_path, variants=("none", "ln"), batch_sizes=sizes, seeds=2, faults={}))[
        "accuracy-by-batch-size"
    ]
    figure.draw_without_rendering()
    [axes] = figure.axes
    assert len(axes.get_xticks()) == len(sizes)
    labels = [label for label in axes.get_xticklabels() if label.get_text()]
    assert 5 <= len(labels) < len(sizes)
    boxes = [label.get_window_extent() for label in labels]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


@pytest.mark.parametrize(
    ("places", "short"),
    [
        (["model cnn(dense=[], filters=[16, 32])", "model mlp"], ["model cnn(…)", "model mlp"]),
        (["model mlp(initializer=normal(stddev=0.05))", "model cnn"], ["model mlp(…)", "model cnn"]),
        (["a lstm", "a lstm(units=8)"], ["a lstm", "a lstm(…)"]),
        (["a lstm", "a lstm(units=8)", "a lstm(units=9)"], ["a lstm", "a lstm(units=8)", "a lstm(units=9)"]),
        ([""], [""]),
    ],
)
def test_places_lose_the_arguments_that_tell_nothing_apart(places, short):
    assert brief(places) == short


@style()
def test_titles_of_panels_that_are_no_places_keep_their_units():
    figure = multiples([("smoothness (nats)", 0), ("loss", 1)], lambda axes, _: None, columns=2, head=0.6, row=1.5)
    assert "smoothness (nats)" in texts(figure)


@style()
def test_long_titles_of_panels_side_by_side_are_whole_and_do_not_touch():
    optimizers = ("sgd(momentum=0.9)", "sgd(momentum=0.8)") * 2
    names = [f"model cnn(filters=[16, 32], dense=[]), optimizer {name}" for name in optimizers]
    figure = multiples([(name, k) for k, name in enumerate(names)], lambda axes, _: None, columns=4, head=0.6, row=1.5)
    figure.draw_without_rendering()
    titles = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().startswith("model")]
    assert [title.get_text().replace("\n", "").replace(" ", "") for title in titles] == [
        name.replace(" ", "") for name in names
    ]
    boxes = [title.get_window_extent() for title in titles]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_looks_follow_the_order_of_first_occurrence_and_differ_in_more_than_colour():
    names = [f"v{k}" for k in range(40)]
    many = looks([*names, "v3", "v0"])
    assert list(many) == names
    assert len({look[1:] for look in many.values()}) == 40
    assert all(a.marker != b.marker and a.line != b.line for a, b in pairwise(many.values()))


ALONE = ("accuracy-steps", "loss-seconds", "differences", "accuracy", "time-to-target")
GRID = ("accuracy-by-batch-size", "differences", "accuracy", "accuracy-steps-validation", "time-to-98")


@pytest.mark.parametrize(("kind", "name"), [("alone", name) for name in ALONE] + [("grid", name) for name in GRID])
def test_nothing_sticks_out_of_a_figure(request, kind, name):
    figure = request.getfixturevalue(kind)[name]
    with style():
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
    assert min(box.p0) >= -0.01
    assert (box.p1 <= figure.get_size_inches() + 0.01).all()


def test_the_legend_covers_no_panel(alone):
    figure = alone["accuracy-steps"]
    with style():
        figure.draw_without_rendering()
        legend = figure.legends[0].get_window_extent()
        assert all(legend.y0 >= axes.get_window_extent().y1 for axes in figure.axes)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    store, plan = build(tmp_path_factory.mktemp("hostile"), seeds=3, faults={})
    return drawn(store, renamed(plan, HOSTILE, key="a.$k_$", place="<b>$\\frac{}$"))


def test_names_come_out_as_they_are_written_and_not_as_mathematics(hostile):
    names = {"$x^2$", "_hidden", "<script>alert(1)</scr…", "a very long name of a…", "各層"}
    for name in ("accuracy-steps-validation", "accuracy-by-k"):
        assert names <= set(texts(hostile[name]))
    for figure in hostile.values():
        named = [text for text in figure.findobj(matplotlib.text.Text) if "$" in text.get_text()]
        assert not any(text.get_parse_math() for text in named)


def test_plain_text_is_one_line_of_printable_characters():
    assert plain("a\n\x00b\u202e c", 20) == "a b c"
    assert plain("x" * 30, 5) == "xxxx…"


def rows(seed, values, measure="validation_accuracy"):
    steps = 10 * np.arange(1, len(values) + 1)
    found = pd.DataFrame({"seed": seed, "step": steps, "seconds": steps * (1.0 + seed), measure: values})
    return found.reindex(columns=["seed", "step", "examples", "seconds", *MEASURES])


def test_a_curve_is_the_mean_over_finished_trainings_with_its_interval():
    table = pd.DataFrame({"seed": [0, 1, 2, 3], "status": ["ok", "ok", "diverged", "missing"]})
    looks_ = pd.concat([rows(0, [0.5, 0.9]), rows(1, [0.7, 0.9]), rows(2, [0.1])])
    found = Trainings(table, looks_).curve("validation_accuracy", "seconds")
    half = 12.706204736 * 10  # t with one degree of freedom; the standard error of 50 and 70 is 10
    # The first are the mean seconds at each evaluation.
    assert found.mean == pytest.approx(np.array([[15, 30], [60, 90], [60 - half, 90], [60 + half, 90]]))
    seeds = [(points[:, 1].tolist(), finished) for points, finished in found.seeds]
    assert seeds == [([50, 90], True), ([70, 90], True), ([10], False)]
    assert found.counts == (2, 4)


def test_a_value_that_was_not_finite_is_no_point_of_a_curve():
    table = pd.DataFrame({"seed": [0], "status": ["diverged"]})
    found = Trainings(table, rows(0, [2.0, np.nan], "train_loss")).curve("train_loss", "step")
    [(points, _)] = found.seeds
    assert points.tolist() == [[10, 2]]
    assert np.isnan(found.mean).all()


def test_the_accuracy_axis_shows_errors_in_proportion_and_takes_a_hundred_per_cent():
    axes = matplotlib.figure.Figure().subplots()
    stretched_accuracy(axes, [90.0, 99.0, 99.9, 100.0])
    place = axes.transData.transform
    ninety, ninety_nine, most, all_ = (place((0, value))[1] for value in (90, 99, 99.9, 100))
    assert ninety_nine - ninety == pytest.approx(most - ninety_nine)
    assert np.isfinite(all_)
    assert all_ >= most


def test_powers_of_two_stand_at_equal_distances_and_shares_on_a_linear_axis(grid):
    assert np.diff(grid["accuracy-by-batch-size"].axes[0].get_xticks()) == pytest.approx(np.log(4))
    assert [is_logarithmic(places) for places in ([2, 4, 256], [0.0, 0.2, 0.5], [8, 12])] == [True, False, False]


@pytest.mark.parametrize(
    ("fate", "figures"),
    [
        ("missing", []),
        ("diverged", CURVES),
        ("finished", ["differences", *CURVES, "accuracy", "time-to-target", "confusion"]),
    ],
)
def test_experiments_that_have_hardly_begun_or_diverged_are_drawn(tmp_path, fate, figures):
    faults = {(variant, 64, seed): fate if seed == 0 else "missing" for variant in NORMS for seed in range(2)}
    assert list(drawn(*build(tmp_path, variants=("none", "ln"), batch_sizes=(), seeds=2, faults=faults))) == figures


def test_drawing_uses_no_pyplot_and_leaves_the_reader_s_settings_alone(tmp_path):
    program = """
import sys, matplotlib
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from made_up import build
settings = lambda: {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}
before = settings()  # (asking for the backend would choose one, by way of pyplot)
from bnexp.reporting.write import write_report
store, _ = build(Path(sys.argv[2]), batch_sizes=(), seeds=2, faults={}, variants=("none", "ln"))
write_report(store, Path(sys.argv[2]) / "report", None)
assert settings() == before
print([name for name in ("matplotlib.pyplot", "tensorflow", "keras") if name in sys.modules])
"""
    command = [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_the_time_to_a_target_counts_runs_that_never_get_there(alone):
    """Of ln, whose run of seed 2 diverged, four of five reach 98 %: the curve ends at 80 % with a tick."""
    to_98 = alone["time-to-target"].axes[1]
    assert to_98.get_title(loc="left") == "to 98 %"
    ends = [line.get_ydata()[-1] for line in to_98.get_lines() if line.get_marker() == "|"]
    assert ends == pytest.approx([80], abs=2)  # lines stand a little apart


def test_of_a_grid_each_target_has_a_figure_of_its_own_with_a_panel_for_each_place(grid):
    titles = [axes.get_title(loc="left") for axes in grid["time-to-98"].axes]
    assert titles == [f"batch size {size}, to 98 %" for size in (4, 16, 64)]


def test_intervals_are_drawn_around_few_curves_only(tmp_path, alone):
    few = drawn(*build(tmp_path, batch_sizes=(), variants=("none", "bn-pre"), faults={}))["time-to-target"]
    assert [len(axes.collections) > 0 for axes in few.axes] == [True, True, True]
    assert [len(axes.collections) for axes in alone["time-to-target"].axes] == [0, 0, 0]
    assert any("shaded: pointwise 95 % interval" in text.replace("\n", " ") for text in texts(few))


def test_a_target_that_nobody_reached_has_no_curve(tmp_path):
    figure = drawn(*build(tmp_path, batch_sizes=(), variants=("none", "ln"), seeds=2, epochs=1, faults={}))[
        "time-to-target"
    ]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["to 97 %", "to 98 %"]
