"""Pages of shared libraries that were needed to import them, and hardly again: unmapped, so that a worker is small.

Importing TensorFlow touches some 360 MB of its libraries, for relocations and static initialization; a training needs
75 MB of them.  They cost the machine nothing it could not take back, since they are the files' own, but they count as
resident, which is what job schedulers hold against a limit, and in each worker's share of the memory.
"""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

_SMAPS = Path("/proc/self/smaps")
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ +(/.+)")
_MADV_DONTNEED = 4


def unmap_unused_pages() -> None:
    """Unmap what this process never wrote to in its shared libraries; whatever is used again comes back by itself.

    A page comes back from the system's cache of files at the next access, which is why results and speed do not change.
    Linux only; elsewhere, or where the system does not tell, nothing happens.
    """
    try:
        text = _SMAPS.read_text(errors="replace")
    except OSError:
        return
    advise = ctypes.CDLL(None).madvise
    for start, end in unwritten(text):
        advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)  # advice: it may be declined


def unwritten(smaps: str) -> Iterator[tuple[int, int]]:
    """First and last address of each private mapping of a library that cannot be written to and never was."""
    mapping = None
    for line in smaps.splitlines():
        if found := _MAPPING.fullmatch(line):
            mapping = found
        elif line.startswith("Anonymous:") and mapping is not None:
            start, end, may, path = mapping.groups()
            # Pages that were written to (relocations) count as anonymous: they would come back without it.
            if ".so" in Path(path).name and may[1] == "-" and may[3] == "p" and line.split()[1] == "0":
                yield int(start, 16), int(end, 16)
            mapping = None
