"""Where the seconds of a trial go."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from bnexp.records.record import Seconds


class Clock:
    """Adds up wall-clock seconds of the parts of a trial, from its making on."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.parts = {"data": 0.0, "compile": 0.0, "train": 0.0, "evaluate": 0.0}

    @contextmanager
    def __call__(self, part: Literal["data", "compile", "train", "evaluate"]) -> Iterator[None]:
        """What is done within counts for this part."""
        since = time.perf_counter()
        try:
            yield
        finally:
            self.parts[part] += time.perf_counter() - since

    def seconds(self) -> Seconds:
        return Seconds(**self.parts, total=time.perf_counter() - self._began)
