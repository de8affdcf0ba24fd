"""The results folder: one record per trial, written whole or not at all, and one plan per experiment.

<root>/trials/<readable>-<16 digits>/record.json     presence means finished (ok, diverged or failed)
<root>/trials/<readable>-<16 digits>/run.log         what the worker printed, from its start
<root>/experiments/<name>.json                       what the experiment consists of
"""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bnexp.errors import UserError
from bnexp.experiment.trial import Trial
from bnexp.results.record import TrialRecord


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
        """The trial's record, or None if it has not finished.

        Raises UserError if there is one that is damaged, of another schema, or not this trial's.
        """
        path = self.folder(trial) / "record.json"
        if not path.exists():
            return None
        record = read_record(path)
        if record.identity != trial.identity:
            raise UserError(f"{path}: holds the trial {record.identity[:16]}, not {trial.identity[:16]}; move it away")
        return record

    def write(self, trial: Trial, record: TrialRecord) -> Path:
        """Store a record atomically; an earlier one of the same trial is replaced."""
        path = self.folder(trial) / "record.json"
        write_atomically(path, json_text(record.model_dump(mode="json")))
        return path

    def records(self) -> Iterator[TrialRecord]:
        """Every record in the folder, in order of folder names; raises UserError at a damaged one."""
        for path in sorted(self.root.glob("trials/*/record.json")):
            yield read_record(path)

    def write_plan(self, name: str, plan: dict[str, Any]) -> None:
        """Store what an experiment consists of (`results.plan`)."""
        write_atomically(self.root / "experiments" / f"{name}.json", json_text(plan))


def read_record(path: Path) -> TrialRecord:
    """A record from its file; raises UserError with the reason where it cannot be read."""
    try:
        return TrialRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise UserError(f"{path}: not a readable record ({reason}); move it away to train this trial again") from None


def json_text(data: Any) -> str:
    """JSON for people and programs: indented, UTF-8, no NaN, a newline at the end."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that at any moment, even at a power cut, it is the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
