"""The named models: what a config may say of each, the shapes that follow, and the function that builds it."""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from bnexp.specs.block import Block
from bnexp.specs.initializer import AnyInitializer, AnyRecurrent, GlorotUniform, Orthogonal
from bnexp.specs.values import Frozen, argument, named

Size = Annotated[int, Field(ge=1)]
Sizes = Annotated[tuple[Size, ...], Field(strict=False)]
SizeOrSizes = Annotated[
    Annotated[Size, Tag("one")] | Annotated[Sizes, Tag("each")],
    Discriminator(lambda value: "each" if isinstance(value, list | tuple) else "one"),
]
Activation = Literal["relu", "sigmoid", "tanh", "elu", "gelu", "silu"]
DropoutPlace = Annotated[
    Literal["after-dense", "before-norm", "after-norm", "before-output"],
    Field(description="in dense blocks, before or after the norm of all hidden blocks, or before the output alone"),
]
DROPOUT = "share dropped at the places that dropout_place says"
INITIALIZER = "initializer of every kernel but the recurrent one"
OWN = "my_module:my_model"
FORM = "a model of your own is written module:function, as in my_models:residual"
InitialScale = Annotated[float, Field(gt=0, description="every initial kernel is multiplied by this")]


class Conflict(NamedTuple):
    """A key whose value is right by itself and wrong beside others, those that may be to blame first."""

    key: str
    message: str
    beside: tuple[str, ...] = ()


class CnnSpec(Frozen):
    """The reference CNN; without further keys: conv 32, pool, conv 64, pool, conv 64, dense 64, dense 10."""

    target: ClassVar[str] = "bnexp.models.cnn:build"

    name: Literal["cnn"] = "cnn"
    filters: Sizes = Field((32, 64, 64), description="filters of each convolution, first to last")
    kernel_size: int = Field(3, ge=1, description="height and width of each kernel, in pixels")
    strides: SizeOrSizes = Field(1, description="pixels from one output to the next: of all convolutions, or of each")
    padding: Literal["valid", "same"] = "valid"
    pools: int = Field(2, ge=0, description="2x2 max-pooling after the first so many convolutions")
    dense: Sizes = Field((64,), description="units of each hidden dense layer, first to last")
    activation: Activation = "relu"
    dropout: float = Field(0.0, ge=0, lt=1, description=DROPOUT)
    dropout_place: DropoutPlace = "after-dense"
    initializer: AnyInitializer = Field(GlorotUniform(), description=INITIALIZER)
    initial_scale: InitialScale = 1.0

    @property
    def each_stride(self) -> tuple[int, ...]:
        """The stride of each convolution."""
        return (self.strides,) * len(self.filters) if isinstance(self.strides, int) else self.strides

    def conflicts(self) -> list[Conflict]:
        found = []
        if len(self.each_stride) != len(self.filters):
            count = f"strides has {len(self.each_stride)} numbers, and filters {len(self.filters)}"
            found.append(Conflict("strides", f"{count}; give one number for all, or one for each", ("filters",)))
        if self.dropout and self.dropout_place == "after-dense" and not self.dense:
            message = "nothing is dropped after-dense, for there are no hidden dense layers; give a dropout_place"
            found.append(Conflict("dropout", message, ("dropout_place", "dense")))
        if self.initializer.name == "identity" and self.filters:
            message = "identity is for matrices, and the kernels of convolutions have four dimensions"
            found.append(Conflict("initializer", message))
        return found

    def blocks(self, image: tuple[int, int, int]) -> list[Block]:
        """The hidden blocks in order, for images of (height, width, channels).

        Raises ValueError where the image becomes smaller than a kernel.
        """
        height, width, _ = image
        blocks: list[Block] = []
        for k, (filters, stride) in enumerate(zip(self.filters, self.each_stride, strict=True), 1):
            if self.padding == "valid":
                height, width = height - self.kernel_size + 1, width - self.kernel_size + 1
            if min(height, width) < 1:
                raise ValueError(
                    f"conv{k} would see an image smaller than its {self.kernel_size}x{self.kernel_size} kernel; "
                    f"use a smaller kernel, fewer convolutions or pools, or padding: same"
                )
            height, width = (height - 1) // stride + 1, (width - 1) // stride + 1
            blocks.append(Block(f"conv{k}", "conv", (height, width, filters)))
            if k <= self.pools:
                height, width = height // 2, width // 2
        if min(height, width) < 1:
            raise ValueError(f"{self.pools} times 2x2 pooling leaves nothing of the image; use fewer pools")
        return blocks + [Block(f"dense{k}", "dense", (units,)) for k, units in enumerate(self.dense, 1)]


