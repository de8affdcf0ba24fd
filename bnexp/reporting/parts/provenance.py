"""How the results were obtained: data, machine, versions, commits and commands, as a table of two columns."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import pandas as pd

from bnexp.evidence.experiment import Evidence
from bnexp.records.quantities import QUANTITY
from bnexp.records.record import TrialRecord
from bnexp.reporting.numbers import ABSENT, significant
from bnexp.reporting.part import Context, Part, Table
from bnexp.reporting.phrases import counted
from bnexp.specs.datasets import DATASETS

PART_OF = {"mnist-5k": "MNIST"}
"""Datasets that are a sample of another: never passed off as the whole."""

Value = Callable[[TrialRecord], str | None]


def data(evidence: Evidence, _: Context) -> Part:
    """What the networks were trained on, and how much of it."""
    trained = [record for record in _records(evidence) if record.status != "failed"]
    return Part(region="conclusions", paragraphs=tuple(f"Data: {value}." for _, value in _each("data", trained, _data)))


def provenance(evidence: Evidence, context: Context) -> Part:
    """All of it."""
    text = table(_records(evidence), context.commands)
    caption = f"How {evidence.plan.name} was obtained"
    return Part("How it was obtained", tables=(Table(caption, text, definitions=True),))


def _records(evidence: Evidence) -> list[TrialRecord]:
    return [each.record for each in evidence.planned if each.record is not None]


def table(records: Sequence[TrialRecord], commands: Sequence[str] = ()) -> pd.DataFrame:
    """Columns `what` and `value`, both text; where the trials differ, each value with the number of its trials."""
    trained = [record for record in records if record.status != "failed"]
    rows = [
        *_each("data", trained, _data),
        *_each("data SHA-256", trained, lambda record: record.data_hash),
        *(("caution", text) for text in dict.fromkeys(chain.from_iterable(map(_cautions, trained)))),
        *_each("device", trained, _device),
        *_each("processor", records, _processor),
        *_each("platform", records, QUANTITY["platform"].get),
        *_each("versions", records, _versions),
        *_each("bnexp commit", records, QUANTITY["commit"].get),
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
    """`cpu, 1 thread, 2 trials at a time`."""
    return _joined(
        record.execution, "device", ("threads", "thread", "threads"), ("jobs", "trial at a time", "trials at a time")
    )


def _processor(record: TrialRecord) -> str | None:
    """`A processor, 2 cores, 24.0 GiB`."""
    text, memory = (
        _joined(record.environment, "cpu", ("cores", "core", "cores")),
        record.environment.get("memory_bytes"),
    )
    return text if text is None or memory is None else f"{text}, {significant(memory / 2**30, 3)} GiB"


def _joined(known: Mapping[str, Any], name: str, *counts: tuple[str, str, str]) -> str | None:
    """What `name` says, and those of the counts that are known."""
    if known.get(name) is None:
        return None
    numbers = [counted(known[key], one, many) for key, one, many in counts if known.get(key) is not None]
    return ", ".join([str(known[name]), *numbers])


def _versions(record: TrialRecord) -> str | None:
    names = ("bnexp", "python", "tensorflow", "keras", "numpy")
    known = {name: record.environment.get(name) for name in names}
    return ", ".join(f"{name} {version}" for name, version in known.items() if version) or None
