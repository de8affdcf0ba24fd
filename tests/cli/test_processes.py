"""The command as a process of its own: pipes that close, signals, entry points."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bnexp.cli.app import BROKEN_PIPE

BNEXP = [sys.executable, "-m", "bnexp"]


@pytest.mark.parametrize("command", [BNEXP, [str(Path(sys.executable).parent / "bnexp")]], ids=["module", "script"])
def test_both_entry_points_work(command: list[str]) -> None:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("bnexp, version ")


def test_an_exit_code_reaches_the_shell(folder: Path) -> None:
    done = subprocess.run([*BNEXP, "run", "nowhere.yaml"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2


def test_a_reader_who_has_gone_is_no_fault() -> None:
    """As in `bnexp schema | head -1`."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*BNEXP, "schema"], stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (BROKEN_PIPE, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_an_output_that_is_full_is_no_fault_of_bnexp() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*BNEXP, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (2, "cannot be written: the output (No space left on device)\n")


def test_an_error_that_nobody_reads_keeps_its_exit_code(folder: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*BNEXP, "norms", "gruop"], stderr=write, check=False, timeout=60)
    os.close(write)
    assert done.returncode == 2


def stopped(folder: Path, number: signal.Signals, *words: str) -> tuple[int, str, float]:
    """A run that gets a signal while its workers load TensorFlow, which takes seconds.

    Returns the exit code, what it said after the signal, and the seconds that it took to end.
    """
    command = [*BNEXP, "run", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stderr is not None
        process.stderr.readline()
        assert any("to train" in line for line in process.stderr)  # after the cautions
        process.send_signal(number)
        began = time.monotonic()
        said = process.stderr.read()
        return process.wait(timeout=20), said, time.monotonic() - began


def test_ctrl_c_ends_soon_and_prints_the_command_that_resumes(folder: Path) -> None:
    code, said, seconds = stopped(folder, signal.SIGINT, "tiny.yaml", "--force", "--jobs", "1", "--only", "variant=b*")
    assert code == 130
    assert "Go on with:\n  bnexp run tiny.yaml --jobs 1 --only 'variant=b*'\n" in said
    assert seconds < 2


def test_terminated_is_143(folder: Path) -> None:
    code, said, _ = stopped(folder, signal.SIGTERM, "tiny.yaml")
    assert code == 143
    assert "Stopped by SIGTERM" in said
