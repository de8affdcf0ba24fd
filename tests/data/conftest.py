"""Tests of data see no cache of this machine and no network but the loopback."""

from pathlib import Path

import pytest
from tiny_images import install

from bnexp.data.known import KNOWN
from bnexp.specs.datasets import DATASETS


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BNEXP_DATA_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("BNEXP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BNEXP_MIRROR", "http://127.0.0.1:9")  # the discard port: nobody answers there
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mnist` and `fashion-mnist` stand for tiny datasets during the test."""
    for table in (KNOWN, DATASETS):
        for name in ("mnist", "fashion-mnist"):
            monkeypatch.setitem(table, name, table[name])  # type: ignore[arg-type]  # each table gets its own values back
    install()
