"""One training: its spec, its identity by content, and the streams of random numbers that it draws from.

A `TrialSpec` holds everything that changes a result but the seed, and nothing else.  It is built from a config or by a
Python user; both get the same errors.
"""

import hashlib
import json
import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, ValidationError, model_validator

from bnexp.errors import UserError
from bnexp.specs.block import Block
from bnexp.specs.data import DataSpec
from bnexp.specs.datasets import ImageSet
from bnexp.specs.model import AnyModel, CnnSpec, LstmSpec, OwnModel
from bnexp.specs.norms.base import Norm, Placed
from bnexp.specs.norms.none import NoNorm
from bnexp.specs.norms.own import AnyNorm, OwnNorm
from bnexp.specs.norms.table import METHODS
from bnexp.specs.optimizer import OwnOptimizer
from bnexp.specs.probes import AnyProbes
from bnexp.specs.procedure import Federated
from bnexp.specs.training import TrainingSpec
from bnexp.specs.values import Frozen, canonical, named
from bnexp.specs.wording import every, listed

PROTOCOL = 3
"""Version of how a spec is trained and evaluated.  A change that changes results raises it, and with it
every identity: old records are then kept, and not mixed with new ones."""


class Problem(NamedTuple):
    """A value that is well-formed by itself and wrong beside the others."""

    path: tuple[str, ...]
    message: str
    beside: tuple[tuple[str, ...], ...] = ()
    """Paths of the others, the likeliest culprit first."""


class SpecError(ValueError):
    """Parts of a spec that do not fit each other."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{'.'.join(problem.path)}: {problem.message}" for problem in problems))
        self.problems = problems


class TrialSpec(Frozen):
    """Everything that one training depends on but its seed."""

    data: Annotated[DataSpec, named("mnist")] = DataSpec()
    model: AnyModel = CnnSpec()
    norm: AnyNorm = NoNorm()
    training: TrainingSpec = TrainingSpec()
    probes: AnyProbes = Field(
        (), description="what is measured of the training besides: names, or blocks of a name and keys"
    )

    @model_validator(mode="after")
    def _check(self) -> "TrialSpec":
        if found := problems(self):
            raise SpecError(found)
        return self


def authors(spec: TrialSpec) -> list[str]:
    """A user's own code that a trial of this spec calls while it trains: `model my_models:residual`, `norm ...`."""
    parts = [("model", spec.model), ("norm", spec.norm), ("training.optimizer", spec.training.optimizer)]
    return [f"{block} {part.name}" for block, part in parts if isinstance(part, OwnModel | OwnNorm | OwnOptimizer)]


def completed(spec: dict[str, Any]) -> dict[str, Any]:
    """A stored spec with the keys that it lacks, since later versions added them, at their defaults.

    One that today's version does not take, of an earlier protocol, stays as it is.
    """
    try:
        return TrialSpec.model_validate(spec).model_dump(mode="json")
    except ValidationError:
        return spec


StoredSpec = Annotated[dict[str, Any], AfterValidator(completed)]
"""A resolved spec as plain data, every key explicit."""


def problems(spec: TrialSpec, loaded: ImageSet | None = None) -> list[Problem]:
    """What is wrong between the parts of a spec whose parts are right by themselves; [] if nothing.

    Checked as far as the data are known: a user's own dataset is checked again once its sizes are `loaded`.
    """
    known = loaded or spec.data.known
    if conflicts := spec.model.conflicts():
        return [
            Problem(("model", key), message, tuple(("model", other) for other in beside))
            for key, message, beside in conflicts
        ]
    try:
        blocks = _blocks(spec, known)
    except ValueError as error:
        return [Problem(("model",), str(error))] if known else []
    found = [*_norm_problems(spec, blocks), *_probe_problems(spec, blocks)]
    of_training = _training_problems(spec.training)
    return [*found, *(of_training or (_data_problems(spec, known) if known else ()))]


def cautions(spec: TrialSpec, loaded: ImageSet | None = None) -> list[str]:
    """What is worth knowing of a spec before it is trained, although it can be; as far as the data are known."""
    try:
        blocks = _blocks(spec, loaded or spec.data.known)
    except ValueError:  # too small an image for the model, or so it would be of any size
        return []
    each = [spec.norm.caution(block, spec.training.batch_size) for block in blocks if spec.norm.takes(block)]
    return list(dict.fromkeys(text for text in [*each, _lag(spec, loaded or spec.data.known), _alike(spec)] if text))


