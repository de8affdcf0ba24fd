"""What holds for every test: no dataset comes from the network or from this machine's caches."""

import os
import tempfile
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):  # the process that started it removes its folder too
        empty = Path(os.environ["KERAS_HOME"]).parent / worker
        empty.mkdir()
    else:
        temporary = tempfile.TemporaryDirectory(prefix="bnexp-tests-")
        config.add_cleanup(temporary.cleanup)
        empty = Path(temporary.name)
    os.environ.pop("BNEXP_DATA_DIR", None)
    os.environ["BNEXP_CACHE_DIR"] = str(empty / "bnexp")
    os.environ["KERAS_HOME"] = str(empty / "keras")
    os.environ["BNEXP_MIRROR"] = "http://127.0.0.1:9"  # the discard port: nobody answers
