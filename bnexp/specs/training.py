"""How a model is trained: optimizer, batches, epochs, and when validation data are looked at."""

import math
from typing import Literal

from pydantic import Field

from bnexp.specs.optimizer import Adam, AnyOptimizer
from bnexp.specs.values import Frozen


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
