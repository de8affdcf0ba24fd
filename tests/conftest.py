"""What holds for every test: no dataset comes from the network or from this machine's caches."""

import os
import tempfile
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    empty = tempfile.TemporaryDirectory(prefix="bnexp-tests-")
    config.add_cleanup(empty.cleanup)
    os.environ.pop("BNEXP_DATA_DIR", None)
    os.environ["BNEXP_CACHE_DIR"] = str(Path(empty.name) / "bnexp")
    os.environ["KERAS_HOME"] = str(Path(empty.name) / "keras")
    os.environ["BNEXP_MIRROR"] = "http://127.0.0.1:9"  # the discard port: nobody answers