class MlpSpec(Frozen):
    """A multilayer perceptron: the flattened image, hidden dense layers, logits."""

    target: ClassVar[str] = "bnexp.models.mlp:build"

    name: Literal["mlp"] = "mlp"
    widths: Sizes = Field((256, 128), min_length=1, description="units of each hidden dense layer, first to last")
    width: int | None = Field(None, ge=1, description="units of every hidden layer, in place of widths, with depth")
    depth: int | None = Field(None, ge=1, le=1000, description="number of hidden layers, with width")
    activation: Activation = "relu"
    dropout: float = Field(0.0, ge=0, lt=1, description=DROPOUT)
    dropout_place: DropoutPlace = "after-dense"
    initializer: AnyInitializer = Field(GlorotUniform(), description=INITIALIZER)
    initial_scale: InitialScale = 1.0

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: Any) -> Any:
        """`widths` from width and depth, where they could be right."""
        if isinstance(value, dict) and "widths" not in value:
            width, depth = value.get("width"), value.get("depth")
            if type(width) is type(depth) is int and width > 0 and 0 < depth <= 1000:
                return {**value, "widths": (width,) * depth}
        return value

    def conflicts(self) -> list[Conflict]:
        if (self.width is None) != (self.depth is None):
            missing, given = ("depth", "width") if self.depth is None else ("width", "depth")
            return [Conflict(missing, f"{given} goes with {missing}; give both, or widths alone", (given,))]
        if self.width and self.depth and self.widths != (self.width,) * self.depth:
            message = f"width {self.width} and depth {self.depth} say otherwise; leave one of them out"
            return [Conflict("widths", message, ("width", "depth"))]
        return []

    def blocks(self, image: tuple[int, int, int]) -> list[Block]:
        """The hidden blocks in order, the same for images of any size."""
        return [Block(f"dense{k}", "dense", (units,)) for k, units in enumerate(self.widths, 1)]


class LstmSpec(Frozen):
    """An LSTM over the rows, columns or pixels of the image; logits from its final hidden state."""

    target: ClassVar[str] = "bnexp.models.lstm:build"
    dropout_place: ClassVar[str] = "before-output"

    name: Literal["lstm"] = "lstm"
    units: int = Field(64, ge=1, description="numbers in the hidden state")
    sequence: Literal["rows", "columns", "pixels"] = Field(
        "rows", description="a step: a row, top to bottom; a column, left to right; a pixel, row by row"
    )
    order: Literal["scanline", "permuted"] = Field(
        "scanline", description="permuted: pixels in one random order, the same for all trials"
    )
    downsample: int = Field(1, ge=1, description="the image is first reduced to means of so many by so many pixels")
    dropout: float = Field(0.0, ge=0, lt=1, description="share dropped of the final hidden state")
    initializer: AnyInitializer = Field(GlorotUniform(), description=INITIALIZER)
    recurrent_initializer: AnyRecurrent = Field(Orthogonal(), description="initializer of the recurrent kernel")
    initial_scale: InitialScale = 1.0

    def conflicts(self) -> list[Conflict]:
        if self.order == "permuted" and self.sequence != "pixels":
            return [Conflict("order", f"only pixels are permuted, not {self.sequence}", ("sequence",))]
        return []

    def blocks(self, image: tuple[int, int, int]) -> list[Block]:
        """One step of the sequence, (numbers,), and the final hidden state.

        Raises ValueError where the image does not divide into blocks to average.
        """
        height, width, channels = image
        if height % self.downsample or width % self.downsample:
            size = f"{self.downsample}x{self.downsample}"
            raise ValueError(f"images of {height}x{width} pixels do not divide into blocks of {size}; set downsample")
        pixels = {"rows": width, "columns": height, "pixels": self.downsample}[self.sequence] // self.downsample
        return [Block(self.sequence, "inputs", (pixels * channels,)), Block("state", "state", (self.units,))]

    def cell(self, place: str) -> list[Block]:
        """What is normalized in the cell: the sums of its `inputs` for the four gates, or `in-cell` all that may be."""
        gates = (4 * self.units,)
        found = [Block("input", "cell", gates), Block("hidden", "cell", gates), Block("cell", "cell", (self.units,))]
        return found[:1] if place == "inputs" else found


class OwnModel(Frozen):
    """A function that builds a Keras model.  Every further key is an argument of it, given by keyword."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(argument)]]

    target: ClassVar[str] = "bnexp.models.own:build"

    name: str = Field(description="module:function from images to logits", examples=[OWN])
    source: str | None = Field(
        None, description="the module's file and those it imports, each with its SHA-256; filled in when loaded"
    )

    @property
    def arguments(self) -> dict[str, Any]:
        """What the function is called with, beside images, classes and norm."""
        return dict(self.__pydantic_extra__)

    def conflicts(self) -> list[Conflict]:
        return []

    def blocks(self, image: tuple[int, int, int]) -> list[Block]:
        """None: what is normalized shows when the function is called."""
        return []


def _choice(value: Any) -> Any:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return OWN if isinstance(name, str) and ":" in name else name


AnyModel = Annotated[
    Annotated[CnnSpec, Tag("cnn")]
    | Annotated[MlpSpec, Tag("mlp")]
    | Annotated[LstmSpec, Tag("lstm")]
    | Annotated[OwnModel, Tag(OWN)],
    Discriminator(_choice),
    named("cnn"),
]