def _alike(spec: TrialSpec) -> str:
    """What to say where the clients' own moving averages come to the same as common ones; "" elsewhere."""
    procedure = spec.training.procedure
    if not isinstance(procedure, Federated) or procedure.batch_statistics != "local":
        return ""
    if procedure.participants < procedure.clients or "momentum" not in type(spec.norm).model_fields:
        return ""
    return (
        "all clients train in every round, so that `local` moving averages, of which the mean is scored, are those of "
        "`average`, unless the method trains with them"
    )


def _lag(spec: TrialSpec, known: ImageSet | None) -> str:
    """What to say where moving averages cannot arrive within a training; "" where they can, or have no part in it."""
    momentum = getattr(spec.norm, "momentum", 0.0) if "momentum" in type(spec.norm).model_fields else 0.0
    recomputed = getattr(spec.training.procedure, "batch_statistics", "") == "recalibrate"
    if known is None or recomputed or not 0 < momentum < 1:
        return ""
    steps = spec.training.length(spec.data.train_examples(known.train))
    needed = math.ceil(math.log(_ARRIVED) / math.log(momentum))
    freezes = getattr(spec.norm, "freeze_after", None)
    if freezes is not None and freezes >= steps:
        return f"{spec.norm.name} freezes after {freezes} steps, and is trained for {steps}: it is batch normalization"
    if freezes is not None and freezes < needed:
        return (
            f"{spec.norm.name} freezes moving averages (momentum {momentum:g}) after {freezes} steps, and they arrive "
            f"after some {needed}: it trains on with what is left of 0 and 1, where they start"
        )
    if steps >= needed:
        return ""
    by_averages = hasattr(spec.norm, "r_max")  # it trains with them: no others fit its weights until they have arrived
    recalibrated = "" if by_averages else ", or judge by the scores under recalibrated statistics"
    return (
        f"{spec.norm.name} tests and validates with moving averages (momentum {momentum:g}), which arrive after some "
        f"{needed} steps, and is trained for {steps}: its accuracy may stay at guessing, whatever it learns. Train "
        f"longer, take smaller batches or a smaller momentum{recalibrated}"
    )


_ARRIVED = 1e-3
"""The weight of their initial values in moving averages below which these have arrived."""


def _blocks(spec: TrialSpec, known: ImageSet | None) -> list[Block]:
    """The hidden blocks; of a user's own dataset that is not loaded, those that any image has.  Raises ValueError."""
    if isinstance(spec.model, LstmSpec) and isinstance(spec.norm, Placed) and spec.norm.stands_in_cell:
        spec.model.blocks(known.shape if known else _ANY_IMAGE)
        return spec.model.cell(spec.norm.place)
    if known:
        return spec.model.blocks(known.shape)
    return [block for block in spec.model.blocks(_ANY_IMAGE) if block.kind != "inputs"]


def _norm_problems(spec: TrialSpec, blocks: list[Block]) -> list[Problem]:
    """Why the norm cannot stand in this model, or in one of its blocks; [] if it can."""
    norm, model = spec.norm, spec.model.name
    if isinstance(spec.model, OwnModel):
        return [Problem(("norm", wrong[0]), wrong[1])] if (wrong := _wrong_in_own_model(norm)) else []
    if wrong := _wrong_in_lstm(norm) if isinstance(spec.model, LstmSpec) else _wrong_outside(norm, model):
        return [Problem(("norm", wrong[0]), wrong[1])]
    if "layers" not in type(norm).model_fields:  # `none`
        return []
    kinds = list(dict.fromkeys(block.kind for block in blocks))
    if norm.not_dense and "conv" not in kinds:
        return [Problem(("norm", "name"), f"{norm.name} takes convolutions, and {model} has none: {norm.not_dense}")]
    if not any(norm.takes(block) for block in blocks):
        has = listed(kinds) or "no hidden layers"
        message = f"{model} has no layers of this kind that are normalized; it has {has}"
        return [Problem(("norm", "layers"), message)]
    refusals = [(block.kind, norm.refusal(block)) for block in blocks if norm.takes(block)]
    hints = {"inputs": "; layers: state leaves the inputs as they are"}
    return [Problem(("norm", wrong[0]), wrong[1] + hints.get(kind, "")) for kind, wrong in refusals if wrong]


