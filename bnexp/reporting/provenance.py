"""How the results were obtained: data, machine, versions, commits and commands, as a table of two columns."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import pandas as pd

from bnexp.records.frames import read
from bnexp.records.plan import StoredPlan
from bnexp.records.record import TrialRecord
from bnexp.records.store import Store
from bnexp.reporting.numbers import ABSENT, significant
from bnexp.specs.datasets import DATASETS

PART_OF = {"mnist-5k": "MNIST"}
"""Datasets that are a sample of another: never passed off as the whole."""

Value = Callable[[TrialRecord], str | None]


def provenance(store: Store, plan: StoredPlan, *, commands: Sequence[str] = ()) -> pd.DataFrame:
    """Columns `what` and `value`, both text; where the trials differ, each value with the number of its trials."""
    records = [planned.record for planned in read(store, plan) if planned.record is not None]
    trained = [record for record in records if record.status != "failed"]
    rows = [
        *_each("data", trained, _data),
        *_each("data SHA-256", trained, lambda record: record.data_hash),
        *(("caution", text) for text in dict.fromkeys(chain.from_iterable(map(_cautions, trained)))),
        *_each("device", trained, _device),
        *_each("processor", records, _processor),
        *_each("platform", records, _environment("platform")),
        *_each("versions", records, _versions),
        *_each("bnexp commit", records, _commit),
        *_each("started", records, lambda record: record.started[:10]),
        *(("command", command) for command in commands),
    ]
    return pd.DataFrame(rows, columns=["what", "value"], dtype="object")


def _each(what: str, records: Sequence[TrialRecord], value: Value) -> list[tuple[str, str]]:
    """One row per value that occurs, most frequent first."""
    counts = Counter(value(record) or ABSENT for record in records)
    if len(counts) == 1:
        return [(what, next(iter(counts)))]
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(what, f"{text} ({n} of {len(records)} trials)") for text, n in ordered]


def _data(record: TrialRecord) -> str:
    spec = record.spec["data"]
    name = str(spec["name"])
    known = DATASETS.get(name)
    title = known.title if known else name
    if name in PART_OF:
        title += f", not the whole of {PART_OF[name]}"
    if record.train_examples is None:
        return title
    parts = f"{record.train_examples:,} to train, {record.validation_examples or 0:,} to validate"
    if record.test is not None:
        parts += f", {record.test.examples:,} to test"
    elif known:
        parts += f", {known.test:,} to test"
    return f"{title}: {parts}; {_extent(record, known.train if known else None)}"


def _cautions(record: TrialRecord) -> tuple[str, ...]:
    """What was said of the data when they had been loaded."""
    return tuple(record.execution.get("cautions", ()))


def _extent(record: TrialRecord, available: int | None) -> str:
    used = (record.train_examples or 0) + (record.validation_examples or 0)
    if available is None:
        pixels = record.execution.get("pixels")
        return "a dataset of the user's own" + (f", images of {pixels}" if pixels else "")
    if used == available:
        return "all training images used"
    return f"only {used:,} of the {available:,} training images used"


def _device(record: TrialRecord) -> str | None:
    execution = record.execution
    if "device" not in execution:
        return None
    text = str(execution["device"])
    for key, one, many in (("threads", "thread", "threads"), ("jobs", "trial at a time", "trials at a time")):
        if (number := execution.get(key)) is not None:
            text += f", {number} {one if number == 1 else many}"
    return text


def _processor(record: TrialRecord) -> str | None:
    environment = record.environment
    if environment.get("cpu") is None:
        return None
    text = str(environment["cpu"])
    if (cores := environment.get("cores")) is not None:
        text += f", {cores} {'core' if cores == 1 else 'cores'}"
    if (memory := environment.get("memory_bytes")) is not None:
        text += f", {significant(memory / 2**30, 3)} GiB"
    return text


def _versions(record: TrialRecord) -> str | None:
    names = ("bnexp", "python", "tensorflow", "keras", "numpy")
    known = {name: record.environment.get(name) for name in names}
    return ", ".join(f"{name} {version}" for name, version in known.items() if version) or None


def _commit(record: TrialRecord) -> str | None:
    commit = record.environment.get("git_commit")
    if commit is None:
        return None
    return f"{commit[:12]}{', with changes' if record.environment.get('git_dirty') else ''}"


def _environment(key: str) -> Value:
    def value(record: TrialRecord) -> str | None:
        found: Any = record.environment.get(key)
        return None if found is None else str(found)

    return value
