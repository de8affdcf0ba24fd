"""To a result belongs all the code of the user's that made it, and what runs is what was hashed."""

import inspect
import os
import re
import sys
from pathlib import Path

import pytest
from test_whole_runs import bnexp

from bnexp.errors import UserError
from bnexp.usercode.code import UserCode, in_use
from bnexp.usercode.source import changed, digest, source_files

TREE = {
    "m.py": "from hlp import K\nimport pkg.inner\nclass L:\n    factor = K\n    def late(self):\n        import late\n",
    "hlp.py": "K = 1\n",
    "late.py": "from bare.deep import *\n",
    "bare/deep.py": "B = 1\n",
    "pkg/__init__.py": "from . import beside\n",
    "pkg/beside.py": "from .inner import A\n",
    "pkg/inner/__init__.py": "from ..cousin import A\n",
    "pkg/cousin.py": "import numpy\nA = 1\n",
    "unused.py": "U = 1\n",
}
BELONG = [name for name in TREE if name != "unused.py"]


def write(folder: Path, **files: str) -> Path:
    for name, text in {**TREE, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def code(folder: Path, reference: str = "m:L") -> UserCode:
    return UserCode("norm", reference, reference, None, (str(folder),))


def loaded(folder: Path) -> object:
    with in_use(code(folder)):
        return code(folder).load()


def test_the_modules_own_file_comes_first_then_all_that_it_imports_and_the_packages_around_them(tmp_path):
    first, *others = [each.name for each in code(write(tmp_path)).files()]
    assert (first, sorted(others)) == ("m.py", sorted(set(BELONG) - {"m.py"}))


def test_the_packages_around_the_module_itself_belong_to_it(tmp_path):
    names = [each.name for each in code(write(tmp_path), "pkg.cousin:A").files()]
    assert names == ["pkg/cousin.py", "pkg/__init__.py", "pkg/beside.py", "pkg/inner/__init__.py"]


@pytest.mark.parametrize("name", BELONG)
def test_an_edit_of_any_of_them_is_another_identity_and_is_named(tmp_path, name):
    before = code(write(tmp_path)).digest()
    (tmp_path / name).write_text(TREE[name] + "edited = True\n")
    assert changed(before, code(tmp_path).digest()) == [name]


def test_what_is_not_imported_does_not_belong_to_it(tmp_path):
    before = code(write(tmp_path)).digest()
    (tmp_path / "unused.py").write_text("U = 2\n")
    assert code(tmp_path).digest() == before


def test_comments_and_layout_change_nothing(tmp_path):
    before = code(write(tmp_path)).digest()
    (tmp_path / "hlp.py").write_text("# a remark\n\n\nK = (\n    1  # one\n)\n")
    (tmp_path / "pkg/cousin.py").write_bytes(TREE["pkg/cousin.py"].replace("\n", "\r\n").encode())
    assert code(tmp_path).digest() == before


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1.0"), ("1", "True"), ("'a'", "b'a'"), ("-1", "+1"), ("lambda: None", "lambda a: None")]
)
def test_unlike_constants_are_another_identity(tmp_path, one, other):
    digests = {code(write(tmp_path, **{"hlp.py": f"K = {value}\n"})).digest() for value in (one, other)}
    assert len(digests) == 2


def test_the_same_module_beside_another_helper_is_another_identity_and_its_own_code(tmp_path):
    folders = [write(tmp_path / str(k), **{"hlp.py": f"K = {k}\n"}) for k in (1, 2)]
    assert len({code(folder).digest() for folder in folders}) == 2
    assert [loaded(folder).factor for folder in (*folders, folders[0])] == [1, 2, 1]
    assert "hlp" not in sys.modules


def test_an_edit_of_equal_size_and_time_runs_the_new_code(tmp_path):
    """Python would take the bytecode of the old one."""
    file = write(tmp_path) / "hlp.py"
    os.utime(file, (1_000_000_000, 1_000_000_000))
    sys.path.insert(0, str(tmp_path))
    try:
        import hlp  # noqa: PLC0415  # so that bytecode lies there
    finally:
        del sys.modules["hlp"], sys.path[0]
    assert (hlp.K, loaded(tmp_path).factor) == (1, 1)
    file.write_text("K = 2\n")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert loaded(tmp_path).factor == 2


def test_who_reads_the_source_of_a_function_reads_what_runs(tmp_path):
    """TensorFlow does, and writes the function anew from it."""
    for value in (1, 2):
        write(tmp_path, **{"hlp.py": f"def K():\n    return {value}\n"})
        os.utime(tmp_path / "hlp.py", (1_000_000_000, 1_000_000_000))
        with in_use(code(tmp_path)):
            function = code(tmp_path).load().factor
            assert (function(), inspect.getsource(function)) == (value, f"def K():\n    return {value}\n")


