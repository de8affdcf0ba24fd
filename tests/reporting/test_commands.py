"""A command that a report shows is accepted, and selects what it says and nothing else."""

import shlex
from pathlib import Path

import pytest

from bnexp.cli.app import COMMANDS
from bnexp.config.load import from_mapping, load
from bnexp.config.selection import select
from bnexp.lazy import attribute
from bnexp.records.plan import StoredPlan, stored_plan
from bnexp.reporting.commands import commands, point_commands
from bnexp.specs.experiment import plan

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))

GRIDS = {
    "numbers": {"training.batch_size": [16, 64], "training.optimizer.learning_rate": [1e-3, 1e-05, 0.1]},
    "blocks": {"norm": ["batch", {"name": "group", "groups": 8}, {"name": "group", "groups": 4}]},
    "lists": {"model": [{"name": "mlp", "widths": [32]}, {"name": "mlp", "widths": [32, 64]}, "cnn"]},
    "words and truths": {"norm.use_bias": [True, False], "training.last_batch": ["keep", "drop"]},
}
NAMES = ["a b", "it's", "bn*", "bn?", "bn", "[bn]", "$(touch x)", "--only", "a=b", "層", "-x"]


def selected(command, experiment, folder, monkeypatch):
    """The trials of the experiment that a command line of `bnexp run` would train."""
    words = shlex.split(command)
    assert words[:2] == ["bnexp", "run"]
    (folder / words[2]).parent.mkdir(parents=True, exist_ok=True)
    (folder / words[2]).write_text("variants: {}")  # there must be a file of that name
    monkeypatch.chdir(folder)
    asked = attribute(COMMANDS["run"]).make_context("bnexp run", words[2:]).params
    return [one.trial.folder for one in select(list(plan(experiment)), seeds=asked["seeds"], only=asked["only"])]


def one(**options):
    """The plan of one trial."""
    return stored_plan(from_mapping({"name": "one", "variants": {"none": {"norm": "none"}}, "seeds": 1}, **options))


def assert_exact(experiment, folder, monkeypatch):
    stored = stored_plan(experiment)
    for point, repeats in zip(stored.points, point_commands(stored), strict=True):
        found = selected(repeats.every["run"], experiment, folder, monkeypatch)
        assert found == [point.trials[seed] for seed in experiment.seeds]
        assert repeats.trials.keys() == point.trials.keys()
        for seed in (experiment.seeds[0], experiment.seeds[-1]):
            assert selected(repeats.trials[seed]["run"], experiment, folder, monkeypatch) == [point.trials[seed]]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_rows_and_trials_of_the_shipped_configs_are_selected_exactly(config, tmp_path, monkeypatch):
    assert_exact(load(config), tmp_path, monkeypatch)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_rows_and_trials_of_every_kind_of_grid_are_selected_exactly(grid, tmp_path, monkeypatch):
    variants = {"one": {"training.epochs": 1}, "two": {"training.epochs": 2}}
    assert_exact(
        from_mapping({"name": "grid", "variants": variants, "grid": grid, "seeds": [3, 4, 9]}), tmp_path, monkeypatch
    )


def test_any_name_of_a_variant_is_quoted_for_the_shell_and_for_the_pattern(tmp_path, monkeypatch):
    variants = {name: {"training.epochs": k + 1} for k, name in enumerate(NAMES)}
    assert_exact(from_mapping({"name": "names", "variants": variants, "seeds": 2}), tmp_path, monkeypatch)


def test_a_trial_is_verified_by_the_name_of_its_folder():
    stored = one()
    words = shlex.split(point_commands(stored)[0].trials[0]["verify"])
    asked = attribute(COMMANDS["verify"]).make_context("bnexp verify", words[2:]).params
    assert words[:2] == ["bnexp", "verify"]
    assert stored.points[0].trials[0] in asked.values()


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("results", ""),
        ("results/demo", " --results results/demo"),
        ("my results", " --results 'my results'"),
        ("{cwd}/results", ""),
        ("{cwd}/results/demo", " --results results/demo"),
        ("/somewhere/of/mine", ""),  # it may name a user
        ("../somebody/results", ""),
    ],
)
def test_another_results_folder_is_named(folder, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stored = one()
    where = Path(folder.format(cwd=tmp_path))
    [found] = point_commands(stored, where)
    assert found.trials[0]["verify"] == f"bnexp verify {stored.points[0].trials[0]}{said}"
    assert found.every["run"] == f"bnexp run one.yaml --only variant=none --seeds 0{said}"
    assert commands(stored, where) == [f"bnexp run one.yaml{said}", f"bnexp report one{said}"]


def test_a_smoke_run_is_repeated_as_one():
    [first] = point_commands(one(smoke=True))
    assert first.trials[0]["run"] == "bnexp run one.yaml --smoke --only variant=none --seeds 0"


def test_where_nothing_selects_exactly_a_trial_there_is_no_command():
    """Such as after an update that no longer knows a key of the stored spec."""
    data = one().model_dump()
    data["points"][0]["spec"]["norm"]["name"] = "gone"
    [repeats] = point_commands(StoredPlan.model_validate(data))
    assert repeats.every == {}
    assert repeats.trials[0].keys() == {"verify"}


def test_a_character_that_does_not_print_is_not_handed_to_a_terminal():
    data = one().model_dump()
    data["points"][0]["variant"] = "bn\x1b[201~\u202e"
    [repeats] = point_commands(StoredPlan.model_validate(data))
    assert repeats.every["run"] == "bnexp run one.yaml --only 'variant=bn?[[]201~?' --seeds 0"


def test_34_the_command_has_the_file_and_the_options_that_made_the_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/c.yaml").write_text("variants: {none: {norm: none}, bn: {norm: batch}}")
    made = load(Path("own/c.yaml"), sets=["training.epochs=3"], name="short", smoke=True)
    words = "bnexp run own/c.yaml --set training.epochs=3 --name short --smoke"
    assert commands(stored_plan(made))[0] == words
    assert point_commands(stored_plan(made))[1].trials[0]["run"] == f"{words} --only variant=bn --seeds 0"


def test_34_a_file_outside_the_working_folder_is_known_by_its_name_alone(tmp_path, monkeypatch):
    (tmp_path / "c.yaml").write_text("variants: {none: {norm: none}}")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert {stored_plan(load(file)).config for file in (tmp_path / "c.yaml", Path("../c.yaml"))} == {"c.yaml"}
    monkeypatch.chdir(tmp_path)
    assert stored_plan(load(tmp_path / "c.yaml")).config == "c.yaml"
