"""The named optimizers: arguments, and the function that makes each; a line of the union for each."""

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field

from bnexp.specs.values import Frozen, named


class Adam(Frozen):
    """Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980), Keras's defaults."""

    target: ClassVar[str] = "bnexp.training.optimizers:FusedAdam"

    name: Literal["adam"] = "adam"
    learning_rate: float = Field(1e-3, gt=0)
    beta_1: float = Field(0.9, ge=0, lt=1)
    beta_2: float = Field(0.999, ge=0, lt=1)
    epsilon: float = Field(1e-7, gt=0)


class Sgd(Frozen):
    """Stochastic gradient descent, with Keras's definition of momentum."""

    target: ClassVar[str] = "bnexp.training.optimizers:sgd"

    name: Literal["sgd"] = "sgd"
    learning_rate: float = Field(1e-2, gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    nesterov: bool = False


AnyOptimizer = Annotated[Adam | Sgd, Discriminator("name"), named("adam")]