def test_a_module_that_no_import_statement_names_is_refused(tmp_path):
    write(tmp_path, **{"m.py": "import importlib\nL = importlib.import_module('unus' + 'ed')\n"})
    with pytest.raises(
        UserError,
        match=r"unused\.py is imported, but reading the import statements did not lead to it.*`import unused`",
    ):
        loaded(tmp_path)


@pytest.mark.parametrize("head", [b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\nN = '\xe9'\n"], ids=["BOM", "latin-1"])
def test_a_file_in_any_encoding_that_python_reads_is_read(tmp_path, head):
    (write(tmp_path) / "m.py").write_bytes(head + b"from hlp import K\nclass L:\n    factor = K\n")
    assert code(tmp_path).digest().startswith("m.py ")
    assert loaded(tmp_path).factor == 1


def test_a_helper_that_cannot_be_read_counts_by_its_bytes(tmp_path):
    """It may never be imported."""
    digests = {code(write(tmp_path, **{"late.py": text})).digest() for text in ("print 1\n", "print 2\n")}
    assert len(digests) == 2


def test_of_an_installed_package_all_files_count_but_of_keras_which_each_record_names_one():
    core, types = (digest(source_files(module, [])) for module in ("click.core", "click.types"))
    assert re.fullmatch(r"click [0-9a-f]{16}", core)
    assert types == core
    assert digest(source_files("keras.layers", [])).startswith("keras/layers/__init__.py ")


def test_an_installed_package_is_another_one_when_any_of_its_files_is(tmp_path, monkeypatch):
    found = set()
    for k, text in enumerate(("A = 1", "A = 2")):
        home = tmp_path / str(k) / "site-packages"
        (home / "theirs").mkdir(parents=True)
        (home / "theirs/__init__.py").write_text("class L: ...\n")
        (home / "theirs/inner.py").write_text(text)
        monkeypatch.syspath_prepend(str(home))
        found.add(UserCode("norm", "theirs:L", "theirs:L", None, ()).digest())
    assert len(found) == 2


def test_46_what_a_notebook_defines_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(ValueError, match=r"cell .*%%writefile my_module\.py\), and name it my_module:L$"):
        code(tmp_path, "__main__:L").files()


def test_what_changed_between_two_digests_is_told_by_name():
    assert changed("m.py 1, a.py 2, b.py 3", "m.py 1, a.py 4, c.py 5") == ["a.py", "c.py", "b.py"]
    assert changed("3f" * 32, "m.py 1") == ["m.py"]  # as earlier versions wrote it: the SHA-256 of one file
    assert digest([]) == ""


@pytest.mark.slow
def test_a_run_says_which_file_changed_and_trains_again_what_it_made(tmp_path):
    (tmp_path / "hlp.py").write_text("K = 1.0\n")
    (tmp_path / "m.py").write_text(
        "import keras\nfrom hlp import K\nclass L(keras.layers.Layer):\n    def call(self, x):\n        return K * x\n"
    )
    (tmp_path / "c.yaml").write_text(
        "data: {name: mnist-5k, train: 100, validation: 50}\nmodel: {name: mlp, widths: [4]}\nseeds: 2\n"
        "training: {epochs: 1}\nvariants: {none: {norm: none}, mine: {norm: m:L}}\n"
    )
    first = bnexp("run", "c.yaml", "--jobs", "1", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    (tmp_path / "hlp.py").write_text("K = 1.0  # a remark\n")
    assert "nothing to train" in bnexp("run", "c.yaml", folder=tmp_path).stderr
    (tmp_path / "hlp.py").write_text("K = 3.0\n")
    again = bnexp("run", "c.yaml", "--jobs", "1", folder=tmp_path)
    assert "c: hlp.py changed since it was last run here: 2 finished trials to train again" in again.stderr
    assert len(list(tmp_path.glob("results/trials/*/record.json"))) == 6


def test_a_folder_that_sys_path_gets_at_run_time_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/beyond.py").write_text("K = 1\n")
    text = f"import sys\nsys.path.insert(0, {str(tmp_path / 'lib')!r})\nimport beyond\nclass L: ...\n"
    with pytest.raises(
        UserError, match=r"lib/beyond\.py is imported, but .* put it beside the config or name the folder"
    ):
        loaded(write(tmp_path / "exp", **{"m.py": text}))
    assert "beyond" not in sys.modules


@pytest.mark.parametrize(
    "text", ["L, M = make()", "for L in (A, B): ...", "import x as L", "with a as L: ...", "L: int = 1"]
)
def test_a_name_may_be_bound_in_any_way(tmp_path, text):
    assert code(write(tmp_path, **{"m.py": text})).digest()
