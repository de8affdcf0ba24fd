"""The named normalizations: what a config may say of each, and where it is built.

A row is a frozen value with the method's arguments as fields, and the facts of its card as class variables.
`target` names the function that builds the Keras layer, so that listing the methods imports no TensorFlow.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from bnexp.models.table import Block
from bnexp.values import Frozen

Epsilon = Annotated[float, Field(gt=0, description="added to the variance, under the root")]
Momentum = Annotated[
    float, Field(ge=0, lt=1, description="share of the old value that a moving average keeps at each step")
]


class Norm(Frozen):
    """What every variant has, normalized or not."""

    title: ClassVar[str]
    paper: ClassVar[str]
    link: ClassVar[str]
    formula: ClassVar[str]
    target: ClassVar[str | None] = None
    batch_dependent: ClassVar[bool] = False

    use_bias: bool = Field(True, description="whether the normalized linear layers keep their bias")

    def takes(self, block: Block) -> bool:
        """Whether this block is normalized."""
        return False

    def refusal(self, block: Block) -> tuple[str, str] | None:
        """The key that is wrong and why, if this block cannot be normalized so; None if it can."""
        return None


class Placed(Norm):
    """A normalization that stands before or after the activation of the blocks it takes."""

    place: Literal["before-activation", "after-activation"] = "before-activation"
    layers: Literal["all", "conv", "dense"] = Field("all", description="which blocks are normalized")
    epsilon: Epsilon = 1e-3

    def takes(self, block: Block) -> bool:
        return self.layers in ("all", block.kind)


class NoNorm(Norm):
    title = "No normalization"
    paper = "identity"
    link = ""
    formula = "y = x"

    name: Literal["none"] = "none"


class BatchNorm(Placed):
    title = "Batch normalization"
    paper = "Ioffe & Szegedy 2015"
    link = "https://arxiv.org/abs/1502.03167"
    formula = "y = γ_c (x − μ_c) / √(σ²_c + ε) + β_c; μ, σ² over N,H,W; moving averages at inference"
    target = "bnexp.norms.batch:layer"
    batch_dependent = True

    name: Literal["batch"] = "batch"
    momentum: Momentum = 0.99


class LayerNorm(Placed):
    title = "Layer normalization"
    paper = "Ba, Kiros & Hinton 2016"
    link = "https://arxiv.org/abs/1607.06450"
    formula = "y = γ_c (x − μ_n) / √(σ²_n + ε) + β_c; μ, σ² over H,W,C of each example"
    target = "bnexp.norms.layer:layer"

    name: Literal["layer"] = "layer"


class InstanceNorm(Placed):
    title = "Instance normalization"
    paper = "Ulyanov, Vedaldi & Lempitsky 2016"
    link = "https://arxiv.org/abs/1607.08022"
    formula = "y = γ_c (x − μ_nc) / √(σ²_nc + ε) + β_c; μ, σ² over H,W of each example and channel"
    target = "bnexp.norms.instance:layer"

    name: Literal["instance"] = "instance"
    layers: Literal["conv"] = "conv"

    def refusal(self, block: Block) -> tuple[str, str] | None:
        if block.shape[:2] == (1, 1):
            return "name", f"instance norm of {block.name}, which is 1x1 pixel, would be a constant"
        return None


class GroupNorm(Placed):
    title = "Group normalization"
    paper = "Wu & He 2018"
    link = "https://arxiv.org/abs/1803.08494"
    formula = "y = γ_c (x − μ_ng) / √(σ²_ng + ε) + β_c; μ, σ² over H,W and the C/G channels of each group"
    target = "bnexp.norms.group:layer"

    name: Literal["group"] = "group"
    groups: int = Field(8, ge=1, description="G; must divide the channels of every layer it normalizes")

    def refusal(self, block: Block) -> tuple[str, str] | None:
        channels = block.shape[-1]
        if channels % self.groups:
            return "groups", f"{self.groups} groups do not divide the {channels} channels of {block.name}"
        return None


METHODS: dict[str, type[Norm]] = {
    "none": NoNorm,
    "batch": BatchNorm,
    "layer": LayerNorm,
    "instance": InstanceNorm,
    "group": GroupNorm,
}


def _name(value: Any) -> str | None:
    return value.get("name", "none") if isinstance(value, dict) else getattr(value, "name", None)


AnyNorm = Annotated[
    Annotated[NoNorm, Tag("none")]
    | Annotated[BatchNorm, Tag("batch")]
    | Annotated[LayerNorm, Tag("layer")]
    | Annotated[InstanceNorm, Tag("instance")]
    | Annotated[GroupNorm, Tag("group")],
    Discriminator(_name),
]
