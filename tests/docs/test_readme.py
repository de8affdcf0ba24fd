"""Every command and link of the READMEs works, and their numbers are those of the reference runs."""

import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pandas as pd
import pytest
import yaml

import bnexp
import bnexp.stats
from bnexp.cli.app import COMMANDS, app, main
from bnexp.config.keys import every_key
from bnexp.config.load import load
from bnexp.lazy import attribute
from bnexp.records import record
from bnexp.reporting.parts.accuracy import SUMMARY_COLUMNS
from bnexp.specs.experiment import cautions

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
READMES = ["README.md", "bnexp/README.md", "configs/README.md", "results/README.md"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


SHOWN = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def as_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the README's reader has: its example, the shipped configs, data in ~/data/mnist."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    for name in ("demo.yaml", "mnist.yaml"):
        shutil.copy(ROOT / "configs" / name, tmp_path)
    example, own = blocks("yaml")
    files = {"example.yaml": example, "mine.yaml": own, "my_norms.py": blocks("python")[1]}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "data/mnist").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(line: str) -> list[str]:
    """A command as a reader's shell would give it: with ~ and patterns of files expanded."""
    found = [os.path.expanduser(word) for word in shlex.split(line)]  # noqa: PTH111  # options too
    return [part for word in found for part in (sorted(glob.glob(word)) if "*.yaml" in word else [word])]  # noqa: PTH207


def accepted(typed: list[str]) -> bool:
    """Whether options and arguments parse, and `run` would have something to do: nothing is trained here."""
    program, name, *rest = typed
    if name in ("run", "plan", "validate"):
        return main([name, *rest, *(["--dry-run"] if name == "run" else [])]) == 0
    return bool(attribute(COMMANDS[name]).make_context(f"{program} {name}", rest))


def test_the_readme_shows_commands() -> None:
    assert len(SHOWN) > 10


@pytest.mark.parametrize("line", [line for line in SHOWN if line.startswith("bnexp ")])
def test_a_command_of_the_readme_is_accepted(line: str, as_a_reader: Path) -> None:
    assert accepted(words(line))


def test_what_validate_is_said_to_print_is_what_it_prints(as_a_reader: Path, capsys) -> None:
    assert main(["validate", "example.yaml"]) == 0
    assert capsys.readouterr().out in README


@pytest.mark.parametrize("line", [line for line in SHOWN if line.startswith("make ")])
def test_a_make_target_of_the_readme_is_there(line: str) -> None:
    assert f"\n{line.split()[1]}:" in (ROOT / "Makefile").read_text()


def test_the_commands_of_the_continuous_integration_job_are_accepted(as_a_reader: Path) -> None:
    (job,) = blocks("yml")
    steps = [step["run"] for step in yaml.safe_load(job)["jobs"]["layer"]["steps"] if "run" in step]
    typed = [words(step) for step in steps if step.startswith("bnexp ")]
    assert [line[1] for line in typed] == ["run", "run", "compare"]
    assert all(accepted(line) for line in typed)


def test_every_command_and_exit_code_is_in_a_table_of_the_readme() -> None:
    assert [name for name in COMMANDS if f"| `bnexp {name}" not in README] == []
    codes = re.findall(r"(\d+) [a-z`]", app.help.split("Exit codes:")[1])
    assert [code for code in codes if f"\n| {code} |" not in README] == []
    assert len(codes) == 7


def test_the_python_of_the_readme_names_what_is_there() -> None:
    for block in blocks("python"):
        compile(block, "README.md", "exec")
    for name in re.findall(r"bnexp\.(\w+)\(", blocks("python")[0]):
        assert callable(getattr(bnexp, name))


@pytest.mark.parametrize("readme", READMES)
def test_links_lead_somewhere(readme: str) -> None:
    text = (ROOT / readme).read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert ((ROOT / readme).parent / target).exists(), target


def leaves(group: click.Group, prefix: str) -> list[tuple[str, click.Command]]:
    context = click.Context(group)
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found += leaves(command, f"{prefix}{name} ") if isinstance(command, click.Group) else []
        found.append((f"{prefix}{name}", command))
    return found


