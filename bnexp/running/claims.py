"""Claims on trials, so that two runs on one results folder never train the same one at the same time."""

import fcntl
import os
from pathlib import Path


class Claims:
    """A claim is an advisory lock on the trial's own folder: nothing is left behind, and it ends with its process.

    Where the file system has no such locks, every claim is granted: two runs may then train a trial twice,
    with the same result.
    """

    def __init__(self) -> None:
        self._held: dict[Path, int] = {}

    def take(self, folder: Path) -> bool:
        """Claim a folder, made if it is missing; False if another run holds it."""
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            pass  # no locks here
        self._held[folder] = descriptor
        return True

    def release(self, folder: Path) -> None:
        """Give a claim back."""
        os.close(self._held.pop(folder))

    def release_all(self) -> None:
        """Give all claims back."""
        for folder in list(self._held):
            self.release(folder)
