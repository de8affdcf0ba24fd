"""The optimizers: arguments of each, and what makes it; a line of the union for each, and one's own `module:Class`."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from bnexp.specs.values import Frozen, argument, named

OWN = "my_module:MyOptimizer"
FORM = "an optimizer of your own is written module:Class, as in my_optimizers:MySgd or keras.optimizers:Lion"


class _Optimizer(Frozen):
    """What all have."""

    target: ClassVar[str]

    name: str
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(
        0.0,
        ge=0,
        description="decoupled: before its update each weight, those of norms and biases too, loses this share of "
        "itself, times the learning rate (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101)",
    )
    clipnorm: float | None = Field(None, gt=0, description="the gradient of each weight is shortened to this norm")
    global_clipnorm: float | None = Field(
        None, gt=0, description="all gradients together are (Pascanu et al. 2013, https://arxiv.org/abs/1211.5063)"
    )

    @property
    def arguments(self) -> dict[str, Any]:
        """What `target` is called with."""
        return {**self.model_dump(exclude={"name"}), "weight_decay": self.weight_decay or None}


class Adam(_Optimizer):
    """Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980), Keras's defaults."""

    target: ClassVar[str] = "bnexp.training.optimizers:FusedAdam"

    name: Literal["adam"] = "adam"
    beta_1: float = Field(0.9, ge=0, lt=1)
    beta_2: float = Field(0.999, ge=0, lt=1)
    epsilon: float = Field(1e-7, gt=0)


class AdamW(Adam):
    """Adam with weight decay from the start, Keras's defaults."""

    name: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    weight_decay: float = Field(4e-3, ge=0)


class Sgd(_Optimizer):
    """Stochastic gradient descent, with Keras's definition of momentum."""

    target: ClassVar[str] = "bnexp.training.optimizers:SGD"

    name: Literal["sgd"] = "sgd"
    learning_rate: float = Field(1e-2, gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    nesterov: bool = False


class RmsProp(_Optimizer):
    """RMSprop (Hinton 2012, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf), as Keras's."""

    target: ClassVar[str] = "bnexp.training.optimizers:RMSprop"

    name: Literal["rmsprop"] = "rmsprop"
    rho: float = Field(0.9, ge=0, lt=1)
    momentum: float = Field(0.0, ge=0, lt=1)
    epsilon: float = Field(1e-7, gt=0)
    centered: bool = False


class OwnOptimizer(Frozen):
    """A class of Keras's or one's own.  Every further key is an argument of it, given by keyword."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(argument)]]

    target: ClassVar[str] = "bnexp.training.optimizers:own"

    name: str = Field(description="module:Class of a Keras optimizer", examples=[OWN])
    learning_rate: float = Field(1e-3, gt=0)
    source: str | None = Field(
        None, description="the module's file and those it imports, each with its SHA-256; filled in when loaded"
    )

    @property
    def arguments(self) -> dict[str, Any]:
        """What `target` is called with."""
        return {"spec": self}

    @property
    def own_arguments(self) -> dict[str, Any]:
        """What the class is called with."""
        return {"learning_rate": self.learning_rate, **self.__pydantic_extra__}


def _choice(value: Any) -> Any:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return OWN if isinstance(name, str) and ":" in name else name


AnyOptimizer = Annotated[
    Annotated[Adam, Tag("adam")]
    | Annotated[AdamW, Tag("adamw")]
    | Annotated[Sgd, Tag("sgd")]
    | Annotated[RmsProp, Tag("rmsprop")]
    | Annotated[OwnOptimizer, Tag(OWN)],
    Discriminator(_choice),
    named("adam"),
]
