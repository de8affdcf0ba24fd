"""What holds for every test: no dataset comes from the network or from this machine's caches."""

import os
import platform
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow and numeric tests are left out of the measure of lines, which would make them half as slow again."""
    for item in items:
        if any(item.get_closest_marker(name) for name in ("slow", "numeric")):
            item.add_marker("no_cover")


def pytest_report_header() -> str:
    """What the last digits depend on, so that a bound that fails elsewhere can be understood."""
    try:
        lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
        facts = {key.strip(): value.strip() for key, _, value in lines}
    except OSError:  # no Linux
        facts = {}
    about = [f"{key} {facts[key]}" for key in ("model name", "cpu family", "model") if key in facts]
    about += [name for name in ("avx2", "avx512f", "amx_tile") if name in facts.get("flags", "").split()]
    settings = [f"{key}={value}" for key, value in sorted(os.environ.items()) if "ONEDNN" in key]
    return f"processor: {', '.join(about) or platform.machine()}; oneDNN: {' '.join(settings) or 'its defaults'}"
