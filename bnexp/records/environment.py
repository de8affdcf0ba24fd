"""Where a result came from: versions, machine and commit, as plain JSON data; without TensorFlow, without names.

Neither the host nor the user is named: records are made to be published.
"""

import os
import platform
import re
import resource
import sys
from copy import deepcopy
from functools import cache
from importlib import metadata
from pathlib import Path
from subprocess import DEVNULL, PIPE, SubprocessError, run
from typing import Any

PACKAGES = ("bnexp", "tensorflow", "keras", "numpy")

_VARIABLES = re.compile(r"(ONEDNN|DNNL|XLA|CUBLAS|CUDNN|NVIDIA_TF32|TF_(ENABLE|DISABLE|USE|XLA|CUDNN|ONEDNN))_\w+")
"""Environment variables by which TensorFlow computes otherwise: other kernels, other rounding."""


def environment() -> dict[str, Any]:
    """What this process runs on; None for what cannot be found out, never an exception.

    - `python`, and each of `PACKAGES`: version
    - `platform`: operating system, kernel release and architecture
    - `cpu`: model name; `cores`: those that this process may use; `memory_bytes`: of the machine, or
      less where a control group allows less
    - `variables`: environment variables by which TensorFlow computes otherwise (oneDNN, XLA), with their
      values; no key where none is set
    - `git_commit`: 40 hexadecimal digits, of the checkout that bnexp is imported from; `git_dirty`: whether
      tracked files of it were changed. Both None for an installed package.

    Taken once per process, in some 10 ms; the later calls are free.
    """
    return deepcopy(_environment())


def peak_memory() -> int:
    """Bytes that this process had in memory at most so far.

    On Linux since its program began: `getrusage` tells the peak of the process that forked it, if that had more.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    except (OSError, StopIteration):  # no Linux, or one that does not say
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@cache
def _environment() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu(Path("/proc/cpuinfo")),
        "cores": _cores(),
        "memory_bytes": _memory(Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")),
        **({"variables": found} if (found := _variables()) else {}),
        **git_state(Path(__file__).resolve().parents[2]),
    }


def _variables() -> dict[str, str]:
    """Without the paths in them, which may name a user."""
    found = {name: value for name, value in sorted(os.environ.items()) if _VARIABLES.fullmatch(name) and value}
    return {name: re.sub(r"[^\s=]*/\S*", "...", value) for name, value in found.items()}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu(cpuinfo: Path) -> str | None:
    for key in ("model name", "Model", "Hardware"):  # x86, then what ARM kernels write
        if found := _field(cpuinfo, key):
            return found
    return platform.processor() or None


def _cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory(meminfo: Path, limit: Path) -> int | None:
    total = _field(meminfo, "MemTotal")
    sizes = [int(total.split()[0]) * 1024] if total else []
    try:
        text = limit.read_text().strip()
    except OSError:
        text = "max"
    return min([*sizes, int(text)] if text.isdigit() else sizes, default=None)


def _field(path: Path, key: str) -> str | None:
    """The first value of `key: value` in a file of /proc."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key and value.strip():
            return value.strip()
    return None


def git_state(root: Path) -> dict[str, Any]:
    """Commit and dirtiness of the checkout whose top folder is `root`; None twice if it is none, or git is absent."""
    unknown = {"git_commit": None, "git_dirty": None}
    if not (root / ".git").exists():  # bnexp installed into somebody else's checkout has not that one's commit
        return unknown
    try:
        # Untracked files do not count: results and notes lie beside the code.  One call tells both.
        status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules")
    except (OSError, SubprocessError):
        return unknown
    lines = status.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), None)
    if commit is None or not set(commit) <= set("0123456789abcdef"):  # "(initial)" before the first commit
        return unknown
    return {"git_commit": commit, "git_dirty": any(not line.startswith("#") for line in lines)}


def _git(root: Path, *arguments: str) -> str:
    # Optional locks off: workers start at the same time, and must not contend for the index.
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    return run(command, stdout=PIPE, stderr=DEVNULL, stdin=DEVNULL, check=True, timeout=5, encoding="utf-8").stdout
