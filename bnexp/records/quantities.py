"""Everything that is measured of a trial, each once: its name, unit, direction, and how to get it from a record.

Tables (`frames`), the metrics of comparisons, the audit of confounds, `bnexp verify` and the documentation go through
these lists; a new measurement is one entry here beside its place in the record.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bnexp.records.record import Evaluation, TrialRecord

Get = Callable[[Any], Any]
Affects = Literal["", "results", "seconds", "both"]
Agreement = Literal["", "exact", "loss", "share", "detail"]


@dataclass(frozen=True)
class Quantity:
    """One figure of a record, or of one evaluation in it."""

    name: str
    """Of its column; as in the record where that has one place for it."""
    label: str
    """What it is, in words."""
    get: Get
    """From a `TrialRecord`, or an `Evaluation`; None where there is none."""
    unit: str = ""
    column: str = "object"
    """Type of its column in pandas; "" where it has none."""
    better: Literal["", "higher", "lower"] = ""
    agreement: Agreement = ""
    """How two trainings of one trial must agree in it: exactly; as a loss, or as a share, within the tolerance;
    `detail`: it follows from others, and counts for identity alone; "": it belongs to the machine."""
    images: Callable[[TrialRecord], int | None] = lambda _: None
    """Of a share: how many images it is one of."""
    affects: Affects = ""
    """What would be confounded if it differed within a pair; "" where it is not looked at."""
    follows: tuple[str, ...] = ()
    """Keys of the spec from whose difference one of this follows."""
    optional: bool = False
    """Whether its absence on both sides is no gap."""
    whole: bool = False
    """Whether it is asked of trainings that went to their end alone; a diverged one stopped where it did."""
    of_machine: bool = False
    """Whether it tells where and how a trial was computed, and nothing of the trial itself."""


def of(key: str) -> Get:
    """The getter of a dotted path; None where any part of it is absent."""

    def get(record: Any) -> Any:
        found = record
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
            if found is None:
                return None
        return found

    return get


def last(key: str) -> Get:
    """The getter of a figure of the last evaluation."""
    return lambda record: getattr(record.evaluations[-1], key) if record.evaluations else None


def surroundings(record: TrialRecord) -> dict[str, str] | None:
    """What a record tells of where and how its trial was computed that bears on its seconds, by label.

    None where it does not tell device, processor, threads and trials at a time: then its seconds compare with nothing.
    """
    found = {each.label: each.get(record) for each in QUANTITIES if each.affects in ("seconds", "both")}
    if any(found[label] is None for label in ("device", "processor", "threads", "trials at a time")):
        return None
    return {label: text(value) for label, value in found.items() if value is not None}


def text(value: Any) -> str:
    """A value for people: numbers grouped, hashes by their first twelve digits."""
    if value is None:
        return "not recorded"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    return plain(value)


def plain(value: Any) -> str:
    """A value as a config would show it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(plain, value))}]"
    found = str(value)
    return found[:12] if len(found) == 64 and set(found) <= set("0123456789abcdef") else found


def _json(get: Get) -> Get:
    return lambda record: None if (found := get(record)) is None else json.dumps(found, sort_keys=True)


def _images_per_second(record: TrialRecord) -> float | None:
    done = record.evaluations[-1] if record.evaluations else None
    return done.examples / done.seconds if done and done.seconds > 0 else None


def _commit(record: TrialRecord) -> str | None:
    commit = record.environment.get("git_commit")
    return commit and f"{commit[:12]}{', with changes' if record.environment.get('git_dirty') else ''}"


def _memory(record: TrialRecord) -> str | None:
    size = record.environment.get("memory_bytes")
    return None if size is None else f"{size / 2**30:.3g} GiB"


def _machine(name: str, label: str, key: str, affects: Affects, **more: Any) -> Quantity:
    """Where or how a trial was computed."""
    return Quantity(name, label, more.pop("get", None) or of(key), affects=affects, of_machine=True, **more)


