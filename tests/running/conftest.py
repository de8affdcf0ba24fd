"""Fixtures of the tests that run real worker processes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ground import Ground


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    monkeypatch.setenv("BNEXP_FAKE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    return Ground(tmp_path)


@pytest.fixture
def until() -> Callable[[Callable[[], bool], float], float]:
    """Waits until something holds; the seconds that it took.  Fails after so many."""

    def wait(holds: Callable[[], bool], seconds: float) -> float:
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < seconds, f"not so within {seconds} s"
            time.sleep(0.01)
        return time.monotonic() - began

    return wait
