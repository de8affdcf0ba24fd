"""The named models: what a config may say of each, the shapes that follow, and the function that builds it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field

from bnexp.specs.block import Block
from bnexp.specs.values import Frozen, named

Sizes = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)]
Activation = Literal["relu", "sigmoid", "tanh", "elu", "gelu", "silu"]
Initializer = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "orthogonal"]
InitialScale = Annotated[float, Field(gt=0, description="every initial kernel is multiplied by this")]


class CnnSpec(Frozen):
    """The reference CNN; without further keys: conv 32, pool, conv 64, pool, conv 64, dense 64, dense 10."""

    target: ClassVar[str] = "bnexp.models.cnn:build"

    name: Literal["cnn"] = "cnn"
    filters: Sizes = Field((32, 64, 64), description="filters of each convolution, first to last")
    kernel_size: int = Field(3, ge=1, description="height and width of each kernel, in pixels")
    padding: Literal["valid", "same"] = "valid"
    pools: int = Field(2, ge=0, description="2x2 max-pooling after the first so many convolutions")
    dense: Sizes = Field((64,), description="units of each hidden dense layer, first to last")
    activation: Activation = "relu"
    dropout: float = Field(0.0, ge=0, lt=1, description="share dropped after each hidden dense layer")
    initializer: Initializer = Field("glorot_uniform", description="Keras initializer of every kernel")
    initial_scale: InitialScale = 1.0

    def blocks(self, image: tuple[int, int, int]) -> list[Block]:
        """The hidden blocks in order, for images of (height, width, channels).

        Raises ValueError where the image becomes smaller than a kernel.
        """
        height, width, _ = image
        blocks: list[Block] = []
        for k, filters in enumerate(self.filters, 1):
            if self.padding == "valid":
                height, width = height - self.kernel_size + 1, width - self.kernel_size + 1
            if min(height, width) < 1:
                raise ValueError(
                    f"conv{k} would see an image smaller than its {self.kernel_size}x{self.kernel_size} kernel; "
                    f"use a smaller kernel, fewer convolutions or pools, or padding: same"
                )
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
    activation: Activation = "relu"
    dropout: float = Field(0.0, ge=0, lt=1, description="share dropped after each hidden dense layer")
    initializer: Initializer = Field("glorot_uniform", description="Keras initializer of every kernel")
    initial_scale: InitialScale = 1.0

    def blocks(self, image: tuple[int, int, int]) -> list[Block]:
        """The hidden blocks in order, the same for images of any size."""
        return [Block(f"dense{k}", "dense", (units,)) for k, units in enumerate(self.widths, 1)]


class LstmSpec(Frozen):
    """An LSTM over the rows of the image, top to bottom; logits from its final hidden state."""

    target: ClassVar[str] = "bnexp.models.lstm:build"

    name: Literal["lstm"] = "lstm"
    units: int = Field(64, ge=1, description="numbers in the hidden state")
    dropout: float = Field(0.0, ge=0, lt=1, description="share dropped of the final hidden state")
    initializer: Initializer = Field(
        "glorot_uniform", description="Keras initializer of every kernel but the recurrent one, which is orthogonal"
    )
    initial_scale: InitialScale = 1.0

    def blocks(self, image: tuple[int, int, int]) -> list[Block]:
        """The rows of the image, each of width · channels numbers, and the final hidden state."""
        _, width, channels = image
        return [Block("rows", "rows", (width * channels,)), Block("state", "state", (self.units,))]


AnyModel = Annotated[CnnSpec | MlpSpec | LstmSpec, Discriminator("name"), named("cnn")]
