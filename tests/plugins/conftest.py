"""A folder with modules of users' layers, and one thread for TensorFlow, taken before its first use."""

from pathlib import Path

import pytest
from own_layers import SOURCE

from bnexp.training.device import configure

configure("cpu", threads=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_norms.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n\n\nclass Norm: ...\n")
    (tmp_path / "unreadable.py").write_text("class Norm(:\n")
    return tmp_path
