"""What one trial trains, as frozen values that check themselves.

A `TrialSpec` holds everything that changes a result and nothing else.  The values are built from a
config (`experiment.load`) or by a Python user; both get the same errors.  No TensorFlow here.
"""

import math
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from bnexp.specs.block import Block
from bnexp.specs.datasets import DATASETS, ImageSet
from bnexp.specs.model import AnyModel, CnnSpec, LstmSpec
from bnexp.specs.norms.own import OWN, OwnNorm, is_own
from bnexp.specs.norms.table import AnyNorm, NoNorm, Norm
from bnexp.specs.values import Frozen, named
from bnexp.specs.wording import listed, unknown


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


class DataSpec(Frozen):
    """The images, and how they are divided into training and validation."""

    name: str = Field("mnist", description="mnist, mnist-5k, fashion-mnist, cifar10, or your own module:function")
    validation: int | float = Field(
        0.1, ge=0, description="a whole number counts examples, a fraction is a share; stratified, drawn from the seed"
    )
    train: Annotated[int, Field(ge=1)] | None = Field(
        None, description="use only so many training examples, stratified, after the validation split; null: all"
    )
    source: str | None = Field(
        None, description="SHA-256 of your own module's file; filled in when the config is loaded"
    )

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return named(value)

    @field_validator("name")
    @classmethod
    def _known_name(cls, name: str) -> str:
        if name not in DATASETS and ":" not in name:
            raise ValueError(unknown("dataset", name, DATASETS) + ", or your own module:function")
        return name

    @field_validator("validation")
    @classmethod
    def _share(cls, validation: int | float) -> int | float:
        if isinstance(validation, float) and validation >= 1:
            raise ValueError(f"a share lies below 1, not {validation:g}; a count is a whole number, as in 5000")
        return validation

    @property
    def known(self) -> ImageSet | None:
        """Sizes of a named dataset; None for a user's own, known only once it is loaded."""
        return DATASETS.get(self.name)

    def validation_examples(self, available: int) -> int:
        """How many of `available` training examples are set aside for validation."""
        if isinstance(self.validation, float):
            return round(self.validation * available)
        return self.validation

    def train_examples(self, available: int) -> int:
        """How many of `available` training examples are trained on."""
        rest = available - self.validation_examples(available)
        return rest if self.train is None else min(self.train, rest)


class Adam(Frozen):
    """Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980), Keras's defaults."""

    name: Literal["adam"] = "adam"
    learning_rate: float = Field(1e-3, gt=0)
    beta_1: float = Field(0.9, ge=0, lt=1)
    beta_2: float = Field(0.999, ge=0, lt=1)
    epsilon: float = Field(1e-7, gt=0)


