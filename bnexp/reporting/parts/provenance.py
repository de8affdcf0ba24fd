"""How the results were obtained: data, machine, versions, commits and commands, as a table of two columns."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from bnexp.evidence.experiment import Evidence
from bnexp.records.quantities import QUANTITY
from bnexp.records.record import TrialRecord
from bnexp.reporting.numbers import ABSENT, significant
from bnexp.reporting.part import Context, Part, Table
from bnexp.reporting.phrases import counted
from bnexp.specs.datasets import DATASETS

PART_OF = {"mnist-5k": "MNIST"}  # datasets that are a sample of another: never passed off as the whole

Value = Callable[[TrialRecord], str | None]


def data(evidence: Evidence, _: Context) -> Part:
    """What the networks were trained on, and how much of it."""
    values = _each("data", _trained(_records(evidence)), _data)
    return Part(region="headline", paragraphs=tuple(f"Data: {value}." for _, value in values))


def provenance(evidence: Evidence, context: Context) -> Part:
    """All of it."""
    text = table(_records(evidence), context.commands)
    caption = f"How {evidence.plan.name} was obtained"
    return Part(
        "How it was obtained", "data, machine, versions, commands", tables=(Table(caption, text, definitions=True),)
    )


def _records(evidence: Evidence) -> list[TrialRecord]:
    return [each.record for each in evidence.planned if each.record is not None]


def _trained(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [record for record in records if record.status != "failed"]


def table(records: Sequence[TrialRecord], commands: Sequence[str] = ()) -> pd.DataFrame:
    """Columns `what` and `value`, both text; where the trials differ, each value with the number of its trials."""
    trained = _trained(records)
    cautions = (caution for record in trained for caution in record.execution.get("cautions", ()))
    rows = [
        *_each("data", trained, _data),
        *_each("data SHA-256", trained, lambda record: record.data_hash),
        *(("caution", text) for text in dict.fromkeys(cautions)),  # what was said of the data when they were loaded
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
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(what, text if len(counts) == 1 else f"{text} ({n} of {len(records)} trials)") for text, n in ordered]


def _data(record: TrialRecord) -> str:
    name = str(record.spec["data"]["name"])
    known = DATASETS.get(name)
    title = known.title if known else name
    if name in PART_OF:
        title += f", not the whole of {PART_OF[name]}"
    if record.train_examples is None:
        return title
    validation = record.validation_examples or 0
    parts = f"{record.train_examples:,} to train, {validation:,} to validate"
    if test := record.test.examples if record.test else known.test if known else None:
        parts += f", {test:,} to test"
    used, pixels = record.train_examples + validation, record.execution.get("pixels")
    if not known:
        extent = "a dataset of the user's own" + (f", images of {pixels}" if pixels else "")
    elif used == known.train:
        extent = "all training images used"
    else:
        extent = f"only {used:,} of the {known.train:,} training images used"
    return f"{title}: {parts}; {extent}"


def _device(record: TrialRecord) -> str | None:
    """`cpu, 1 thread, 2 trials at a time`."""
    return _joined(
        record.execution, "device", threads=("thread", "threads"), jobs=("trial at a time", "trials at a time")
    )


def _processor(record: TrialRecord) -> str | None:
    """`A processor, 2 cores, 24.0 GiB`."""
    text, memory = _joined(record.environment, "cpu", cores=("core", "cores")), record.environment.get("memory_bytes")
    return text if text is None or memory is None else f"{text}, {significant(memory / 2**30, 3)} GiB"


def _joined(known: Mapping[str, Any], name: str, **counts: tuple[str, str]) -> str | None:
    if known.get(name) is None:
        return None
    numbers = [counted(known[key], *nouns) for key, nouns in counts.items() if known.get(key) is not None]
    return ", ".join([str(known[name]), *numbers])


def _versions(record: TrialRecord) -> str | None:
    known = {name: record.environment.get(name) for name in ("bnexp", "python", "tensorflow", "keras", "numpy")}
    return ", ".join(f"{name} {version}" for name, version in known.items() if version) or None
