"""Schedules: which share of the optimizer's learning rate each step of a training has."""

import math
from typing import Annotated, Literal

from pydantic import Discriminator, Field

from bnexp.specs.values import Frozen, named

Part = Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0, lt=1)]


class Constant(Frozen):
    """The whole rate at every step behind the warm-up."""

    name: Literal["constant"] = "constant"
    warmup: Part = Field(
        0,
        description="steps over which the rate rises linearly to its whole; a fraction is a share of the training "
        "(Goyal et al. 2017, https://arxiv.org/abs/1706.02677)",
    )

    def shares(self, steps: int) -> list[float]:
        """Of the learning rate, at each of so many steps: step t of a warm-up of w has t/w."""
        rising = counted(self.warmup, steps)
        return [min(1.0, (done + 1) / max(rising, 1)) * self._share(done, rising, steps) for done in range(steps)]

    def _share(self, done: int, rising: int, steps: int) -> float:
        """The same without the rise, after so many of the steps."""
        return 1.0


class Cosine(Constant):
    """Half a cosine, behind the warm-up, from the whole rate to `final` of it.

    Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts.
    """

    name: Literal["cosine"] = "cosine"  # type: ignore[assignment]
    final: float = Field(0.0, ge=0, le=1, description="share of the rate that is left after the last step")

    def _share(self, done: int, rising: int, steps: int) -> float:
        angle = math.pi * max(done - rising, 0) / max(steps - rising, 1)
        return self.final + (1 - self.final) * (1 + math.cos(angle)) / 2


class StepDecay(Constant):
    """The rate is multiplied by `factor` once each of the steps `at` is done."""

    name: Literal["step"] = "step"  # type: ignore[assignment]
    at: Annotated[tuple[Part, ...], Field(strict=False, min_length=1)] = Field(
        (0.5, 0.75), description="steps after which the rate falls; a fraction is a share of the training"
    )
    factor: float = Field(0.1, gt=0, lt=1, description="what the rate is multiplied by each time")

    def _share(self, done: int, rising: int, steps: int) -> float:
        return self.factor ** sum(done >= counted(part, steps) for part in self.at)


AnySchedule = Annotated[Constant | Cosine | StepDecay, Discriminator("name"), named("constant")]


def counted(part: float, steps: int) -> int:
    """How many steps a whole number, or a share of all `steps`, is."""
    return part if isinstance(part, int) else round(part * steps)