class Sgd(Frozen):
    """Stochastic gradient descent, with Keras's definition of momentum."""

    name: Literal["sgd"] = "sgd"
    learning_rate: float = Field(1e-2, gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    nesterov: bool = False


def _optimizer_name(value: Any) -> str | None:
    return value.get("name", "adam") if isinstance(value, dict) else getattr(value, "name", None)


AnyOptimizer = Annotated[Annotated[Adam, Tag("adam")] | Annotated[Sgd, Tag("sgd")], Discriminator(_optimizer_name)]


class Evaluations(Frozen):
    """When validation data are looked at: evenly spaced within an epoch, always at its last step."""

    first_epoch: int = Field(10, ge=1, description="evaluations in the first epoch")
    later_epochs: int = Field(1, ge=1, description="evaluations in each later epoch")


class TrainingSpec(Frozen):
    """The optimizer and how the examples reach it."""

    optimizer: AnyOptimizer = Adam()
    batch_size: int = Field(64, ge=1)
    epochs: int = Field(10, ge=1)
    evaluations: Evaluations = Evaluations()
    last_batch: Literal["keep", "drop"] = Field("keep", description="the last, smaller batch of an epoch")

    @model_validator(mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        if isinstance(value, dict) and "optimizer" in value:
            return {**value, "optimizer": named(value["optimizer"])}
        return value

    def steps_per_epoch(self, examples: int) -> int:
        """Optimizer steps that one pass over `examples` takes."""
        whole, rest = divmod(examples, self.batch_size)
        return whole + (1 if rest and self.last_batch == "keep" else 0)

    def examples_per_epoch(self, examples: int) -> int:
        """Training examples that one pass over `examples` sees: all of them, or those of whole batches."""
        return examples if self.last_batch == "keep" else examples // self.batch_size * self.batch_size

    def evaluation_steps(self, examples: int) -> list[int]:
        """Steps after which validation data are looked at, increasing, 1-based over the whole training.

        They depend on the spec and the number of training examples alone, so that trials can be paired.
        """
        per_epoch = self.steps_per_epoch(examples)
        return [
            epoch * per_epoch + math.ceil(k * per_epoch / points)
            for epoch in range(self.epochs)
            for points in [min(per_epoch, self.evaluations.later_epochs if epoch else self.evaluations.first_epoch)]
            for k in range(1, points + 1)
        ]


def _norm_kind(value: Any) -> str:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return OWN if is_own(name) else "named"


NamedOrOwnNorm = Annotated[
    Annotated[AnyNorm, Tag("named")] | Annotated[OwnNorm, Tag(OWN)],
    Discriminator(_norm_kind),
]


class TrialSpec(Frozen):
    """Everything that one training depends on but its seed."""

    data: DataSpec = DataSpec()
    model: AnyModel = CnnSpec()
    norm: NamedOrOwnNorm = NoNorm()
    training: TrainingSpec = TrainingSpec()

    @model_validator(mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {**value, **{key: named(value[key]) for key in ("model", "norm") if key in value}}
        return value

    @model_validator(mode="after")
    def _check(self) -> "TrialSpec":
        if found := problems(self):
            raise SpecError(found)
        return self


def problems(spec: TrialSpec, loaded: ImageSet | None = None) -> list[Problem]:
    """What is wrong between the parts of a spec whose parts are right by themselves; [] if nothing.

    Checked as far as the data are known: a user's own dataset is checked again once its sizes are `loaded`.
    """
    known = loaded or spec.data.known
    try:
        found = _norm_problems(spec, _blocks(spec, known))
    except ValueError as error:
        return [Problem(("model",), str(error))] if known else []
    if known:
        found += _data_problems(spec, known)
    return found


def cautions(spec: TrialSpec, loaded: ImageSet | None = None) -> list[str]:
    """What is worth knowing of a spec before it is trained, although it can be; as far as the data are known."""
    try:
        blocks = _blocks(spec, loaded or spec.data.known)
    except ValueError:  # too small an image for the model, or so it would be of any size
        return []
    each = (spec.norm.caution(block, spec.training.batch_size) for block in blocks if spec.norm.takes(block))
    return list(dict.fromkeys(text for text in each if text))


def _blocks(spec: TrialSpec, known: ImageSet | None) -> list[Block]:
    """The hidden blocks; of a user's own dataset that is not loaded, those that any image has.  Raises ValueError."""
    if known:
        return spec.model.blocks(known.shape)
    return [block for block in spec.model.blocks(_ANY_IMAGE) if block.kind != "rows"]


def _norm_problems(spec: TrialSpec, blocks: list[Block]) -> list[Problem]:
    """Why the norm cannot stand in this model, or in one of its blocks; [] if it can."""
    norm, model = spec.norm, spec.model.name
    if isinstance(spec.model, LstmSpec) and (problem := _lstm_problem(norm)):
        return [problem]
    if "layers" not in type(norm).model_fields:  # `none`
        return []
    kinds = list(dict.fromkeys(block.kind for block in blocks))
    if norm.not_dense and "conv" not in kinds:
        return [Problem(("norm", "name"), f"{norm.name} takes convolutions, and {model} has none: {norm.not_dense}")]
    if not any(norm.takes(block) for block in blocks):
        message = (
            f"{model} has no layers of this kind that are normalized; it has {listed(kinds) or 'no hidden layers'}"
        )
        return [Problem(("norm", "layers"), message)]
    refusals = [norm.refusal(block) for block in blocks if norm.takes(block)]
    return [Problem(("norm", refusal[0]), refusal[1]) for refusal in refusals if refusal]


def _lstm_problem(norm: Norm) -> Problem | None:
    """Why a norm cannot stand on the rows and the final state of an LSTM."""
    name = getattr(norm, "name", "")
    if norm.linear_target:
        return Problem(
            ("norm", "name"), f"{name} acts on the kernel of a convolution or dense layer, and lstm normalizes none"
        )
    if norm.brings_activation:
        return Problem(
            ("norm", "name"), f"{name} stands in place of an activation, and those of lstm are inside its cell"
        )
    if getattr(norm, "place", None) == "after-activation":
        return Problem(
            ("norm", "place"),
            "the rows and the final state of lstm have no activation behind them; leave the place out",
        )
    if not norm.use_bias:
        return Problem(
            ("norm", "use_bias"),
            "the rows and the final state of lstm have no linear layer before them; leave use_bias out",
        )
    return None


_ANY_IMAGE = (1024, 1024, 1)  # of a user's own dataset only the channel counts are known in advance


def _data_problems(spec: TrialSpec, known: ImageSet) -> list[Problem]:
    data, batch_size = spec.data, spec.training.batch_size
    rest = known.train - data.validation_examples(known.train)
    validation = data.validation_examples(known.train)
    if 0 < validation < known.classes:
        message = f"{validation} validation examples cannot hold each of the {known.classes} classes; use more, or 0"
        return [Problem(("data", "validation"), message)]
    if rest < known.classes:
        return [Problem(("data", "validation"), f"leaves {max(rest, 0)} of {known.train} examples to train on")]
    if data.train is not None and data.train > rest:
        return [
            Problem(("data", "train"), f"{data.train} examples, but after the validation split {data.name} has {rest}")
        ]
    if batch_size > data.train_examples(known.train):
        return [
            Problem(
                ("training", "batch_size"),
                f"a batch of {batch_size} is larger than the {data.train_examples(known.train)} training examples",
                (("data", "train"), ("data", "validation"), ("data", "name")),
            )
        ]
    return []
