"""What the measurements share: the work, and the wire to the process that asks for it.

Each measuring script takes `NORM BATCH IMAGES`, makes everything ready (compiled, warm), prints "ready", waits for a
line, trains once over the images, and prints one JSON line: seconds.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np

WARM = 20  # steps before the clock starts


def arguments() -> tuple[str, int, int]:
    """Norm, batch size and number of images of this measurement."""
    return sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def images_and_labels(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images (count,28,28,1), uint8, and labels (count,): the speed of training does not depend on them."""
    generator = np.random.default_rng(0)
    return (
        generator.integers(0, 256, (count, 28, 28, 1), dtype=np.uint8),
        generator.integers(0, 10, count, dtype=np.int32),
    )


def when_asked(train: Callable[[], object]) -> None:
    """Say that all is ready, wait for the word, train, and tell what it took."""
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    train()
    print(json.dumps({"seconds": time.perf_counter() - began}))
