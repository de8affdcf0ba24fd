"""`doctor` reads every dataset that is here and holds it against what its name says."""

from pathlib import Path

import pytest
from tiny_images import SERVED, tiny_parts, write_idx

from bnexp.cli.doctor import OK, WARN, Check, datasets
from bnexp.data.known import IDX_NAMES

pytestmark = pytest.mark.usefixtures("tiny")


def look(folder: Path | None) -> dict[str, Check]:
    return {check.what.removeprefix("data: "): check for check in datasets(folder)}


@pytest.mark.parametrize("gz", [True, False])
def test_22_a_folder_with_mnist_is_not_one_with_fashion_mnist(gz: bool, tmp_path: Path) -> None:
    found = look(write_idx(tmp_path, tiny_parts(0), gz=gz))
    assert (found["mnist"].state, found["fashion-mnist"].state) == (OK, WARN)
    assert found["mnist"].found.endswith("checked: content, by SHA-256")
    assert "this is mnist, not fashion-mnist" in found["fashion-mnist"].found
    assert found["mnist-5k"].state == OK
    assert "does not hold cifar10" in found["cifar10"].found


def test_22_what_no_hash_proves_is_told_as_such(tmp_path: Path) -> None:
    proven = look(write_idx(tmp_path / "a", tiny_parts(1)))["fashion-mnist"]
    plain = look(write_idx(tmp_path / "b", tiny_parts(1), gz=False))["fashion-mnist"]
    assert (proven.state, plain.state) == (OK, WARN)
    assert "gzipped files, by the published MD5" in proven.found
    assert "shapes and class counts only" in plain.found


def test_22_a_damaged_file_is_seen_in_a_cache_too_and_nothing_is_downloaded(tmp_path: Path) -> None:
    cached = tmp_path / "cache" / "mnist" / "mnist.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(SERVED["mnist.npz"][:-10])
    found = look(None)
    assert found["mnist"].state == WARN
    assert "is damaged or truncated" in found["mnist"].found
    assert found["fashion-mnist"].found.startswith("not here; download from http://127.0.0.1:9 into ")


def test_22_one_changed_pixel_is_seen(tmp_path: Path) -> None:
    folder = write_idx(tmp_path, tiny_parts(0), gz=False)
    path = folder / IDX_NAMES[2]
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    assert "its test images are not those of mnist" in look(folder)["mnist"].found
