"""The statistics as the README offers them to anybody: its example prints what it shows, and its table names all."""

import re
import subprocess
import sys
from pathlib import Path

import bnexp.stats

README = (Path(__file__).parents[2] / "README.md").read_text()
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
    """`bnexp.stats.convergence` is a module; no function may be called so, or its first use would change it."""
    modules = {path.stem for path in Path(bnexp.stats.__file__).parent.glob("*.py")}
    assert not modules & set(bnexp.stats.__all__)