TESTED = of("test.examples")
VALIDATED = of("validation_examples")
_MODEL = ("model", "norm", "data")
_STEPS = ("data", "training")

QUANTITIES: tuple[Quantity, ...] = (
    Quantity("status", "status", of("status"), agreement="exact"),
    Quantity("diverged_at_step", "diverged at step", of("diverged_at_step"), "step", "Int64", agreement="exact"),
    Quantity(
        "test_accuracy", "test accuracy", of("test.accuracy"), "share", "float64", "higher", "share", images=TESTED
    ),
    Quantity("test_loss", "test loss", of("test.loss"), "nats", "float64", "lower", "loss"),
    Quantity(
        "test_accuracy_batch_statistics",
        "test accuracy with each batch's own statistics",
        of("other_statistics.batch.accuracy"),
        "share",
        "float64",
        "higher",
        "share",
        images=TESTED,
    ),
    Quantity(
        "test_accuracy_recalibrated",
        "test accuracy under recalibrated statistics",
        of("other_statistics.recalibrated.accuracy"),
        "share",
        "float64",
        "higher",
        "share",
        images=TESTED,
    ),
    Quantity(
        "validation_accuracy",
        "validation accuracy at the end",
        last("validation_accuracy"),
        "share",
        "float64",
        "higher",
        images=VALIDATED,
    ),
    Quantity("train_loss", "training loss at the end", last("train_loss"), "nats", "float64", "lower"),
    Quantity("train_accuracy", "training accuracy at the end", last("train_accuracy"), "share", "float64", "higher"),
    Quantity(
        "parameters_trainable",
        "trainable parameters",
        of("parameters.trainable"),
        "",
        "Int64",
        agreement="exact",
        affects="results",
        follows=_MODEL,
    ),
    Quantity(
        "parameters_non_trainable",
        "parameters not trained",
        of("parameters.non_trainable"),
        "",
        "Int64",
        agreement="exact",
        affects="results",
        follows=_MODEL,
    ),
    Quantity(
        "parameters_normalization",
        "normalization parameters",
        of("parameters.normalization"),
        "",
        "Int64",
        agreement="exact",
        affects="results",
        follows=_MODEL,
    ),
    Quantity("steps", "steps", last("step"), "steps", "Int64", affects="results", follows=_STEPS, whole=True),
    Quantity(
        "train_examples",
        "training images",
        of("train_examples"),
        "images",
        "Int64",
        agreement="exact",
        affects="results",
        follows=("data",),
    ),
    Quantity(
        "validation_examples",
        "validation images",
        of("validation_examples"),
        "images",
        "Int64",
        agreement="exact",
        affects="results",
        follows=("data",),
    ),
    Quantity("seconds_train", "seconds of training", of("seconds.train"), "s", "float64", "lower"),
    Quantity("seconds_compile", "seconds of compilation", of("seconds.compile"), "s", "float64"),
    Quantity("seconds_evaluate", "seconds of evaluation", of("seconds.evaluate"), "s", "float64"),
    Quantity("seconds_total", "seconds in all", of("seconds.total"), "s", "float64"),
    Quantity("images_per_second", "training images per second", _images_per_second, "images/s", "float64"),
    Quantity("peak_memory_bytes", "peak memory", of("peak_memory_bytes"), "bytes", "Int64"),
    Quantity("identity", "identity", of("identity")),
    Quantity(
        "data_hash", "data", of("data_hash"), agreement="exact", affects="results", follows=("data.name", "data.source")
    ),
    Quantity("order_fingerprint", "order of the examples", of("fingerprints.order"), agreement="exact"),
    Quantity("validation_fingerprint", "validation split", of("fingerprints.validation"), agreement="exact"),
    Quantity("initial_weights", "initial weights", _json(of("fingerprints.weights"))),
    # What has no column in the tables.
    Quantity(
        "examples",
        "images seen",
        last("examples"),
        "images",
        "",
        affects="results",
        follows=_STEPS,
        whole=True,
    ),
    Quantity("validation_loss", "validation loss at the end", last("validation_loss"), "nats", "", "lower"),
    Quantity("test_examples", "test images", TESTED, "images", "", agreement="exact"),
    Quantity(
        "test_examples_per_class", "test images per class", of("test.examples_per_class"), "", "", agreement="exact"
    ),
    Quantity("test_correct_per_class", "correct per class", of("test.correct_per_class"), "", "", agreement="detail"),
    Quantity("test_missed", "misclassified test images", of("test.missed"), "", "", agreement="detail"),
    Quantity(
        "test_loss_batch_statistics",
        "test loss with each batch's own statistics",
        of("other_statistics.batch.loss"),
        "nats",
        "",
        "lower",
        "loss",
    ),
    Quantity(
        "test_loss_recalibrated",
        "test loss under recalibrated statistics",
        of("other_statistics.recalibrated.loss"),
        "nats",
        "",
        "lower",
        "loss",
    ),
    Quantity("protocol", "protocol", of("protocol"), "", "", affects="results"),
    _machine("bnexp", "bnexp", "environment.bnexp", "results", column=""),
    _machine("commit", "bnexp commit", "", "results", column="", get=_commit, optional=True),
    _machine("tensorflow", "TensorFlow", "environment.tensorflow", "both", column=""),
    _machine("keras", "Keras", "environment.keras", "both", column=""),
    _machine("numpy", "NumPy", "environment.numpy", "results", column=""),
    _machine("python", "Python", "environment.python", "seconds", column=""),
    _machine("device", "device", "execution.device", "both"),
    _machine("device_name", "device name", "execution.device_name", "both"),
    _machine("processor", "processor", "environment.cpu", "both"),
    _machine("threads", "threads", "execution.threads", "both", column="Int64"),
    _machine("deterministic", "determinism", "execution.deterministic", "both", column=""),
    _machine("precision", "precision", "execution.precision", "both", column=""),
    # It follows from batch size and number of steps, besides the device.
    _machine("step", "execution (graph or XLA)", "execution.step", "results", column="", follows=_STEPS),
    _machine("jobs", "trials at a time", "execution.jobs", "seconds", column="Int64"),
    _machine("cores", "cores", "environment.cores", "seconds", column=""),
    _machine("memory", "memory", "", "seconds", column="", get=_memory),
    _machine("platform", "platform", "environment.platform", "seconds", column=""),
    Quantity("surroundings", "all that bears on seconds", _json(surroundings)),
)
"""Of a whole trial, in the order of the columns; then, in the order in which differences are told, the others."""

