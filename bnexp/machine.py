"""What this process may use of the machine: cores, memory and GPUs, as affinity, cgroups and environment allow."""

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
_UNKNOWN_MEMORY = 8_000_000_000  # where the system does not say (not Linux): an ordinary laptop


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Cores that this process may run on: its affinity, and the quota of its cgroup (v2 or v1), rounded down."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _text(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota, period = _text(cgroup / "cpu/cpu.cfs_quota_us"), _text(cgroup / "cpu/cpu.cfs_period_us")
    if not (quota.isdigit() and period.isdigit()):  # "max" and "-1" mean no limit
        return affinity
    return max(1, min(affinity, int(quota) // int(period)))


def available_memory(cgroup: Path = _CGROUP, meminfo: Path = _MEMINFO) -> int:
    """Bytes that can still be taken without swapping: of the machine, and of its cgroup (v2 or v1)."""
    free = re.findall(r"^MemAvailable: +(\d+) kB", _text(meminfo), re.MULTILINE)
    found = [1024 * int(kibibytes) for kibibytes in free]
    limit = _text(cgroup / "memory.max", cgroup / "memory/memory.limit_in_bytes")
    used = _text(cgroup / "memory.current", cgroup / "memory/memory.usage_in_bytes")
    if limit.isdigit():
        found.append(max(0, int(limit) - int(used or 0)))
    return min(found, default=_UNKNOWN_MEMORY)


def available_gpus() -> tuple[str, ...]:
    """The GPUs that CUDA shows this process, as `CUDA_VISIBLE_DEVICES` names them; none where that is unknown."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
        try:
            visible = subprocess.run(query, capture_output=True, text=True, check=True, timeout=30).stdout
        except (OSError, subprocess.SubprocessError):
            return ()
    names = visible.replace("\n", ",").split(",")
    return tuple(name.strip() for name in names if name.strip() not in ("", "-1"))


def out_of_memory_kills(cgroup: Path = _CGROUP) -> int:
    """How many processes of this cgroup (v2 or v1) the kernel has ended so far because memory ran out; 0 if unknown."""
    text = _text(cgroup / "memory.events", cgroup / "memory/memory.oom_control")
    counts = dict(line.split(maxsplit=1) for line in text.splitlines() if " " in line)
    return int(counts.get("oom_kill", "0"))


def _text(*paths: Path) -> str:
    """What the first of the files that can be read holds; nothing where none can."""
    for path in paths:
        with suppress(OSError):
            return path.read_text().strip()
    return ""
