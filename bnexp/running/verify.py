"""A stored trial trained once more, in a worker process and a folder of its own, and held against its record."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bnexp.errors import UserError
from bnexp.evidence.agreement import Sameness, agreement
from bnexp.evidence.confounds import Difference, surroundings
from bnexp.records.record import TrialRecord
from bnexp.records.store import Store
from bnexp.running.options import Options
from bnexp.running.progress import Watcher, in_a_line
from bnexp.running.runner import run
from bnexp.running.survey import to_mend
from bnexp.specs.experiment import Experiment, Point
from bnexp.specs.trial import PROTOCOL, Trial, TrialSpec
from bnexp.usercode.code import code_of


@dataclass(frozen=True)
class Verification:
    """What training a trial again came to."""

    trial: str  # name of its folder
    interrupted: int | None = None  # the signal that ended it early, if one did; then there is nothing else
    failure: str = ""  # why the training failed this time
    sameness: Sameness | None = None  # None where there is no second record
    surroundings: tuple[Difference, ...] = ()
    """In what software, machine and execution differ: the likely reason of another result."""
    again: TrialRecord | None = None

    @property
    def exit_code(self) -> int:
        """0 identical or within the tolerance, 1 different or failed, 128 + signal."""
        if self.interrupted is not None:
            return 128 + self.interrupted
        return 0 if self.sameness is not None and self.sameness.verdict != "different" else 1


def verify(
    name: str,
    stored: TrialRecord,
    options: Options,
    watch: Watcher,
    *,
    search_path: Sequence[str] = (),
    tolerance: float | None = None,
) -> Verification:
    """Train the trial of a record again and compare; the record itself is neither read again nor written.

    `search_path` are the folders in which a user's own modules are looked for.  Raises UserError where the record has
    no result, or cannot be trained by this version or with the modules as they are now.
    """
    trial = trial_of(name, stored, search_path)
    with tempfile.TemporaryDirectory(prefix="bnexp-verify-") as folder:
        store = Store(Path(folder))
        point = Point("again", (), trial.spec)
        experiment = Experiment("verify", "", ("again",), "again", (trial.seed,), (point,), trial.search_path)
        outcome = run([experiment], store, replace(options, jobs=1), watch)
        again = store.read(trial)
    if outcome.interrupted is not None:
        return Verification(name, outcome.interrupted)
    assert again is not None
    differing = tuple(surroundings(stored, again))
    if again.failure is None:
        sameness = agreement(stored, again, *([] if tolerance is None else [tolerance]))
        return Verification(name, sameness=sameness, surroundings=differing, again=again)
    if to_mend(again):
        raise UserError(f"{name}: cannot be trained again: {again.failure.message}")
    return Verification(name, failure=in_a_line(again.failure), surroundings=differing, again=again)


def execution_of(stored: TrialRecord) -> dict[str, Any]:
    """Threads and device of a record, as `Options` takes them; those that it does not hold are left out."""
    found: dict[str, Any] = {}
    threads, device = stored.execution.get("threads"), stored.execution.get("device")
    if isinstance(threads, int) and threads >= 1:
        found["threads"] = threads
    if device in ("auto", "cpu", "gpu"):
        found["device"] = device
    return found


def trial_of(name: str, stored: TrialRecord, search_path: Sequence[str]) -> Trial:
    """The trial of a record, ready to be trained.

    Raises UserError where it cannot be, as where a user's own module is not there, or not the one of then.
    """
    if stored.failure is not None:
        raise UserError(
            f"{name}: the trial failed ({in_a_line(stored.failure)}), so that there is no result to verify; "
            "`bnexp run` with --retry-failed trains it again"
        )
    if stored.protocol != PROTOCOL:
        raise UserError(
            f"{name}: trained by protocol {stored.protocol}, and this bnexp trains by protocol {PROTOCOL}; "
            f"verify it with a version that has protocol {stored.protocol}"
        )
    try:
        spec = TrialSpec.model_validate(stored.spec)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise UserError(f"{name}: this version does not accept its spec: {where}: {fault['msg']}") from None
    for code in code_of(spec, search_path).values():
        try:
            found = code.digest()
        except ValueError as error:
            hint = "; say where the module lies with --modules" if "no module" in str(error) else ""
            raise UserError(f"{name}: {error}{hint}") from None
        if code.source is not None and found != code.source:
            raise UserError(
                f"{name}: the file of {code.reference} is not the one that it was trained with (SHA-256 {found[:12]} "
                f"now, {code.source[:12]} then); put that one back to verify it"
            )
    trial = Trial(spec, stored.seed, tuple(search_path))
    if trial.identity != stored.identity:
        raise UserError(
            f"{name}: its spec leads to another trial, {trial.identity[:16]}; it was written by another version of "
            "bnexp, or changed by hand"
        )
    return trial
