"""What a run came to, and the exit code that says so."""

from dataclasses import dataclass, replace
from typing import Any

from bnexp.records.record import TrialRecord
from bnexp.running.survey import to_mend


@dataclass(frozen=True)
class Outcome:
    """Counts of trials; one that several experiments or variants share counts once."""

    planned: int = 0
    """All trials that were asked for."""
    skipped: int = 0
    """Of these, finished before, or meanwhile by another run on the same folder."""
    trained: int = 0
    """Finished in this run, the diverged ones included."""
    diverged: int = 0
    """Of the trained ones, those whose loss was not finite: a result, not a failure."""
    failed: int = 0
    """Failed in this run."""
    mendable: int = 0
    """Of the failed ones, those that met a fault of the surroundings (`UserError`): the next run tries them again."""
    failed_before: int = 0
    """Failed in an earlier run and not tried again."""
    interrupted: int | None = None
    """The signal that ended the run early, if one did."""
    reason: str = ""
    """Why the run stopped before its end, if not by a signal."""

    def plus(self, **more: int) -> "Outcome":
        """These counts and some more trials."""
        counts: dict[str, Any] = {name: getattr(self, name) + count for name, count in more.items()}
        return replace(self, **counts)

    def after(self, record: TrialRecord) -> "Outcome":
        """These counts and one more trial, which ended with this record."""
        failed, diverged = record.status == "failed", record.status == "diverged"
        return self.plus(trained=not failed, diverged=diverged, failed=failed, mendable=to_mend(record))

    @property
    def left(self) -> int:
        """Trials that have not been tried."""
        return self.planned - self.skipped - self.trained - self.failed - self.failed_before

    @property
    def exit_code(self) -> int:
        """0 done, 3 with failed trials, 128 + signal (130: Ctrl-C, 143: terminated)."""
        if self.interrupted is not None:
            return 128 + self.interrupted
        return 3 if self.failed or self.failed_before else 0
