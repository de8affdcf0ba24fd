"""The command line in this process, in a folder of its own, with a trainer that needs no TensorFlow."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import bnexp.api
from bnexp.cli.app import main
from bnexp.running.options import Options

FAKE_TRAINER = Path(__file__).parents[1] / "running"

TINY = """
data: mnist-5k
training: {epochs: 1}
variants: {none: {norm: none}, bn: {norm: {name: batch, momentum: 0.8}}}
seeds: 2
"""


class Said(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with the config `tiny.yaml` (2 variants, 2 seeds)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


@pytest.fixture
def bnexp_(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """`bnexp_("run", "tiny.yaml")`; trials are trained by `fake_trainer`, as `behaviour.json` says."""
    monkeypatch.setenv("BNEXP_FAKE", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(FAKE_TRAINER), os.environ.get("PYTHONPATH")])))
    monkeypatch.setattr(bnexp.api, "Options", functools.partial(Options, trainer="fake_trainer:Trainer"))

    def say(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["bnexp", *words])
        code = main()
        return Said(code, *capfd.readouterr())

    return say
