"""Pages of shared libraries that were needed at the start alone: what is unmapped, and that nothing is lost by it."""

import subprocess
import sys

import pytest

from bnexp.running.worker import unwritten

SMAPS = """\
7f0000000000-7f0000010000 r-xp 00001000 fe:00 17                         /usr/lib/libread.so.2
Rss:                  64 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
7f0000010000-7f0000020000 r--p 00011000 fe:00 17                         /usr/lib/libread.so.2
Rss:                  64 kB
Anonymous:             4 kB
7f0000020000-7f0000030000 rw-p 00021000 fe:00 17                         /usr/lib/libread.so.2
Anonymous:             0 kB
7f0000030000-7f0000040000 r--s 00031000 fe:00 17                         /usr/lib/shared.so
Anonymous:             0 kB
7f0000040000-7f0000050000 r--p 00000000 fe:00 18                         /opt/with a space/module.cpython-311.so
Anonymous:             0 kB
7f0000050000-7f0000060000 r--p 00000000 fe:00 19                         /data/images.npy
Anonymous:             0 kB
7f0000060000-7f0000070000 r--p 00000000 00:00 0
Anonymous:             0 kB
ffffffffff600000-ffffffffff601000 r-xp 00000000 00:00 0                  [vsyscall]
Anonymous:             0 kB
"""

MEASURED = """
import ctypes, json, zlib
from pathlib import Path
from bnexp.running.worker import unmap_unused_pages
import numpy as np

def of_files():
    sizes = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(sizes["RssFile"].split()[0])

def work():
    x = np.random.default_rng(0).normal(size=(200, 200))
    return zlib.crc32(np.linalg.svd(x)[0].tobytes() + json.dumps(x[0].tolist()).encode())

before, result = of_files(), work()
unmap_unused_pages()
print(before, of_files(), work() == result)
"""


def test_only_pages_of_libraries_that_nobody_wrote_to_are_unmapped():
    assert [(f"{start:x}", f"{end:x}") for start, end in unwritten(SMAPS)] == [
        ("7f0000000000", "7f0000010000"),
        ("7f0000040000", "7f0000050000"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells of its mappings on Linux alone")
def test_a_process_is_smaller_afterwards_and_computes_the_same():
    done = subprocess.run([sys.executable, "-c", MEASURED], check=True, capture_output=True, text=True)
    before, after, same = done.stdout.split()
    assert int(after) < 0.6 * int(before)
    assert same == "True"