@pytest.mark.parametrize(
    ("name", "command"), leaves(app, ""), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_help_text_has_an_example_that_is_accepted(name: str, command: click.Command, as_a_reader: Path) -> None:
    examples = [line.strip() for line in command.help.splitlines() if line.strip().startswith("bnexp ")]
    assert examples
    assert "Example" in command.help
    for line in examples:
        typed = words(re.split(r"\s{2,}| > ", line)[0])
        rest = typed[1 + len(name.split()) :] if typed[1 : 1 + len(name.split())] == name.split() else typed[2:]
        if "--data-dir" not in typed and not isinstance(command, click.Group):
            command.make_context(name, rest)


KEYS = [key for key in every_key() if not any(other.startswith(f"{key}.") for other in every_key())]
NESTED = "TrialRecord Evaluation Test OtherStatistics Brief Parameters Fingerprints Seconds Failure"
FIELDS = [field for model in NESTED.split() for field in getattr(record, model).model_fields]
COLUMNS = [column for column in SUMMARY_COLUMNS if not column.endswith("_99")]


@pytest.mark.parametrize(
    ("readme", "names"),
    [("configs/README.md", KEYS), ("results/README.md", FIELDS), ("results/README.md", COLUMNS)],
    ids=["keys of a config", "keys of a record", "columns of the table of results"],
)
def test_every_name_is_explained(readme: str, names: list[str]) -> None:
    text = (ROOT / readme).read_text()
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_example_is_a_config_of_its_stated_size(as_a_reader: Path) -> None:
    experiment = load(as_a_reader / "example.yaml")
    assert len(experiment.points) * len(experiment.seeds) == 48
    assert cautions(experiment) == []


REFERENCE = ROOT / "results/reference"


def test_the_table_of_the_readme_is_the_reports():
    """Its first seven columns."""
    table = (REFERENCE / "tables/mnist.md").read_text().splitlines()
    assert "\n".join("|".join(line.split("|")[:8]) + "|" for line in table) in README


def test_the_verdicts_of_the_readmes_are_the_reports():
    summary = (REFERENCE / "claims/summary.md").read_text().strip()
    assert summary in README
    assert summary in (REFERENCE / "claims/README.md").read_text()


def test_the_times_of_the_readme_are_the_reports():
    stored = (REFERENCE / "tables/mnist-times.md").read_text().splitlines()
    rows = [line for line in README.splitlines() if line.startswith("|") and line.count("|") == 10]
    shown = [line for line in rows if "| 98 |" in line]
    assert len(shown) == 5
    assert set(shown) <= set(stored)
    assert stored[0] in README.splitlines()


def test_the_table_follows_from_the_trials():
    """Mean test accuracy per variant, recomputed from the tidy table of trials."""
    trials = pd.read_csv(REFERENCE / "trials.csv")
    ok = trials[(trials["experiment"] == "mnist") & (trials["status"] == "ok")]
    table = pd.read_csv(REFERENCE / "tables/mnist.csv").set_index("variant")
    means = 100 * ok.groupby("variant")["test_accuracy"].mean()
    assert len(means) == 5
    assert ok.groupby("variant")["seed"].nunique().eq(table["n_ok"].reindex(means.index)).all()
    pd.testing.assert_series_equal(means, table["test_accuracy"].reindex(means.index), check_names=False)


SECTION = README.split("## The statistics, for numbers of your own")[1].split("\n## ")[0]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_example_prints_what_is_shown() -> None:
    [code], [shown] = (re.findall(rf"^```{kind}\n(.*?)^```", SECTION, re.M | re.S) for kind in ("python", "text"))
    assert run(code) == shown


def test_every_function_is_in_the_table_and_is_there() -> None:
    table = "".join(line for line in SECTION.splitlines(keepends=True) if line.startswith("|"))
    assert set(re.findall(r"`(\w+)`", table)) == set(bnexp.stats.__all__)
    assert all(callable(getattr(bnexp.stats, name)) for name in bnexp.stats.__all__)


def test_the_package_loads_neither_numpy_nor_scipy_before_a_function_is_used() -> None:
    code = "import sys, bnexp.stats; print([name for name in ('numpy', 'scipy', 'pandas') if name in sys.modules])"
    assert run(code) == "[]\n"


def test_a_function_is_not_hidden_by_a_module_of_its_name() -> None:
    """`bnexp.stats.survival` is a module; no function may be called so, or its first use would change it."""
    modules = {path.stem for path in Path(bnexp.stats.__file__).parent.glob("*.py")}
    assert not modules & set(bnexp.stats.__all__)
