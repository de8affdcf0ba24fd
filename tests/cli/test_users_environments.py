"""What a user's machine may have set, closed or left out, and bnexp works all the same."""

import errno
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from bnexp.data.known import KNOWN
from bnexp.data.places import cache_folder, find
from bnexp.errors import UserError
from bnexp.norms.check import deviation_apart
from bnexp.records.store import Store, write_atomically
from bnexp.specs.norms.table import METHODS

BNEXP = f"{sys.executable} -m bnexp"


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, timeout=100, env=environment
    )


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_29_closed_streams_are_nobodys_fault(bnexp_, folder, closed):
    assert bnexp_("run", "tiny.yaml", "--jobs", "1").code == 0
    done = shell(f"{BNEXP} status {closed}")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert ("tiny" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


def test_27_a_notebooks_backend_does_not_stop_the_report(bnexp_, folder):
    assert bnexp_("run", "tiny.yaml", "--jobs", "1").code == 0
    done = shell(f"{BNEXP} report", MPLBACKEND="module://no_such_package.backend_inline")
    assert (done.returncode, done.stdout) == (0, "results/report/index.html\n"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_26_a_methods_card_is_computed_as_trials_are(tmp_path, monkeypatch, backend):
    """By TensorFlow, in float32, channels last."""
    settings = {"floatx": "float16", "epsilon": 1e-3, "backend": "torch", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", backend)
    found = deviation_apart(METHODS["batch"]())
    assert max(found.values()) < 1e-4


@pytest.fixture
def homeless(monkeypatch):
    def nobody(_: int) -> None:
        raise KeyError("uid not found")

    for variable in ("HOME", "KERAS_HOME", "BNEXP_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)


def test_28_a_user_without_a_home_has_folders_in_tmp(homeless, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / ".keras/datasets").mkdir(parents=True)  # where Keras puts them
    (tmp_path / ".keras/datasets/mnist.npz").touch()
    assert find("mnist", KNOWN["mnist"], None).files == (tmp_path / ".keras/datasets/mnist.npz",)
    assert cache_folder() == tmp_path / ".cache" / "bnexp"
    with pytest.raises(UserError, match=f"data folder {tmp_path}/data does not exist"):
        find("mnist", KNOWN["mnist"], Path("~/data"))


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_30_a_network_drive_that_knows_no_fsync_and_no_modes_holds_records(tmp_path, monkeypatch, number):
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    def forbid(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fsync", refuse)
    monkeypatch.setattr(Path, "chmod", forbid)
    write_atomically(tmp_path / "a" / "record.json", "whole")
    assert [(path.name, path.read_text()) for path in (tmp_path / "a").iterdir()] == [("record.json", "whole")]


def test_30_a_disk_that_fails_is_still_told(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match="cannot be written"):
        Store(tmp_path).write_plan("x", {})


def test_25_variables_by_which_tensorflow_computes_otherwise_are_recorded_without_paths():
    asked = f"{sys.executable} -c 'import json, bnexp.records.environment as e; print(json.dumps(e.environment()))'"
    set_ = {"TF_ENABLE_ONEDNN_OPTS": "0", "XLA_FLAGS": "--xla_dump_to=/home/me/x --xla_cpu_enable_fast_math=true"}
    bare = {name: "" for name in os.environ if "ONEDNN" in name}
    assert json.loads(shell(asked, **{**bare, **set_, "TF_CPP_MIN_LOG_LEVEL": "3"}).stdout)["variables"] == {
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "XLA_FLAGS": "--xla_dump_to=... --xla_cpu_enable_fast_math=true",
    }
    assert "variables" not in json.loads(shell(asked, **bare, XLA_FLAGS="").stdout)