def _wrong_in_lstm(norm: Norm) -> tuple[str, str] | None:
    """The key that is wrong and why, where a norm cannot stand on inputs and final state of an LSTM, or in its cell."""
    here = "the inputs and the final state of lstm have no"
    if norm.linear_target:
        return "name", f"{norm.name} acts on the kernel of a convolution or dense layer, and lstm normalizes none"
    if norm.brings_activation:
        return "name", f"{norm.name} stands in place of an activation, and those of lstm are inside its cell"
    if isinstance(norm, Placed) and norm.stands_in_cell:
        return _wrong_in_cell(norm)
    if getattr(norm, "place", None) == "after-activation":
        return "place", f"{here} activation behind them; leave the place out"
    if not norm.use_bias:
        return "use_bias", f"{here} linear layer before them; leave use_bias out"
    return None


def _wrong_outside(norm: Norm, model: str) -> tuple[str, str] | None:
    """The same in a model without a cell."""
    if isinstance(norm, Placed) and norm.stands_in_cell:
        return (
            "place",
            f"{norm.place} is a place in the cell of lstm, and {model} has before-activation and after-activation",
        )
    return None


def _wrong_in_cell(norm: Placed) -> tuple[str, str] | None:
    """The same in the cell."""
    if norm.cell_target is None:
        able = every([name for name, method in METHODS.items() if method.cell_target])
        return "place", f"{norm.name} has no form in the cell of lstm, only {able} have; leave the place out"
    if norm.layers != "all":
        return "layers", f"place: {norm.place} says what is normalized in the cell of lstm; leave layers out"
    if not norm.use_bias:
        return "use_bias", "the bias in the cell of lstm comes after what is normalized; leave use_bias out"
    return None


def _wrong_in_own_model(norm: Norm) -> tuple[str, str] | None:
    """The key that is wrong and why, where a user's own model cannot honour it."""
    whose = "which in a model of your own are its own"
    argument = "and make it an argument of the function, which a variant can give"
    if norm.linear_target:
        return "name", f"{norm.name} acts on the kernels of linear layers, {whose}"
    if norm.brings_activation:
        return "name", f"{norm.name} stands in place of activations, {whose}"
    if getattr(norm, "place", "before-activation") != "before-activation":
        return "place", f"a model of your own calls norm(x, name) in its place; leave this out, {argument}"
    if not norm.use_bias:
        return "use_bias", f"it is about linear layers, {whose}; leave it out, {argument}"
    if (layers := getattr(norm, "layers", "all")) not in ("all", "conv", "dense"):
        return "layers", f"{layers} is for lstm; a model of your own normalizes conv (N,H,W,C) and dense (N,C)"
    return None


def _probe_problems(spec: TrialSpec, blocks: list[Block]) -> list[Problem]:
    own = isinstance(spec.model, OwnModel)
    unknown = "looks at hidden layers and their activations, and which those are in a model of your own is not known"
    refusals = [
        (probe.name, unknown if own and probe.of_hidden else probe.refusal(blocks, spec.data.validation))
        for probe in spec.probes
    ]
    beside = (("model", "name"), ("data", "validation"))
    return [Problem(("probes",), f"{name} {reason}", beside) for name, reason in refusals if reason][:1]


_ANY_IMAGE = (1024, 1024, 1)  # of a user's own dataset only the channel counts are known in advance


def _training_problems(training: TrainingSpec) -> list[Problem]:
    steps, epochs = ("training", "steps"), ("training", "epochs")
    if isinstance(training.procedure, Federated):
        given = [path for path, value in ((steps, training.steps), (epochs, training.epochs)) if value is not None]
        return [Problem(path, "the rounds of federated training say how long; leave it out") for path in given[:1]]
    if training.steps is None and training.epochs is None:
        return [Problem(epochs, "give training.epochs or training.steps")]
    if training.steps is not None and training.epochs is not None:
        return [Problem(steps, "training.epochs says how long already; leave one of them out", (epochs,))]
    optimizer = training.optimizer
    if not isinstance(optimizer, OwnOptimizer) and optimizer.clipnorm and optimizer.global_clipnorm:
        path = ("training", "optimizer", "clipnorm")
        return [Problem(path, "global_clipnorm shortens the same gradients; leave one of them out")]
    return []


