"""A results folder of which each record is read and checked once, however often it is asked for."""

from pathlib import Path

from bnexp.records.record import TrialRecord
from bnexp.records.store import Store


class RememberingStore(Store):
    """A store for one pass over its records: what is written to it meanwhile is not seen.

    A report asks for each record several times, and 2,000 of them take seconds to read and check.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._records: dict[str, TrialRecord | None] = {}

    def read_folder(self, name: str) -> TrialRecord | None:
        if name not in self._records:
            self._records[name] = super().read_folder(name)
        return self._records[name]
