"""What became of a run's trials so far, and whether their failures end it."""

from bnexp.records.record import Failure, TrialRecord
from bnexp.running.options import Options
from bnexp.running.outcome import Outcome
from bnexp.running.progress import in_a_line


class Tally:
    """Counts of a run."""

    def __init__(self, planned: int, skipped: int, failed_before: int, options: Options) -> None:
        self.planned = planned
        self.skipped = skipped
        """Finished before, here or by another run beside this one."""
        self.failed_before = failed_before
        self.reason = ""
        """Why the run is to end early, if it is."""
        self._trained = self._diverged = self._failed = self._mendable = 0
        self._fail_fast, self._max_failures = options.fail_fast, options.max_failures
        self._same_failures: tuple[tuple[str, str] | None, int] = (None, 0)

    @property
    def done(self) -> int:
        """Trials that are not to be trained any more."""
        return self.skipped + self.failed_before + self._trained + self._failed

    def count(self, record: TrialRecord) -> None:
        """A trial has ended, with this record."""
        self._trained += record.status != "failed"
        self._diverged += record.status == "diverged"
        self._failed += record.status == "failed"
        self._mendable += record.failure is not None and record.failure.kind == "UserError"
        self._look_for_reason(record.failure)

    def _look_for_reason(self, failure: Failure | None) -> None:
        """Failures that end the run: any with `fail_fast`, or several in a row that say the same."""
        if failure is None:
            self._same_failures = (None, 0)
            return
        said = (failure.kind, failure.message)
        self._same_failures = said, (self._same_failures[1] + 1 if self._same_failures[0] == said else 1)
        if self._fail_fast:
            self.reason = "at the first failure, as asked"
        elif self._same_failures[1] == self._max_failures:
            said_so = f"{self._max_failures} failures in a row that say the same"
            self.reason = f"after {said_so} ({in_a_line(failure)})"

    def outcome(self, interrupted: int | None) -> Outcome:
        """All of it; `interrupted` is the signal that ended the run, if one did."""
        return Outcome(
            planned=self.planned,
            skipped=self.skipped,
            trained=self._trained,
            diverged=self._diverged,
            failed=self._failed,
            mendable=self._mendable,
            failed_before=self.failed_before,
            interrupted=interrupted,
            reason=self.reason,
        )