def _data_problems(spec: TrialSpec, known: ImageSet) -> list[Problem]:
    data, batch_size = spec.data, spec.training.batch_size
    validation, examples = data.validation_examples(known.train), data.train_examples(known.train)
    rest = known.train - validation
    if 0 < validation < known.classes:
        message = f"{validation} validation examples cannot hold each of the {known.classes} classes; use more, or 0"
        return [Problem(("data", "validation"), message)]
    if rest < known.classes:
        return [Problem(("data", "validation"), f"leaves {max(rest, 0)} of {known.train} examples to train on")]
    if data.train is not None and data.train > rest:
        message = f"{data.train} examples, but after the validation split {data.name} has {rest}"
        return [Problem(("data", "train"), message)]
    procedure, whose = spec.training.procedure, "training examples"
    if isinstance(procedure, Federated):
        examples, whose = procedure.examples_of_client(examples), "training examples of a client"
    if batch_size > examples:
        message = f"a batch of {batch_size} is larger than the {examples} {whose}"
        beside = (("data", "train"), ("data", "validation"), ("data", "name"))
        return [Problem(("training", "batch_size"), message, beside)]
    steps = spec.training.length(data.train_examples(known.train))
    return _schedule_problems(spec.training, steps, data, known.classes)


def _schedule_problems(training: TrainingSpec, steps: int, data: DataSpec, classes: int) -> list[Problem]:
    """What does not fit in so many steps, or for so many classes."""
    schedule, weights = training.schedule, training.class_weights
    parts = [("warmup", "a warm-up of", schedule.warmup)]
    parts += [("at", "a fall of the rate after", part) for part in getattr(schedule, "at", ())]
    found = [
        Problem(("training", "schedule", key), f"{what} {part} steps, and the training has {steps}")
        for key, what, part in parts
        if isinstance(part, int) and 0 < steps <= part
    ]
    if weights is not None and len(weights) != classes:
        message = f"{len(weights)} weights, and {data.name} has {classes} classes"
        found.append(Problem(("training", "class_weights"), message))
    elif weights is not None and not any(weights):
        found.append(Problem(("training", "class_weights"), "all are 0, so that nothing would be trained on"))
    return found


@dataclass(frozen=True)
class Trial:
    """A spec and a seed: everything that the numbers of one training depend on."""

    spec: TrialSpec
    seed: int
    search_path: tuple[str, ...] = field(default=(), compare=False)
    """Folders, besides Python's own, where a user's `module:function` is looked for; no part of the identity."""
    data_hash: str | None = field(default=None, compare=False)
    """SHA-256 of the arrays that earlier trials with the same data were trained on, None where there are none yet."""

    @cached_property
    def identity(self) -> str:
        """SHA-256, 64 hexadecimal digits, of the canonical spec, the seed and the protocol version."""
        content = f'{{"protocol": {PROTOCOL}, "seed": {self.seed}, "spec": {_spec_text(self.spec)}}}'
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def folder(self) -> str:
        """Name of the trial's folder: a readable part and the first 16 digits of the identity."""
        spec = self.spec
        data, model, norm = (_readable(block.name) for block in (spec.data, spec.model, spec.norm))
        return f"{data}-{model}-{norm}-b{spec.training.batch_size}-s{self.seed}-{self.identity[:16]}"

    def check_data(self, data_hash: str | None) -> None:
        """UserError where the data, by their hash, are not those of the earlier trials."""
        if self.data_hash and data_hash and self.data_hash != data_hash:
            raise UserError(
                f"data {self.spec.data.name}: loads other data (SHA-256 {data_hash[:12]}) than earlier trials were "
                f"trained on ({self.data_hash[:12]}), and the two cannot be pooled; put the earlier data back, or "
                "train all trials anew with --force"
            )


@lru_cache(maxsize=4096)
def _spec_text(spec: TrialSpec) -> str:
    """The canonical spec as JSON with sorted keys; all seeds of a spec share it."""
    return json.dumps(canonical(spec), sort_keys=True)


def _readable(name: str) -> str:
    """A name, or the last part of a `module:function`, as part of a folder's name."""
    return "".join(c if c.isalnum() else "-" for c in name.rpartition(":")[2])[:32]


def stream(seed: int, *names: str | int) -> int:
    """A seed of 63 bits for one use of chance in a trial: `stream(3, "order", epoch)`, `stream(3, "kernel", "conv1")`.

    Two uses never share numbers, and a use that one variant has and another lacks shifts nothing.
    """
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
