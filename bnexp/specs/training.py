"""How a model is trained: optimizer, schedule, batches, how long, and when validation data are looked at."""

from itertools import count, takewhile
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bnexp.specs.optimizer import Adam, AnyOptimizer
from bnexp.specs.procedure import AnyProcedure, Central, Federated
from bnexp.specs.schedule import AnySchedule, Constant
from bnexp.specs.values import Frozen


class TrainingSpec(Frozen):
    """The optimizer and how the examples reach it."""

    optimizer: AnyOptimizer = Adam()
    schedule: AnySchedule = Field(Constant(), description="the share of the learning rate that each step has")
    procedure: AnyProcedure = Field(Central(), description="how the examples reach the model")
    batch_size: int = Field(64, ge=1)
    epochs: int | None = Field(10, ge=1)
    steps: int | None = Field(None, ge=1, description="how long to train, in place of `epochs`")
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of each label that is spread over all classes alike in what is trained on (Szegedy et al. "
        "2016, https://arxiv.org/abs/1512.00567); all losses that are recorded are those of the true labels",
    )
    class_weights: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False, min_length=1)] | None = (
        Field(None, description="what the loss of an example of each class is multiplied by, as Keras's `class_weight`")
    )
    evaluations: int = Field(
        4, ge=1, le=100, description="looks at the validation data per factor of two in steps, or rounds"
    )
    last_batch: Literal["keep", "drop"] = Field("keep", description="the last, smaller batch of an epoch")
    trained: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="a run has trained where its validation accuracy is above guessing by this share of what is left",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_length(cls, given: Any) -> Any:
        """Who gives steps or rounds gives no epochs."""
        if not isinstance(given, dict):
            return given
        procedure = given.get("procedure")
        name = procedure.get("name") if isinstance(procedure, dict) else getattr(procedure, "name", procedure)
        otherwise = given.get("steps") is not None or name == "federated"
        return {"epochs": None} | given if otherwise else given

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate changes from step to step."""
        return self.schedule != Constant()

    def length(self, examples: int) -> int:
        """Optimizer steps of the whole training on so many examples; of federated training those of one client."""
        if isinstance(self.procedure, Federated):
            return self.procedure.rounds * self.steps_per_round(examples)
        return self.steps or (self.epochs or 0) * self.steps_per_epoch(examples)

    def steps_per_round(self, examples: int) -> int:
        """Steps of a client between two averages of federated training; of central training 1."""
        if not isinstance(self.procedure, Federated):
            return 1
        return self.procedure.local_epochs * self.steps_per_epoch(self.procedure.examples_of_client(examples))

    def examples(self, examples: int) -> int:
        """Training examples that these steps see, of all clients."""
        if isinstance(self.procedure, Federated):
            each = self.examples_per_epoch(self.procedure.examples_of_client(examples))
            return self.procedure.rounds * self.procedure.local_epochs * self.procedure.participants * each
        whole, rest = divmod(self.length(examples), self.steps_per_epoch(examples))
        return whole * self.examples_per_epoch(examples) + rest * self.batch_size

    def passes(self, examples: int) -> int:
        """Passes over the examples, of a client over its own, the last of them begun."""
        if isinstance(self.procedure, Federated):
            return self.procedure.rounds * self.procedure.local_epochs
        return -(-self.length(examples) // self.steps_per_epoch(examples))

    def steps_per_epoch(self, examples: int) -> int:
        """Optimizer steps that one pass over `examples` takes."""
        whole, rest = divmod(examples, self.batch_size)
        return whole + (1 if rest and self.last_batch == "keep" else 0)

    def smaller_batch(self, examples: int) -> int:
        """Examples of the smaller batch at the end of an epoch; 0 where there is none, or training ends before it."""
        if isinstance(self.procedure, Federated):
            examples = self.procedure.examples_of_client(examples)
        ends = self.last_batch == "keep" and self.length(examples) >= self.steps_per_epoch(examples)
        return examples % self.batch_size if ends else 0

    def examples_per_epoch(self, examples: int) -> int:
        """Training examples that one pass over `examples` sees: all of them, or those of whole batches."""
        return examples if self.last_batch == "keep" else examples // self.batch_size * self.batch_size

    def evaluation_steps(self, examples: int) -> list[int]:
        """Steps after which validation data are looked at, increasing, 1-based over the whole training.

        They are 2^(k/n) rounded, k = 0, 1, 2, ..., for `evaluations` n, and the last step: so the time to an accuracy
        is known to the same factor wherever it lies.  They depend on the spec and the number of training examples
        alone, so that trials can be paired.  Of federated training they are ends of so many rounds.
        """
        each = self.steps_per_round(examples)
        last = self.length(examples) // each
        grid = takewhile(lambda end: end < last, (round(2 ** (k / self.evaluations)) for k in count()))
        return [end * each for end in (*dict.fromkeys(grid), last)]
