"""The results folder: one record per trial, written whole or not at all, and one plan per experiment.

<root>/trials/<readable>-<16 digits>/record.json     presence means finished (ok, diverged or failed)
<root>/trials/<readable>-<16 digits>/run.log         what the worker printed, from its start
<root>/experiments/<name>.json                       what the experiment consists of
"""

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bnexp.errors import UserError
from bnexp.records.plan import StoredPlan, united_plan
from bnexp.records.record import TrialRecord
from bnexp.specs.experiment import Experiment
from bnexp.specs.trial import Trial


class Store:
    """Reads and writes one results folder.  Only one process, the parent, writes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, trial: Trial) -> Path:
        """The trial's own folder, which may not exist yet."""
        return self.root / "trials" / trial.folder

    def log(self, trial: Trial) -> Path:
        """Where the output of the worker that trains this trial goes."""
        return self.folder(trial) / "run.log"

    def read(self, trial: Trial) -> TrialRecord | None:
        """The trial's record, or None if it has not finished; raises UserError as `read_folder` does."""
        return self.read_folder(trial.folder)

    def write(self, trial: Trial, record: TrialRecord) -> Path:
        """Store a record atomically; an earlier one of the same trial is replaced.

        Raises UserError where the disk or the folder does not take it; an earlier record is then still there.
        """
        path = self.folder(trial) / "record.json"
        with written(path):
            write_atomically(path, json_text(record.model_dump(mode="json")))
        return path

    def read_folder(self, name: str) -> TrialRecord | None:
        """The record in the folder of that name under `trials/`, or None.

        Raises UserError if there is one that is damaged, of another schema, or of another trial than the name says.
        """
        path = self.root / "trials" / name / "record.json"
        try:
            record = read_record(path)
        except FileNotFoundError:
            return None
        digits = name.rpartition("-")[2]
        if not record.identity.startswith(digits):
            raise UserError(f"{path}: holds the trial {record.identity[:16]}, not {digits}; move it away")
        return record

    def plan_file(self, name: str) -> Path:
        """Where the plan of an experiment is; raises UserError for a name that would leave the folder."""
        if not name or name.startswith(".") or "/" in name or "\0" in name:
            raise UserError(f"experiment name {name!r}: must not be empty, start with a dot or contain a slash")
        return self.root / "experiments" / f"{name}.json"

    def plans(self) -> list[str]:
        """Names of the experiments that have a plan here, sorted."""
        return sorted(path.stem for path in self.root.glob("experiments/*.json") if not path.name.startswith("."))

    def read_plan(self, name: str) -> StoredPlan | None:
        """The stored plan of an experiment, or None if it has none; raises UserError at a damaged one."""
        remedy = "move it away, and `bnexp run` with the config writes it anew"
        try:
            return _read(StoredPlan, self.plan_file(name), "plan", remedy)
        except FileNotFoundError:
            return None

    def keep_plan(self, experiment: Experiment) -> StoredPlan:
        """Store what an experiment consists of: united with the stored plan, or in its place if the config changed.

        Records are never touched: those of trials that no plan names any more stay in the folder.
        """
        plan = self.united(experiment)
        self.write_plan(plan.name, plan.model_dump(mode="json"))
        return plan

    def united(self, experiment: Experiment) -> StoredPlan:
        """What `keep_plan` would store."""
        return united_plan(experiment, self.read_plan(experiment.name), self._begun)

    def left_behind(self, experiment: Experiment) -> int:
        """How many finished trials the stored plan has that `keep_plan` will drop from it, the config being edited."""
        if (stored := self.read_plan(experiment.name)) is None:
            return 0
        folders = {name for point in stored.points for name in point.trials.values()}
        folders -= {name for point in united_plan(experiment, stored).points for name in point.trials.values()}
        return sum(map(self._begun, folders))

    def _begun(self, folder: str) -> bool:
        """Whether a trial has a record, whatever became of it."""
        return (self.root / "trials" / folder / "record.json").is_file()

    def write_plan(self, name: str, plan: dict[str, Any]) -> None:
        """Store a plan (`records.plan`) as it is, in place of an earlier one; raises UserError as `write` does."""
        path = self.plan_file(name)
        with written(path):
            write_atomically(path, json_text(plan))


def read_record(path: Path) -> TrialRecord:
    """A record from its file; raises FileNotFoundError, or UserError with the reason where it cannot be read."""
    return _read(TrialRecord, path, "record", "move it away to train this trial again")


Stored = TypeVar("Stored", TrialRecord, StoredPlan)


def _read(form: type[Stored], path: Path, noun: str, remedy: str) -> Stored:
    try:
        return form.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        reason = _reason(error, form.model_fields["schema_version"].default)
        raise UserError(f"{path}: not a readable {noun} ({reason}); {remedy}") from None


def _reason(error: ValidationError, version: int) -> str:
    """The fault that explains the others: another schema version if it is one, else the first that was found."""
    faults = error.errors()
    for fault in faults:
        if fault["loc"] == ("schema_version",):
            return f"schema version {fault['input']!r}; this bnexp reads version {version}"
    where = ".".join(map(str, faults[0]["loc"]))
    return f"{where}: {faults[0]['msg']}" if where else faults[0]["msg"]


@contextmanager
def written(path: Path) -> Iterator[None]:
    """A disk that is full or a folder that takes no files is a fault that the user can mend."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); every record stored so far is whole, "
            f"and the same command goes on once there is room and permission"
        ) from error


def json_text(data: Any) -> str:
    """JSON for people and programs: indented, UTF-8, no NaN, a newline at the end."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that at any moment, even at a power cut, it is the old one or the new one.

    Raises OSError, and then the old one, if any, is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            _sync(file.fileno())
        with suppress(PermissionError):  # network drives have modes of their own
            Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        _sync(folder)  # the new name itself must reach the disk
    finally:
        os.close(folder)


def _sync(descriptor: int) -> None:
    """Have the disk hold it; a file system that knows no such thing (network drives) does what it can anyway."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise
