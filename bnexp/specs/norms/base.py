"""What all methods have: arguments as fields, the facts of the card as class variables, the formula in NumPy."""

import re
from collections.abc import Mapping
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from bnexp.specs.block import Block
from bnexp.specs.norms.arrays import Array, Variables
from bnexp.specs.values import Frozen

Epsilon = Annotated[float, Field(gt=0, description="added to the variance, or the mean square, under the root")]
Momentum = Annotated[
    float, Field(ge=0, lt=1, description="share of the old value that a moving average keeps at each step")
]
Layers = Annotated[
    Literal["all", "conv", "dense", "inputs", "rows", "state"],
    Field(description="which blocks are normalized; of lstm inputs (rows: inputs that are rows) and state"),
]
Place = Annotated[
    Literal["before-activation", "after-activation", "inputs", "in-cell"],
    Field(
        description="in blocks before or after the activation; in the cell of lstm on the sums of its inputs alone, or "
        "on those of the hidden state and on the cell state too"
    ),
]
InitialGamma = Annotated[
    float | None,
    Field(ge=0, description="the number that each γ starts at; null: 1, and of batch in the cell of lstm 0.1"),
]
Groups = Annotated[int, Field(ge=1, description="G; must divide the channels of every layer it normalizes")]


def facts(**texts: str) -> Mapping[str, str]:
    """A class's own facts, which nobody changes."""
    return MappingProxyType(texts)


SCALE_AND_SHIFT = facts(gamma="C", beta="C")

MOVING_AVERAGES_LAG = (
    "moving averages lag: momentum 0.99 keeps 37 % of their initial value after 100 steps, 0.9 % after 468"
)

ACTIVATION_REPLACED = "it stands in place of the model's activation, whichever that is"


class Norm(Frozen):
    """What every variant has, normalized or not."""

    title: ClassVar[str]
    paper: ClassVar[str] = ""
    link: ClassVar[str] = ""
    formula: ClassVar[str]
    in_cell: ClassVar[str] = ""
    """The formula inside the cell of an LSTM, and what is special there, where the method has a form for it."""
    target: ClassVar[str | None] = None
    """`"module:function"` of the layer that normalizes; None where the method adds none."""
    cell_target: ClassVar[str | None] = None
    """The same inside the cell of an LSTM; None where the method has no form there."""
    linear_target: ClassVar[str | None] = None
    """`"module:function"` of the linear layer with its own rule for the kernel; None for Keras's."""
    brings_activation: ClassVar[bool] = False
    """Whether its layer stands in place of the model's activation."""
    batch_dependent: ClassVar[bool] = False
    parameters: ClassVar[Mapping[str, str]] = facts()
    """Trained variables beside kernel and bias, by name: their shape in the letters of N,H,W,C; "" is a scalar."""
    state: ClassVar[Mapping[str, str]] = facts()
    """Variables that are kept and not trained, likewise."""
    reduced: ClassVar[Mapping[str, str]] = facts()
    """The axes that statistics are taken over, for `conv` and `dense` outputs (or of the kernel: `fan-in`)."""
    in_training: ClassVar[str] = "the same as at inference"
    in_inference: ClassVar[str] = "the same as in training"
    traps: ClassVar[tuple[str, ...]] = ()
    """What a user should know before comparing it with others."""
    not_dense: ClassVar[str | None] = None
    """Why it normalizes no dense layers, where it does not."""
    not_one_pixel: ClassVar[str | None] = None
    """What would become of maps of 1x1 pixel, for `{}` their layer's name, where it normalizes none."""
    not_one_number: ClassVar[bool] = False
    """Whether it refuses layers where an example is one number."""
    not_one_channel: ClassVar[str | None] = None
    """What it is called where it refuses layers of one channel."""
    centers_channels: ClassVar[bool] = False
    """Whether it subtracts from each channel a mean of that channel alone, and with it a bias that stands before."""
    centers_groups: ClassVar[bool] = False
    """Whether it subtracts from each group a mean of that group alone."""
    centers_batch: ClassVar[bool] = False
    """Whether it subtracts the mean over the batch just as it is, so that of one number nothing is left."""

    if TYPE_CHECKING:
        name: str  # each method's own field, after those that it inherits: the order of the keys of records

    use_bias: bool = Field(
        True, description="whether the normalized linear layers keep their bias; of `none`, all hidden ones"
    )

    def takes(self, block: Block) -> bool:
        """Whether this block is normalized."""
        return self.takes_kind(block.kind) or self.takes_kind(block.name)

    def takes_kind(self, kind: str) -> bool:
        """Whether blocks of this kind are normalized."""
        return getattr(self, "layers", None) in ("all", kind)

    def refusal(self, block: Block) -> tuple[str, str] | None:
        """The key that is wrong and why, if this block cannot be normalized so; None if it can."""
        layer, channels, groups = block.name, block.shape[-1], getattr(self, "groups", None)
        if self.not_one_pixel and block.kind == "conv" and is_single(block):
            return "name", self.not_one_pixel.format(layer)
        if self.not_one_number and prod(block.shape) == 1:
            return "name", f"layer norm of {layer}, which is one number for each example, would be a constant"
        if self.not_one_channel and channels == 1:
            left = "which has one channel, would leave only the sign of a number or less"
            return "name", f"{self.not_one_channel} of {layer}, {left}"
        if groups and channels % groups:
            return "groups", f"{groups} groups do not divide the {channels} channels of {layer}"
        if groups == channels and is_single(block):
            left = f"{groups} groups leave one number to each group of {layer}, which would become a constant"
            return "groups", f"{left}; use fewer groups"
        return None

    def caution(self, block: Block, batch_size: int) -> str | None:
        """What is worth knowing before this block is trained so, although it can be; None if there is nothing."""
        if self.centers_batch and batch_size == 1 and block.kind != "inputs" and is_single(block):
            return f"with one example a batch {block.name} is normalized to the constant β, and learns nothing"
        return None

    def keeps_bias(self, block: Block) -> bool:
        """Whether the linear layer of this block has a bias."""
        return self.use_bias or not self.takes(block)

    def bias_redundant(self, block: Block) -> bool:
        """Whether a bias of this block's linear layer changes nothing in training, because the method removes it."""
        centered = self.centers_channels or (self.centers_groups and getattr(self, "groups", None) == block.shape[-1])
        return centered and getattr(self, "place", "before-activation") == "before-activation"

    def parameter_shapes(self, block: Block) -> dict[str, tuple[int, ...]]:
        """Shapes of the trained variables that the method adds to this block."""
        return {name: _shape(letters, block) for name, letters in self.parameters.items()}

    def state_shapes(self, block: Block) -> dict[str, tuple[int, ...]]:
        """Shapes of the variables that the method keeps for this block without training them."""
        return {name: _shape(letters, block) for name, letters in self.state.items()}

    def statistics_over(self, block: Block) -> str:
        """The axes that statistics are taken over, and how many numbers that is: `H,W,C/G = 26·26·4`; `-` if none."""
        channels = block.shape[-1]
        sizes: dict[str, object] = {"N": "N", "C": channels, "C/G": channels // getattr(self, "groups", 1)}
        sizes |= {"N of a chunk": getattr(self, "ghost_size", "")} | dict(zip("HW", block.shape[:-1], strict=False))

        def counted(axes: str) -> str:
            letters = axes.split(",")
            known = axes != "N" and all(letter in sizes for letter in letters)
            return f"{axes} = {'·'.join(str(sizes[letter]) for letter in letters)}" if known else axes

        parts = re.split("; (?:then )?| and ", self.reduced.get(block.kind, ""))
        return "; ".join(counted(part) for part in parts if part) or "-"

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        """The method's output for inputs x, (N,H,W,C) or (N,C), and its variables `w` by name, as the formula says.

        Where the method acts on weights, x is the input of its linear layer (stride 1, no padding).
        """
        raise NotImplementedError(f"{type(self).__name__} has no formula")


class Placed(Norm):
    """A layer that stands before or after the activation of the blocks it takes."""

    place: Place = "before-activation"
    layers: Layers = "all"

    @property
    def stands_in_cell(self) -> bool:
        """Whether it is told to stand inside the cell of an LSTM."""
        return self.place in ("inputs", "in-cell")


class Normalizing(Placed):
    """A layer that divides by statistics."""

    parameters = SCALE_AND_SHIFT

    epsilon: Epsilon = 1e-3


class Averaging(Normalizing):
    """A layer with moving averages of its batches' statistics, for inference."""

    batch_dependent = True
    state = facts(moving_mean="C", moving_variance="C")
    in_training = "statistics of the batch; the moving averages take them in"
    in_inference = "moving averages"

    momentum: Momentum = 0.99


def is_single(block: Block) -> bool:
    """Whether an example has a single number per channel here: a dense output, or a map of 1x1 pixel."""
    return block.kind == "dense" or prod(block.shape[:-1]) == 1


def _shape(letters: str, block: Block) -> tuple[int, ...]:
    return {"": (), "C": block.shape[-1:], "H,W,C": block.shape}[letters]
