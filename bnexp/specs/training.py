"""How a model is trained: optimizer, batches, epochs, and when validation data are looked at."""

from itertools import count, takewhile
from typing import Literal

from pydantic import Field

from bnexp.specs.optimizer import Adam, AnyOptimizer
from bnexp.specs.values import Frozen


class TrainingSpec(Frozen):
    """The optimizer and how the examples reach it."""

    optimizer: AnyOptimizer = Adam()
    batch_size: int = Field(64, ge=1)
    epochs: int = Field(10, ge=1)
    evaluations: int = Field(4, ge=1, le=100, description="looks at the validation data per factor of two in steps")
    last_batch: Literal["keep", "drop"] = Field("keep", description="the last, smaller batch of an epoch")
    trained: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="a run has trained where its validation accuracy is above guessing by this share of what is left",
    )

    def steps_per_epoch(self, examples: int) -> int:
        """Optimizer steps that one pass over `examples` takes."""
        whole, rest = divmod(examples, self.batch_size)
        return whole + (1 if rest and self.last_batch == "keep" else 0)

    def examples_per_epoch(self, examples: int) -> int:
        """Training examples that one pass over `examples` sees: all of them, or those of whole batches."""
        return examples if self.last_batch == "keep" else examples // self.batch_size * self.batch_size

    def evaluation_steps(self, examples: int) -> list[int]:
        """Steps after which validation data are looked at, increasing, 1-based over the whole training.

        They are 2^(k/n) rounded, k = 0, 1, 2, ..., for `evaluations` n, and the last step: so the time to an accuracy
        is known to the same factor wherever it lies.  They depend on the spec and the number of training examples
        alone, so that trials can be paired.
        """
        last = self.epochs * self.steps_per_epoch(examples)
        grid = takewhile(lambda step: step < last, (round(2 ** (k / self.evaluations)) for k in count()))
        return [*dict.fromkeys(grid), last]
