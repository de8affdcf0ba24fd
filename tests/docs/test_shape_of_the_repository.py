"""What the top level holds, and which way imports point."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bnexp"

ALLOWED = {"bnexp", "configs", "results", "tests", "pyproject.toml", "Makefile", "README.md", "LICENSE"}
BUILT = {"build", "dist"}  # ignored by git; a build leaves them, `make clean` removes them


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert {name for name in found if not name.endswith(".egg-info")} - BUILT - {"PKG-INFO"} == ALLOWED


def imports(path: Path) -> set[str]:
    """Modules that a file imports anywhere, in functions and for types included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def importers(*modules: str, outside: set[str]) -> list[str]:
    """Files of the package that import one of the modules, and lie outside the parts that may."""
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in outside
        for name in sorted(imports(path))
        if any(name == module or name.startswith(f"{module}.") for module in modules)
    ]


FORBIDDEN = [
    # what, and the only parts that may import it
    (("tensorflow", "keras"), {"norms", "models", "training", "probes"}),
    (("click", "bnexp.cli"), {"cli", "__main__.py"}),
    (("yaml",), {"config"}),
    (("matplotlib", "jinja2"), {"reporting"}),
    (("bnexp.training",), {"training", "probes"}),
    (("bnexp.probes",), {"probes"}),
    (("bnexp.running",), {"running", "cli", "api.py"}),
    (("bnexp.reporting",), {"reporting", "cli", "api.py", "__init__.py"}),
    (("bnexp.stats",), {"stats", "evidence", "claims", "reporting", "running"}),
    (("bnexp.evidence",), {"evidence", "claims", "reporting", "running", "cli", "api.py"}),
    (("bnexp.claims",), {"claims", "reporting", "cli", "api.py"}),
]


@pytest.mark.parametrize(("modules", "outside"), FORBIDDEN, ids=[" ".join(modules) for modules, _ in FORBIDDEN])
def test_imports_point_one_way(modules: tuple[str, ...], outside: set[str]) -> None:
    assert importers(*modules, outside=outside) == []


def arrows() -> dict[str, set[str]]:
    """Each part of the package, a folder or a file beside them, with the other parts that it imports."""
    parts = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    found: dict[str, set[str]] = {part: set() for part in parts}
    for path in PACKAGE.rglob("*.py"):
        part = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for name in imports(path):
            head, _, rest = name.partition(".")
            if head == "bnexp" and (other := rest.partition(".")[0]) in parts - {part}:
                found[part].add(other)
    return found


def test_the_arrows_between_the_parts_run_in_no_circle() -> None:
    """`prepare` raises CycleError, whose message names the circle."""
    TopologicalSorter(arrows()).prepare()


FLOORS = [
    *("errors lazy machine", "specs", "usercode stats", "config records", "evidence", "claims"),
    *("running training reporting", "probes api"),
]
"""Upwards, each floor may import those below it; data, norms and models stand beside, below training."""


def test_each_part_imports_only_what_lies_below_it() -> None:
    height = {part: floor for floor, parts in enumerate(FLOORS) for part in parts.split()}
    found = arrows()
    known = [(part, other) for part in found for other in found[part] if {part, other} <= height.keys()]
    assert [f"{part} imports {other}" for part, other in known if height[part] <= height[other]] == []


HEAVY = ("tensorflow", "keras", "pandas", "matplotlib", "scipy", "pydantic", "rich", "numpy", "yaml")

LIBRARIES = ("tensorflow", "keras", "pandas", "matplotlib", "scipy", "rich")

LIGHT = [
    # a command line, and what it must not load
    *((f"{words}--help", HEAVY) for words in ("", "run ", "report ", "data fetch ", "compare ", "claims ", "verify ")),
    *((words, HEAVY) for words in ("--version", "init --list")),
    *((f"{name} configs/mnist.yaml", LIBRARIES) for name in ("validate", "plan")),
    *((words, LIBRARIES) for words in ("norms", "norms group", "status --results nowhere")),
    ("report --results nowhere", ("tensorflow", "keras")),
    ("compare a b --results nowhere", ("tensorflow", "keras", "matplotlib")),
    ("claims --results nowhere", ("tensorflow", "keras", "matplotlib")),
]


def run(code: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", f"import sys\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize(("words", "heavy"), LIGHT, ids=lambda value: value if isinstance(value, str) else "")
def test_a_command_loads_nothing_heavy(words: str, heavy: tuple[str, ...]) -> None:
    loaded = f"[name for name in {heavy!r} if name in sys.modules]"
    done = run(f"from bnexp.cli.app import main\nmain({words.split()!r})\nprint({loaded}, file=sys.stderr)")
    assert done.stderr.splitlines()[-1] == "[]"


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = run("before = set(sys.modules); import bnexp; print(sorted(set(sys.modules) - before))").stdout
    assert "pydantic" not in loaded
    assert "numpy" not in loaded
