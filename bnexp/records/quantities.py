"""Everything that is measured of a trial, each once: its name, unit, direction, and how to get it from a record.

Tables (`frames`), the metrics of comparisons, the audit of confounds, `bnexp verify` and the documentation go through
these lists; a new measurement is one entry here beside its place in the record.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else plain(value)


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


TESTED = of("test.examples")
VALIDATED = of("validation_examples")


_accuracy = partial(Quantity, unit="share", column="float64", better="higher", agreement="share")
_tested = partial(_accuracy, images=TESTED)
_loss = partial(Quantity, unit="nats", column="", better="lower", agreement="loss")
_seconds = partial(Quantity, unit="s", column="float64")
# A count that follows from the spec, and would confound where it did not.
_size = partial(Quantity, column="Int64", agreement="exact", affects="results")


def _machine(name: str, label: str, get: Get | str, affects: Affects, column: str = "", **more: Any) -> Quantity:
    """Where or how a trial was computed."""
    get = of(get) if isinstance(get, str) else get
    return Quantity(name, label, get, "", column, affects=affects, of_machine=True, **more)


_MODEL, _STEPS = ("model", "norm", "data"), ("data", "training")
_OTHER, _BATCH, _RECAL = "other_statistics", "each batch's own statistics", "recalibrated statistics"

QUANTITIES: tuple[Quantity, ...] = (
    Quantity("status", "status", of("status"), agreement="exact"),
    Quantity("diverged_at_step", "diverged at step", of("diverged_at_step"), "step", "Int64", agreement="exact"),
    Quantity("trained", "trained", of("trained"), column="boolean", agreement="exact"),
    _tested("test_accuracy", "test accuracy", of("test.accuracy")),
    _loss("test_loss", "test loss", of("test.loss"), column="float64"),
    _tested("test_accuracy_batch_statistics", f"test accuracy with {_BATCH}", of(f"{_OTHER}.batch.accuracy")),
    _tested("test_accuracy_recalibrated", f"test accuracy under {_RECAL}", of(f"{_OTHER}.recalibrated.accuracy")),
    _accuracy(
        "validation_accuracy",
        "validation accuracy at the end",
        last("validation_accuracy"),
        images=VALIDATED,
        agreement="",
    ),
    _loss("train_loss", "training loss at the end", last("train_loss"), column="float64", agreement=""),
    Quantity("train_accuracy", "training accuracy at the end", last("train_accuracy"), "share", "float64", "higher"),
    _size("parameters_trainable", "trainable parameters", of("parameters.trainable"), follows=_MODEL),
    _size("parameters_non_trainable", "parameters not trained", of("parameters.non_trainable"), follows=_MODEL),
    _size("parameters_normalization", "normalization parameters", of("parameters.normalization"), follows=_MODEL),
    _size("steps", "steps", last("step"), "steps", follows=_STEPS, agreement="", whole=True),
    _size("train_examples", "training images", of("train_examples"), "images", follows=("data",)),
    _size("validation_examples", "validation images", VALIDATED, "images", follows=("data",)),
    _seconds("seconds_train", "seconds of training", of("seconds.train"), better="lower"),
    _seconds("seconds_compile", "seconds of compilation", of("seconds.compile")),
    _seconds("seconds_evaluate", "seconds of evaluation", of("seconds.evaluate")),
    _seconds("seconds_total", "seconds in all", of("seconds.total")),
    Quantity("images_per_second", "training images per second", _images_per_second, "images/s", "float64"),
    Quantity("peak_memory_bytes", "peak memory", of("peak_memory_bytes"), "bytes", "Int64"),
    Quantity("identity", "identity", of("identity")),
    _size("data_hash", "data", of("data_hash"), follows=("data.name", "data.source"), column="object"),
    Quantity("order_fingerprint", "order of the examples", of("fingerprints.order"), agreement="exact"),
    Quantity("validation_fingerprint", "validation split", of("fingerprints.validation"), agreement="exact"),
    Quantity("initial_weights", "initial weights", _json(of("fingerprints.weights"))),
    # What has no column in the tables.
    _size("examples", "images seen", last("examples"), "images", follows=_STEPS, column="", agreement="", whole=True),
    _loss("validation_loss", "validation loss at the end", last("validation_loss"), agreement=""),
    Quantity("test_examples", "test images", TESTED, "images", "", agreement="exact"),
    Quantity("test_examples_per_class", "test images per class", of("test.examples_per_class"), "", "", "", "exact"),
    Quantity("test_correct_per_class", "correct per class", of("test.correct_per_class"), "", "", "", "detail"),
    Quantity("test_missed", "misclassified test images", of("test.missed"), "", "", "", "detail"),
    Quantity("test_predicted", "predicted classes of these", of("test.predicted"), "", "", "", "detail"),
    _loss("test_loss_batch_statistics", f"test loss with {_BATCH}", of(f"{_OTHER}.batch.loss")),
    _loss("test_loss_recalibrated", f"test loss under {_RECAL}", of(f"{_OTHER}.recalibrated.loss")),
    Quantity("protocol", "protocol", of("protocol"), column="", affects="results"),
    _machine("bnexp", "bnexp", "environment.bnexp", "results"),
    _machine("commit", "bnexp commit", _commit, "results", optional=True),
    _machine("tensorflow", "TensorFlow", "environment.tensorflow", "both"),
    _machine("keras", "Keras", "environment.keras", "both"),
    _machine("numpy", "NumPy", "environment.numpy", "results"),
    _machine("variables", "environment variables of TensorFlow", "environment.variables", "both", optional=True),
    _machine("python", "Python", "environment.python", "seconds"),
    _machine("device", "device", "execution.device", "both", "object"),
    _machine("device_name", "device name", "execution.device_name", "both", "object"),
    _machine("processor", "processor", "environment.cpu", "both", "object"),
    _machine("threads", "threads", "execution.threads", "both", "Int64"),
    _machine("deterministic", "determinism", "execution.deterministic", "both"),
    _machine("precision", "precision", "execution.precision", "both"),
    # Besides the device it follows from what XLA can compile, and until protocol 2 from batch size and steps.
    _machine("step", "execution (graph or XLA)", "execution.step", "results", follows=("model", "norm", *_STEPS)),
    _machine("jobs", "trials at a time", "execution.jobs", "seconds", "Int64"),
    _machine("cores", "cores", "environment.cores", "seconds"),
    _machine("memory", "memory", _memory, "seconds"),
    _machine("platform", "platform", "environment.platform", "seconds"),
    Quantity("surroundings", "all that bears on seconds", _json(surroundings)),
)
"""Of a whole trial, in the order of the columns; then, in the order in which differences are told, the others."""

EVALUATION: tuple[Quantity, ...] = (
    Quantity("step", "step", of("step"), "steps", "int64", agreement="exact"),
    Quantity("examples", "training images seen", of("examples"), "images", "int64", agreement="exact"),
    Quantity("epoch", "passes over the training images", of("epoch"), "epochs", "float64", agreement="exact"),
    Quantity("seconds", "seconds of training so far", of("seconds"), "s", "float64"),
    _loss("train_loss", "training loss", of("train_loss"), column="float64"),
    _accuracy("train_accuracy", "training accuracy", of("train_accuracy")),
    _loss("train_penalty", "losses that layers add", of("train_penalty")),
    _loss("validation_loss", "validation loss", of("validation_loss"), column="float64"),
    _accuracy("validation_accuracy", "validation accuracy", of("validation_accuracy"), images=VALIDATED),
    _loss("recalibrated_loss", f"validation loss under {_RECAL}", of("recalibrated_loss"), column="float64"),
    _accuracy(
        "recalibrated_accuracy", f"validation accuracy under {_RECAL}", of("recalibrated_accuracy"), images=VALIDATED
    ),
)
"""Of one evaluation, in the order of the columns."""

QUANTITY = {each.name: each for each in QUANTITIES}


def row(record: TrialRecord | Evaluation, quantities: Sequence[Quantity]) -> dict[str, Any]:
    """The values of those quantities that have a column, by name."""
    return {each.name: each.get(record) for each in quantities if each.column}
