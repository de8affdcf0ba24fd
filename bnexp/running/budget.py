"""A limit on the time of a run, that ends it between two seeds."""

import time
from collections.abc import Callable


class Budget:
    """Which blocks of seeds a run may begin: one that is begun is trained to its end, so that every pair is whole."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds or 0.0
        self.spent = False
        """Whether no further block will be begun."""
        self._limit = seconds
        self._since = time.monotonic()
        self._begun: set[int] = set()

    def has_begun(self, block: int) -> bool:
        """Whether a trial of this block was begun."""
        return block in self._begun

    def admits(self, block: int, expected: Callable[[], float | None]) -> bool:
        """Whether a trial of this block may be begun.

        The first block always may.  `expected` tells how many seconds the block and what is running will take from now,
        None if nobody knows: a block that would end beyond the limit is not begun.
        """
        if self._limit is None or block in self._begun:
            return True
        elapsed = time.monotonic() - self._since
        if not self._begun or (not self.spent and elapsed + (expected() or 0.0) <= self._limit):
            self._begun.add(block)
            return True
        self.spent = True
        return False