EVALUATION: tuple[Quantity, ...] = (
    Quantity("step", "step", of("step"), "steps", "int64", agreement="exact"),
    Quantity("examples", "training images seen", of("examples"), "images", "int64", agreement="exact"),
    Quantity("epoch", "passes over the training images", of("epoch"), "epochs", "float64", agreement="exact"),
    Quantity("seconds", "seconds of training so far", of("seconds"), "s", "float64"),
    Quantity("train_loss", "training loss", of("train_loss"), "nats", "float64", "lower", "loss"),
    Quantity("train_accuracy", "training accuracy", of("train_accuracy"), "share", "float64", "higher", "share"),
    Quantity("validation_loss", "validation loss", of("validation_loss"), "nats", "float64", "lower", "loss"),
    Quantity(
        "validation_accuracy",
        "validation accuracy",
        of("validation_accuracy"),
        "share",
        "float64",
        "higher",
        "share",
        images=VALIDATED,
    ),
)
"""Of one evaluation, in the order of the columns."""

QUANTITY = {each.name: each for each in QUANTITIES}


def row(record: TrialRecord | Evaluation, quantities: Sequence[Quantity]) -> dict[str, Any]:
    """The values of those quantities that have a column, by name."""
    return {each.name: each.get(record) for each in quantities if each.column}


def columns(quantities: Iterable[Quantity]) -> dict[str, str]:
    """Name to pandas type of those that have a column."""
    return {each.name: each.column for each in quantities if each.column}
