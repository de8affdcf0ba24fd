"""The format of a trial's record: raw measurements with their units, versioned, JSON without NaN.

A number that was not finite (a diverged loss) is stored as null.  A record of an older schema is never rewritten, but
migrated each time it is read.  `results/README.md` explains every key.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from bnexp.specs.trial import StoredSpec
from bnexp.specs.values import Frozen

SCHEMA_VERSION: Final = 3

Floats = float | None
"""A finite number, or None for one that was not finite."""

Ints = Annotated[tuple[int, ...], Field(strict=False)]


class _Extended(Frozen):
    """What was given further fields later: without a key in the file where one of them is None."""

    @model_serializer(mode="wrap")
    def _without_what_is_absent(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        fields = type(self).model_fields
        return {key: value for key, value in found.items() if value is not None or fields[key].is_required()}


class Evaluation(_Extended):
    """One look at the model during training."""

    step: int
    """Optimizer steps done."""
    examples: int
    """Training examples seen."""
    epoch: float
    """Passes over the training examples done."""
    seconds: float
    """Seconds of training so far, without compilation and evaluation."""
    train_loss: Floats
    """Mean cross-entropy (nats) over the examples trained on since the previous evaluation, in training mode,
    each taken before the update that it causes; without any penalty."""
    train_accuracy: Floats
    """Share of the same examples that were classified correctly at that moment, 0 to 1."""
    train_penalty: Floats = None
    """Mean over the same examples of what the model added to the loss itself (regularizers, `add_loss`), likewise.
    None, and without a key in the file, where it adds nothing."""
    validation_loss: Floats
    """Mean cross-entropy (nats) over all validation examples, in inference mode; None without a validation split."""
    validation_accuracy: Floats
    recalibrated_loss: Floats = None
    """As `validation_loss`, of the same weights under statistics recomputed over 2,000 training images: what was
    learned, where `validation_loss`, under moving averages, is what would be deployed.  This and the next are None,
    and without a key in the file, where the method keeps no statistics that can be recomputed."""
    recalibrated_accuracy: Floats = None


class ProbeLook(Frozen):
    """What a probe has measured after some step."""

    step: int
    """Optimizer steps done; 0 before the first."""
    values: dict[str, dict[str, Floats]]
    """Name of the number (`specs.probes` has its unit) to the layer that it is of, `model` for the whole, to it."""


class Test(_Extended):
    """The one look at the test set, after the last step, in inference mode."""

    examples: int
    loss: Floats
    accuracy: float
    examples_per_class: Ints
    correct_per_class: Ints
    missed: Ints
    """Indices of the test images that were misclassified, in the dataset's own order, increasing."""
    labels: Ints | None = None
    """The true class of each of these; None in records of earlier versions, as is `predicted`."""
    predicted: Ints | None = None
    """The class that each of them was taken for."""


class Brief(Frozen):
    """Test figures under other statistics."""

    loss: Floats
    accuracy: float


class OtherStatistics(Frozen):
    """The same weights on the same test images, if the method depends on the batch; `test` is under moving averages."""

    batch: Brief
    """Statistics of each batch, at the training batch size, test images in the dataset's own order."""
    recalibrated: Brief
    """Statistics recomputed over training images."""
    recalibration_examples: int


class Parameters(Frozen):
    """How many numbers the model holds."""

    trainable: int
    non_trainable: int
    normalization: int
    """Of the trainable ones, those of normalization layers, and the gains of weight normalization."""


class Fingerprints(Frozen):
    """Short SHA-256 digests by which two trials prove that they are a pair."""

    weights: dict[str, str]
    """Initial value of each weight by path, such as `conv1/kernel`."""
    normalization: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Those of these paths that belong to normalization layers: how they start is the method's own affair."""
    order: str
    """Indices of the training examples, in the order of all epochs."""
    validation: str
    """Indices of the validation examples."""


class Seconds(Frozen):
    """Wall-clock time of the parts of a trial."""

    data: float
    compile: float
    train: float
    evaluate: float
    total: float


class Failure(Frozen):
    """Why a trial has no result."""

    kind: str
    """Name of the exception, or `signal`, `exit`, `timeout`, `lost`."""
    message: str
    traceback: str


class TrialRecord(Frozen):
    """All that is kept of one trial."""

    schema_version: Literal[3] = SCHEMA_VERSION
    protocol: int
    identity: str
    """SHA-256 of the canonical spec, the seed and the protocol version."""
    spec: StoredSpec
    seed: int
    status: Literal["ok", "diverged", "failed"]
    diverged_at_step: int | None = None
    """First step whose training loss was not finite."""
    started: str
    """UTC, ISO 8601."""
    evaluations: Annotated[tuple[Evaluation, ...], Field(strict=False)] = ()
    probes: dict[str, Annotated[tuple[ProbeLook, ...], Field(strict=False)]] = Field(default_factory=dict)
    """What each of the spec's probes has measured, in the order of the steps; of a diverged trial, until then."""
    trained: bool | None = None
    """Whether the last evaluation is above guessing by the spec's `training.trained` of what is left above it, under
    recomputed statistics where there are some; False if diverged, None without a validation split."""
    test: Test | None = None
    """None unless the status is ok."""
    other_statistics: OtherStatistics | None = None
    """None unless the status is ok and the method depends on the batch."""
    train_examples: int | None = None
    validation_examples: int | None = None
    parameters: Parameters | None = None
    fingerprints: Fingerprints | None = None
    data_hash: str | None = None
    """SHA-256 of the dataset's arrays."""
    seconds: Seconds | None = None
    peak_memory_bytes: int | None = None
    """Of the worker process, up to the end of this trial."""
    execution: dict[str, Any] = Field(default_factory=dict)
    """How it was computed: device, threads, precision, way of the training loop, XLA, determinism, jobs."""
    environment: dict[str, Any] = Field(default_factory=dict)
    """Versions, machine, git commit (`records.environment`)."""
    failure: Failure | None = None

    @model_validator(mode="before")
    @classmethod
    def _migrated(cls, data: Any) -> Any:
        return migrated(data) if isinstance(data, dict) else data


Data = dict[str, Any]


def _names_its_normalization(record: Data) -> Data:
    """2: a record says which weights belong to normalization; in 1 they were known by the names of our own layers."""
    if not (fingerprints := record.get("fingerprints")):
        return record
    found = [path for path in fingerprints["weights"] if path.rpartition("/")[0].endswith("_norm")]
    return {**record, "fingerprints": {**fingerprints, "normalization": found}}


def _has_no_probes(record: Data) -> Data:
    """3: a record says what probes measured; until 2 there were none."""
    return {**record, "probes": {}}


MIGRATIONS: dict[int, Callable[[Data], Data]] = {1: _names_its_normalization, 2: _has_no_probes}
"""From each earlier version of a record's schema, the step to the next."""


def migrated(record: Data) -> Data:
    """A record of any schema so far as one of the newest; anything else is left as it is, for the model to refuse."""
    while (version := record.get("schema_version")) in MIGRATIONS:
        record = {**MIGRATIONS[version](record), "schema_version": version + 1}
    return record


class Progress(Frozen):
    """How far a running trial is; shown, never stored."""

    epoch: int
    """The epoch being trained, from 1."""
    epochs: int
    step: int
    steps: int
    validation_accuracy: Floats = None
    """At the latest evaluation, 0 to 1."""
    cautions: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """What is known of a user's own dataset since it was loaded, and may surprise; with step 0."""
