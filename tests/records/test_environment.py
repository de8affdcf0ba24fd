"""Provenance: complete where it can be, None where it cannot, never an exception."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bnexp
from bnexp.records import environment as module
from bnexp.records.environment import PACKAGES, environment, git_state


def git(folder, *arguments):
    settings = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false", "-c", "core.hooksPath="]
    subprocess.run(["git", *settings, "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_names_every_version_and_the_machine_in_plain_json():
    found = environment()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {
        "python", *PACKAGES, "platform", "cpu", "cores", "memory_bytes", "git_commit", "git_dirty"
    }  # fmt: skip  # one line says it
    assert found["bnexp"] == bnexp.__version__
    assert found["cores"] >= 1
    assert found["memory_bytes"] > 1e8


def test_names_neither_host_nor_user():
    text = json.dumps(environment())
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text


def test_is_the_callers_own_copy_and_asks_git_once_per_process(monkeypatch):
    environment()["python"] = "changed"
    monkeypatch.setattr(module, "_git", lambda *_: pytest.fail("asked again"))
    assert environment()["python"] != "changed"


def test_imports_no_tensorflow():
    code = (
        "import sys; from bnexp.records.environment import environment; environment(); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tells_the_commit_and_whether_a_tracked_file_was_changed(checkout):
    (checkout / "notes.txt").write_text("mine\n")
    state = git_state(checkout)
    assert (len(state["git_commit"]), state["git_dirty"]) == (40, False)
    (checkout / "code.py").write_text("2\n")
    assert git_state(checkout)["git_dirty"] is True


def test_without_a_commit_of_its_own_or_without_git_it_is_unknown(checkout, tmp_path_factory, monkeypatch):
    """The first is a package that is installed into somebody else's checkout."""
    unknown = {"git_commit": None, "git_dirty": None}
    (checkout / "site-packages").mkdir()
    assert git_state(checkout / "site-packages") == unknown
    git(empty := tmp_path_factory.mktemp("empty"), "init", "-q")
    assert git_state(empty) == unknown
    monkeypatch.setenv("PATH", "")
    assert git_state(checkout) == unknown


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("processor\t: 0\nmodel name\t: A Processor @ 2 GHz\n", "A Processor @ 2 GHz"),
        ("processor\t: 0\nBogoMIPS\t: 1\n\nModel\t\t: Raspberry Pi 5\n", "Raspberry Pi 5"),
    ],
)
def test_reads_the_processor_of_x86_and_arm(tmp_path, text, model):
    (tmp_path / "cpuinfo").write_text(text)
    assert module._cpu(tmp_path / "cpuinfo") == model


@pytest.mark.parametrize(("limit", "bytes_"), [("max", 2048), ("1000", 1000), ("4096", 2048), (None, 2048)])
def test_memory_is_the_smaller_of_machine_and_control_group(tmp_path, limit, bytes_):
    (tmp_path / "meminfo").write_text("MemTotal:  2 kB\nMemFree: 1 kB\n")
    if limit is not None:
        (tmp_path / "limit").write_text(f"{limit}\n")
    assert module._memory(tmp_path / "meminfo", tmp_path / "limit") == bytes_
    assert module._memory(tmp_path / "absent", tmp_path / "absent") is None
